"""From requests to minutes: what a reader gets, what is late, what is let go, and that nothing of it can hurt a request."""

import json
import random
import threading

import pytest
from counting import NOW, Clock, ask, reference, some

from galley_runtime._monitor import _minutes
from galley_runtime._monitor._distance import merge
from galley_runtime._monitor._events import A_DAY
from galley_runtime._monitor._reference import Seen, reference_of
from galley_runtime._monitor._share import SCALE
from galley_runtime._monitor.counter import Counter, load_counter
from galley_runtime._monitor.profile import Profile


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counter(clock):
    return Counter(reference(), clock, environment={}, boot="one")


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


def test_what_nobody_scored_is_counted_nowhere_and_leaves_its_paths(counter):
    counter.profile = Profile("/nowhere")
    outside, token = counter.profile.enter()
    observed = counter.begin("r", 60.0)
    observed.rows(some(1))
    observed.forget()
    assert counter.profile._current.get() is outside
    counter.profile.leave(token)
    assert counter.buckets(0)["buckets"] == [] and counter.state()["requests"] == 0


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


def test_when_requests_come_too_fast_some_leave_out_their_joint_cells_and_n_says_so(counter, clock):
    counter._joint_room = 20
    for minute in range(2):
        for number in range(100):
            ask(counter, some(1, number), name="m%d-%d" % (minute, number))
        clock.now += 60
    first, second = (bucket["streams"]["joint/pair/x×y"]["n"] for bucket in counter.buckets(0)["buckets"])
    assert first == 100 and 2 <= second <= 30
