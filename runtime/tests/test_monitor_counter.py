"""From requests to minutes: what a reader gets, what is late, what is let go, and that nothing of it can hurt a request."""

import json
import random
import threading

import pytest

from galley_runtime._monitor import _minutes
from galley_runtime._monitor._distance import merge
from galley_runtime._monitor._events import A_DAY, rfc3339
from galley_runtime._monitor._joint import joint_of
from galley_runtime._monitor._pair import PairCells
from galley_runtime._monitor._projection import ProjectionCells
from galley_runtime._monitor._reference import Seen, reference_of
from galley_runtime._monitor._share import SCALE
from galley_runtime._monitor.counter import Counter, load_counter
from galley_runtime._monitor.profile import Profile

NOW = 1_700_000_000.0


def row(chance):
    return {
        "x": chance.gauss(0, 1),
        "y": chance.gauss(0, 1),
        "kind": chance.choice("abc"),
        "flag": chance.random() < 0.3,
    }


def reference(requests=400, seed=3):
    chance = random.Random(seed)
    seen = [Seen([row(chance)], [chance.choice(["yes", "no"])], []) for _ in range(requests)]
    return json.loads(json.dumps(reference_of(seen, Profile("/nowhere"), "held-out", None)))


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counter(clock):
    return Counter(reference(), clock, environment={}, boot="one")


def ask(counter, rows, predictions=("yes",), time=None, error=None, name="r"):
    observed = counter.begin(name, time)
    observed.rows(rows)
    if error is None:
        observed.predictions(list(predictions))
    else:
        observed.failure(error)
    observed.end()


def some(many, seed=9):
    chance = random.Random(seed)
    return [row(chance) for _ in range(many)]


def test_a_request_of_one_row_adds_one_to_one_cell_of_every_stream(counter):
    ask(counter, some(1))
    (bucket,) = counter.buckets(0)["buckets"]
    assert bucket["requests"] == bucket["rows"] == 1 and bucket["minute"] == int(NOW // 60)
    assert set(bucket["streams"]) == {stream["id"] for stream in counter.table.streams}
    for name, stream in bucket["streams"].items():
        assert stream["n"] == 1 and list(stream["counts"].values()) == [SCALE], name


def test_a_request_of_many_rows_counts_once_and_its_rows_share_it(counter):
    rows = [dict(some(1)[0], kind=kind) for kind in "aab"]
    ask(counter, rows, ["yes", "no", "no"])
    (bucket,) = counter.buckets(0)["buckets"]
    assert (bucket["requests"], bucket["rows"]) == (1, 3)
    assert sorted(bucket["streams"]["input/kind"]["counts"].values()) == [349525, 699051]
    assert sorted(bucket["streams"]["prediction"]["counts"].values()) == [349525, 699051]


def test_a_failed_request_is_one_failure_in_every_stream_of_predictions(counter):
    ask(counter, some(1), error=KeyError("x"))
    (bucket,) = counter.buckets(0)["buckets"]
    cells = next(s["cells"] for s in counter.table.streams if s["id"] == "prediction")
    assert bucket["failures"] == 1 and bucket["streams"]["prediction"]["counts"] == {str(cells.index("failure")): SCALE}
    (event,) = counter.buckets(0)["events"]
    assert (event["kind"], event["stream"], event["value"]) == ("exception", "prediction", "KeyError")


def test_whoever_has_read_up_to_a_seq_gets_only_what_changed_since(counter):
    ask(counter, some(1), time=60.0)
    ask(counter, some(1), time=120.0)
    first = counter.buckets(0)
    assert len(first["buckets"]) == 2 and counter.buckets(first["seq"])["buckets"] == []
    ask(counter, some(1), time=61.0)
    (changed,) = counter.buckets(first["seq"])["buckets"]
    assert changed["minute"] == 1 and changed["requests"] == 2  # cumulative: the reader replaces
    assert len(counter.buckets(0)["buckets"]) == 2  # sent again until it is acknowledged and closed


def test_a_closed_minute_goes_when_it_was_read_and_never_comes_back(counter, clock):
    ask(counter, some(1), time=60.0)
    read = counter.buckets(0)["seq"]
    clock.now += _minutes.OPEN_SECONDS + 1
    ask(counter, some(1), time=70.0)  # its minute is closed
    late = counter.buckets(read)["buckets"]
    assert [(b["minute"], b["late"], b["requests"]) for b in late] == [(1, 1, 1)]
    counter.buckets(counter.buckets(0)["seq"])
    ask(counter, some(1), time=80.0)
    (rest,) = counter.buckets(0)["buckets"]
    assert (rest["minute"], rest["late"], rest["requests"]) == (int(clock.now // 60), 1, 0)
    assert counter.state()["counted"] == 1 and counter.state()["late"] == 2


def test_last_years_traffic_is_not_late_when_it_is_replayed_today(counter):
    for day in range(30):
        ask(counter, some(1), time=1_357_000_000.0 + 86_400 * day)
    assert len(counter.buckets(0)["buckets"]) == 30 and counter.state()["late"] == 0


def test_minutes_that_were_packed_hold_the_same_sums(counter):
    rows = some(300)
    for number, each in enumerate(rows):  # far more minutes than are held as arrays, each visited several times
        ask(counter, [each], time=60.0 * (number % 60), name=str(number))
    single = Counter(reference(), Clock(), environment={}, boot="two")
    for number, each in enumerate(rows):
        ask(single, [each], time=0.0, name=str(number))
    assert merge(counter.buckets(0)["buckets"]) == merge(single.buckets(0)["buckets"])


def test_memory_is_bounded_and_what_was_not_read_is_said_to_be_lost(counter, monkeypatch):
    monkeypatch.setattr(_minutes, "PACKED_BYTES", 5_000)
    for number in range(200):
        ask(counter, some(1, number), time=60.0 * number)
    held = counter.buckets(0)["buckets"]
    state = counter.state()
    assert len(held) < 150 and len(held) + state["dropped"] == 200


def test_a_long_answer_comes_in_parts_that_join(counter, monkeypatch):
    monkeypatch.setattr(_minutes, "ANSWER_COUNTS", 20 * len(counter.table.streams))
    for number in range(25):
        ask(counter, some(1), time=60.0 * number)
    minutes, after = [], 0
    while True:
        part = counter.buckets(after)
        if not part["buckets"]:
            break
        minutes += [bucket["minute"] for bucket in part["buckets"]]
        after = part["seq"]
    assert minutes == list(range(25))


def test_one_minute_larger_than_an_answer_is_told_all_the_same(counter, monkeypatch):
    monkeypatch.setattr(_minutes, "ANSWER_COUNTS", 1)
    for number in range(3):
        ask(counter, some(1), time=60.0 * number)
    first = counter.buckets(0)
    assert [bucket["minute"] for bucket in first["buckets"]] == [0]
    assert [bucket["minute"] for bucket in counter.buckets(first["seq"])["buckets"]] == [1]


def test_late_requests_alone_fill_no_memory(counter, clock):
    ask(counter, some(1), time=60.0)
    clock.now += _minutes.OPEN_SECONDS + 1
    counter.buckets(counter.buckets(0)["seq"])  # minute 1 is read and gone
    for _ in range(200):
        clock.now += 60
        ask(counter, some(1), time=60.0)
    assert len(counter._minutes._dense) <= _minutes.DENSE and counter.state()["late"] == 200
    clock.now += _minutes.KEPT_SECONDS + 1
    ask(counter, some(1), time=60.0)
    assert len(counter._minutes._held) <= 1 and counter.state()["dropped"] == 0


def test_what_was_refused_at_the_door_is_told_apart_from_failures(counter):
    for refuse in (True, False):
        observed = counter.begin("r", 60.0)
        observed.rows(some(1))
        if refuse:
            observed.refused()
        else:
            observed.failure(KeyError("x"))
        observed.end()
    (bucket,) = counter.buckets(0)["buckets"]
    assert (bucket["requests"], bucket["refused"], bucket["failures"]) == (2, 1, 1)
    assert bucket["streams"]["input/kind"]["n"] == 2 and bucket["streams"]["prediction"]["n"] == 1


def test_a_long_value_that_is_new_is_remembered_by_its_beginning(counter):
    base = some(1)[0]
    for number in range(2):
        ask(counter, [dict(base, kind="x" * 5_000 + str(number))])
    (event,) = [event for event in counter.buckets(0)["events"] if event["kind"] == "category"]
    assert event["value"] == "x" * 400 and event["count"] == 2


def test_a_new_category_of_a_closed_set_is_an_event_once_and_ten_a_day_at_most(counter):
    base = some(1)[0]
    for number in range(30):
        ask(counter, [dict(base, kind="new-%d" % (number % 15))], time=86_400.0)
    events = [event for event in counter.buckets(0)["events"] if event["kind"] == "category"]
    assert len(events) == A_DAY and events[0]["count"] == 2 and events[0]["column"] == "kind"
    ask(counter, [dict(base, kind="new-14")], time=2 * 86_400.0)
    assert [event["value"] for event in counter.buckets(0)["events"]][-1] == "new-14"
    assert counter.buckets(counter.buckets(0)["seq"])["events"] == []


def test_a_vocabulary_that_was_still_growing_in_the_reference_makes_no_events():
    chance = random.Random(5)
    seen = [Seen([{"plane": "N%d" % chance.randrange(200)}], ["yes"], []) for _ in range(600)]
    counter = Counter(
        json.loads(json.dumps(reference_of(seen, Profile("/nowhere"), "held-out", None))), Clock(), environment={}
    )
    ask(counter, [{"plane": "never"}])
    assert counter.buckets(0)["events"] == []


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError("no")

    def __len__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "make",
    [
        lambda: [],
        lambda: [Hostile()],
        Hostile,
        lambda: [None],
        lambda: [[{}]],
        lambda: "text",
        lambda: {"x": 1},
        lambda: [{"x": Hostile(), "kind": Hostile()}],
        lambda: [{"x": 10**5000}],
    ],
)
@pytest.mark.parametrize("answer", [list, Hostile, lambda: [Hostile()], lambda: [{"a": 1}], lambda: None])
def test_nothing_that_comes_can_make_counting_raise(counter, make, answer):
    rows, predictions = make(), answer()
    for time in (None, "yesterday", float("nan"), -5.0, 1e300):
        observed = counter.begin(Hostile, time)
        observed.rows(rows)
        observed.predictions(predictions)
        observed.failure(Hostile())
        observed.end()
    state = counter.state()
    assert state["counted"] + state["dropped"] == 5
    json.dumps(counter.buckets(0))
    assert all(bucket["minute"] >= 0 for bucket in counter.buckets(0)["buckets"])


def test_counts_are_exact_when_many_threads_count_at_once(counter):
    def work(seed):
        for number, each in enumerate(some(50, seed)):
            ask(counter, [each], time=60.0 * (number % 3), name="%d-%d" % (seed, number))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    merged = merge(counter.buckets(0)["buckets"])
    assert counter.state()["counted"] == 300
    assert all(stream["n"] == 300 and sum(stream["counts"].values()) == 300 * SCALE for stream in merged.values())


def test_without_a_reference_requests_are_still_counted(tmp_path):
    counter = load_counter(tmp_path, tmp_path, Clock())
    ask(counter, some(1))
    (bucket,) = counter.buckets(0)["buckets"]
    assert bucket["requests"] == 1 and bucket["streams"] == {} and counter.state()["reference"] is None


def test_the_reference_is_what_counting_its_own_requests_gives(clock):
    chance = random.Random(8)
    seen = [
        Seen([row(chance) for _ in range(chance.choice([1, 1, 4]))], ["yes"], []) for _ in range(40)
    ]  # too few to split
    for request in seen:
        request.predictions = ["yes", "no", "no", "yes"][: len(request.rows)]
    made = json.loads(json.dumps(reference_of(seen, Profile("/nowhere"), "held-out", None)))
    counter = Counter(made, clock, environment={})
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


def test_dates_have_an_age_where_the_rows_of_the_reference_say_when_they_happened(clock):
    chance = random.Random(6)
    seen = [Seen([dated(chance, NOW - 3600 * at)], ["yes"], []) for at in range(300)]
    seen.append(Seen([dict(seen[0].rows[0], at="soon")], ["yes"], []))  # nobody knows its age
    without = reference_of(seen, Profile("/nowhere"), "held-out", None)
    assert not [stream["id"] for stream in without["streams"] if stream["kind"] == "age"]
    made = json.loads(json.dumps(reference_of(seen, Profile("/nowhere"), "held-out", None, "at")))
    (age,) = [stream for stream in made["streams"] if stream["kind"] == "age"]
    others = {stream["n"] for stream in made["streams"] if stream["group"] == "inputs" and stream is not age}
    assert age["id"] == "input/booked/age" and sum(age["counts"]) == age["n"] * SCALE and others == {age["n"] + 1}
    counter = Counter(made, clock, environment={})
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


def test_when_requests_come_too_fast_some_leave_out_their_joint_cells_and_n_says_so(counter, clock):
    counter._joint_room = 20
    for minute in range(2):
        for number in range(100):
            ask(counter, some(1, number), name="m%d-%d" % (minute, number))
        clock.now += 60
    first, second = (bucket["streams"]["joint/pair/x×y"]["n"] for bucket in counter.buckets(0)["buckets"])
    assert first == 100 and 2 <= second <= 30
