"""The golden vectors that Python and TypeScript share, from this side."""

import json
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

from galley_runtime._monitor._distance import distance, merge

HERE = Path(__file__).parent
FOLDER = HERE / ".." / ".." / "tests" / "fixtures" / "wire"
NAMES = ("reference.json", "buckets-r1.json", "buckets-r2.json", "merged.json")


def read(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_the_code_that_ships_still_writes_them_byte_for_byte(tmp_path):
    subprocess.run([sys.executable, "-I", str(HERE / "wire_vectors.py"), str(tmp_path)], check=True)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_sums_are_the_same_in_any_order_and_any_split():
    buckets = read("buckets-r1.json")["buckets"] + read("buckets-r2.json")["buckets"]
    assert len(buckets) > 4
    expected = merge(buckets)
    for seed in range(5):
        random.Random(seed).shuffle(buckets)
        half = len(buckets) // 2
        parts = [{"streams": {name: s for name, s in merge(part).items()}} for part in (buckets[:half], buckets[half:])]
        assert merge(parts) == expected


def test_distances_are_total_variations_rounded_once():
    reference = {stream["id"]: stream for stream in read("reference.json")["streams"]}
    merged = read("merged.json")["streams"]
    assert merged
    for name, stream in merged.items():
        r, c = reference[name]["counts"], stream["counts"]
        exact = sum(abs(Fraction(a, sum(c)) - Fraction(b, sum(r))) for a, b in zip(c, r)) / 2
        assert stream["totalVariation"] == float(exact) == distance(r, c)


def test_every_stream_sums_to_its_requests_up_to_half_a_unit_a_cell_and_request():
    merged = read("merged.json")
    for name, stream in merged["streams"].items():
        assert abs(sum(stream["counts"]) - stream["n"] * (1 << 20)) <= stream["n"] * len(stream["counts"]) / 2, name
