"""The reference that a rehearsal makes: which requests decide its cells, which are counted, and that numpy changes nothing."""

import json
import random

import pytest
from counting import NOW, Clock, ask, reference, row

from galley_runtime._monitor._distance import merge
from galley_runtime._monitor._events import rfc3339
from galley_runtime._monitor._joint import joint_of
from galley_runtime._monitor._pair import PairCells
from galley_runtime._monitor._projection import ProjectionCells
from galley_runtime._monitor._reference import Seen, reference_of
from galley_runtime._monitor._share import SCALE
from galley_runtime._monitor.counter import Counter
from galley_runtime._monitor.profile import Profile


def test_the_reference_is_what_counting_its_own_requests_gives():
    chance = random.Random(8)
    seen = [
        Seen([row(chance) for _ in range(chance.choice([1, 1, 4]))], ["yes"], []) for _ in range(40)
    ]  # too few to split
    for request in seen:
        request.predictions = ["yes", "no", "no", "yes"][: len(request.rows)]
    made = json.loads(json.dumps(reference_of(seen, Profile("/nowhere"), "held-out", None)))
    counter = Counter(made, Clock(), environment={})
    for request in seen:
        ask(counter, request.rows, request.predictions)
    merged = merge(counter.buckets(0)["buckets"])
    for stream in made["streams"]:
        live = merged[stream["id"]]
        counts = [live["counts"].get(str(at), 0) for at in range(len(stream["cells"]))]
        assert (live["n"], counts) == (stream["n"], stream["counts"]), stream["id"]


def dated(chance, at):
    booked = at - chance.randrange(30 * 86_400)
    return {"at": rfc3339(at), "booked": rfc3339(booked), "x": chance.gauss(0, 1)}


def test_dates_have_an_age_where_the_rows_of_the_reference_say_when_they_happened():
    chance = random.Random(6)
    seen = [Seen([dated(chance, NOW - 3600 * at)], ["yes"], []) for at in range(300)]
    seen.append(Seen([dict(seen[0].rows[0], at="soon")], ["yes"], []))  # nobody knows its age
    without = reference_of(seen, Profile("/nowhere"), "held-out", None)
    assert not [stream["id"] for stream in without["streams"] if stream["kind"] == "age"]
    made = json.loads(json.dumps(reference_of(seen, Profile("/nowhere"), "held-out", None, "at")))
    (age,) = [stream for stream in made["streams"] if stream["kind"] == "age"]
    others = {stream["n"] for stream in made["streams"] if stream["group"] == "inputs" and stream is not age}
    assert age["id"] == "input/booked/age" and sum(age["counts"]) == age["n"] * SCALE and others == {age["n"] + 1}
    counter = Counter(made, Clock(), environment={})
    ask(counter, [dated(chance, NOW), dated(chance, NOW)], time=NOW)
    ask(counter, [dated(chance, NOW)], time=NOW + 365 * 86_400)  # old when it was asked
    first, second = (bucket["streams"]["input/booked/age"] for bucket in counter.buckets(0)["buckets"])
    assert first["n"] == 1 and sum(first["counts"].values()) == SCALE
    assert second["counts"] == {str(age["cells"].index("> max")): SCALE}


def test_counts_of_the_reference_leave_out_what_decided_its_cells():
    made = reference(1000)
    deciding, counted = made["splitRequests"]
    assert deciding + counted == 1000 and 150 < deciding < 250
    assert all(stream["n"] == counted for stream in made["streams"])


def test_predictions_of_rows_that_a_fit_has_seen_are_not_in_the_reference():
    chance = random.Random(1)
    seen = [Seen([row(chance)], ["fitted" if at % 2 else "fresh"], [], held_out=at % 2 == 0) for at in range(400)]
    made = reference_of(seen, Profile("/nowhere"), "held-out", None)
    stream = next(stream for stream in made["streams"] if stream["id"] == "prediction")
    assert stream["cells"][0] == "fresh" and stream["counts"][0] == stream["n"] * SCALE and stream["learning"] is True


def test_predictions_learn_until_enough_requests_of_the_reference_were_held_out():
    def learning(held_out):
        chance = random.Random(1)
        seen = [Seen([row(chance)], ["yes"], [], held_out=held_out) for _ in range(800)]
        made = reference_of(seen, Profile("/nowhere"), "held-out", None)
        return [stream.get("learning", False) for stream in made["streams"] if stream["group"] == "predictions"]

    assert learning(True) == [False] and learning(False) == [True]


def test_projections_find_what_pairs_of_medians_cannot_and_are_equal_with_and_without_numpy():
    numpy = pytest.importorskip("numpy")
    from galley_runtime._monitor import _column

    chance = random.Random(2)
    rows = [row(chance) for _ in range(800)]
    names = ["x", "y", "kind"]
    columns = dict(zip(names, _column.take(rows, names)))
    kinds = {name: _column.cells_of(values, values) for name, values in columns.items()}
    joint, streams = joint_of(columns, kinds, numpy)
    edges = [stream["edges"] for stream in streams if stream["kind"] == "projection"]
    assert len(edges) == 32 and all(len(each) == 11 for each in edges)
    with_numpy, by_hand = ProjectionCells(joint, edges, numpy), ProjectionCells(joint, edges, None)
    lines = [tuple(row[name] for name in with_numpy.features.columns) for row in rows[:100]] + [
        (None, float("nan"), "zz")
    ]
    pairs = [(a, b) for one, two in zip(with_numpy.values(lines), by_hand.values(lines)) for a, b in zip(one, two)]
    assert max(abs(a - b) for a, b in pairs) < 1e-9
    values = numpy.array(with_numpy.values([tuple(row[name] for name in with_numpy.features.columns) for row in rows]))
    # Whitened: unit variance, but for the one direction of five in which one-hot columns have none.
    assert abs(values.mean()) < 0.01 and abs(values.std() - 0.8**0.5) < 0.05


def test_pairs_are_equal_by_hand_and_by_numpy_with_missing_values():
    numpy = pytest.importorskip("numpy")
    chance = random.Random(4)
    splits = {"a": 0.0, "b": 1.0, "c": -0.5}
    one, two = PairCells(splits, numpy), PairCells(splits, None)
    values = [[chance.choice([None, float("nan"), chance.gauss(0, 1)]) for _ in range(9)] for _ in splits]
    flat, present = one.shares(values)
    assert (flat.tolist(), present.tolist()) == two.shares(values)
    assert one.counts(values) == [list(four) for four in two.counts(values)]
    for at in range(9):
        single = [column[at] for column in values]
        places, numbers = one.positions(single)
        expected, there = two.positions(single)
        assert (
            list(places) == list(expected) and list(range(3))[numbers] == there
            if isinstance(numbers, slice)
            else list(numbers) == there
        )
