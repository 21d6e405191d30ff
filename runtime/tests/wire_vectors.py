"""`python wire_vectors.py FOLDER`: writes the golden vectors of `tests/fixtures/wire/`.

A reference, what two replicas then counted, and the exact sums and distances that every reader must get from them. It runs
the code that ships, with fixed clocks and boots and without numpy, so it writes the same bytes on every Python.
"""

import json
import os
import random
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "src"))

from galley_runtime._monitor import profile  # noqa: E402
from galley_runtime._monitor._distance import distances, merge  # noqa: E402
from galley_runtime._monitor._events import rfc3339  # noqa: E402
from galley_runtime._monitor._reference import Seen, reference_of  # noqa: E402
from galley_runtime._monitor.counter import Counter  # noqa: E402

CELL = """def predictor(rows):
    out = []
    for row in rows:
        wind = row["wind"]
        if wind is None:
            wind = 10.0  # galley: fallback
        out.append("late" if wind > 25 or row["delay"] > 15 else "on time")
    return out
"""


def row(chance, at, shift=0.0, feed=True):
    booked = at - chance.randrange(20 * 86_400)
    return {
        "at": rfc3339(at),
        "booked": rfc3339(booked),
        "delay": round(chance.gauss(5 + shift, 12), 1),
        "wind": round(chance.uniform(0, 40), 1) if feed else None,
        "carrier": chance.choice(["UA", "UA", "B6", "DL", "9E"] if not shift else ["UA", "ZZ"]),
    }


def made():
    """{file name: content}."""
    namespace = {"__name__": "__main__"}
    exec(compile(CELL, "flight.ipynb#cell=3", "exec"), namespace)
    predictor = namespace["predictor"]
    cells = {"cells": [{"notebook": "flight.ipynb", "cell": 3, "source": CELL}]}
    model = types.SimpleNamespace(predictor=predictor, validator=None)
    watching = profile.install(None, model, cells, "/nowhere")
    chance = random.Random(7)
    seen = []
    for hour in range(600):
        rows = [row(chance, 1_357_000_000.0 + 3600 * hour) for _ in range(chance.choice([1, 1, 1, 3]))]
        block, token = watching.enter()
        predictions = predictor(rows)
        watching.leave(token)
        seen.append(Seen(rows, predictions, list(watching.taken(block))))
    reference = reference_of(seen, watching, "held-out", None, "at")
    files = {"reference.json": reference}
    requests = {"r1": (0.0, True, 40), "r2": (30.0, False, 25)}
    for replica, (shift, feed, many) in requests.items():
        counter = Counter(
            json.loads(json.dumps(reference)),
            lambda: 1_700_000_000.0,
            environment={"GALLEY_REPLICA": replica},
            boot="boot-of-" + replica,
        )
        counter.attach(watching)
        for number in range(many):
            at = 1_385_856_000.0 + 7 * number
            rows = [row(chance, at, shift, feed) for _ in range(chance.choice([1, 2, 3, 7]))]
            observed = counter.begin("%s-%d" % (replica, number), at)
            observed.rows(rows)
            observed.predictions(predictor(rows))
            if number % 13 == 12:
                observed.refused()
            if number % 11 == 10:
                observed.failure(ValueError("no"))
            observed.end()
        files["buckets-%s.json" % replica] = counter.buckets(0)
    watching.remove()
    buckets = [bucket for name, file in files.items() if name.startswith("buckets") for bucket in file["buckets"]]
    apart = distances(reference, buckets)
    merged = {}
    for name, stream in merge(buckets).items():
        cells = next(each["cells"] for each in reference["streams"] if each["id"] == name)
        counts = [stream["counts"].get(str(at), 0) for at in range(len(cells))]
        merged[name] = {"n": stream["n"], "counts": counts, "totalVariation": apart[name]["distance"]}
    totals = {key: sum(bucket[key] for bucket in buckets) for key in ("requests", "rows", "failures", "refused", "late")}
    files["merged.json"] = dict({"schema": "galley.dev/merged-vectors/v1"}, **totals, streams=merged)
    return files


if __name__ == "__main__":
    for name, content in made().items():
        with open(os.path.join(sys.argv[1], name), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            file.write("\n")
