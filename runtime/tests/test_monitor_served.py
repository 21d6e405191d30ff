"""A rehearsed image served by a real process: what its admin socket tells of requests that came over HTTP."""

import json

import pytest
from live_replica import ModelFolder, Replica
from rehearsed_image import make_image, read, rehearse

pytest.importorskip("cloudpickle")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Rehearsed, with what came out of it where serve looks."""
    image = make_image(tmp_path_factory.mktemp("image"))
    ended = rehearse(image)
    assert ended.returncode == 0, ended.stderr
    (image / "out" / "rehearsed").rename(image / "rehearsed")
    (image / "out" / "rehearsed").symlink_to(image / "rehearsed")
    return image


def ask(replica, *rows, **headers):
    answer = replica.ask("POST", "/invocations", {"dataframe_records": list(rows)}, **headers)
    return answer.status, answer.json()


def told(replica, after=0):
    return replica.ask("GET", f"/galley/v1/buckets?after={after}", admin=True).json()


def told_of(replica, requests):
    """Everything, once so many requests were counted: that happens after the answer."""
    for _ in range(2000):
        state = replica.ask("GET", "/galley/v1/state", admin=True).json()
        if state["requests"] >= requests:
            return told(replica), state
    raise AssertionError(f"{state['requests']} of {requests} requests were counted: {json.dumps(state)}")


def test_every_stream_of_the_reference_counts_what_came_over_http(image):
    with Replica(ModelFolder(image)) as replica:
        for number in range(12):
            status, body = ask(replica, {"kind": "ab"[number % 2], "x": float(number)})
            assert status == 200 and len(body["predictions"]) == 1
        buckets, state = told_of(replica, 12)
    assert state["counted"] == 12 and state["dropped"] == 0 and state["failures"] == 0
    assert buckets["replica"] == "r1" and buckets["boot"] == state["boot"] and not buckets["events"]
    totals, sums = {}, {}
    for bucket in buckets["buckets"]:
        for name, stream in bucket["streams"].items():
            totals[name] = totals.get(name, 0) + stream["n"]
            sums[name] = sums.get(name, 0) + sum(stream["counts"].values())
    streams = {stream["id"]: stream for stream in read(image, "rehearsed/reference.json")["streams"]}
    assert totals == dict.fromkeys(streams, 12)
    for name, whole in sums.items():
        assert abs(whole - 12 * (1 << 20)) <= 12 * len(streams[name]["cells"]), name


def test_a_fallback_over_http_is_told_on_the_day_of_its_event(image):
    with Replica(ModelFolder(image), GALLEY_EVENT_TIME="1") as replica:
        first = told(replica)["seq"]
        row = {"kind": "gone", "x": 1.0}
        assert ask(replica, row, galley_event_time="2013-02-03T04:05:06Z") == (200, {"predictions": [0.5]})
        buckets, _ = told_of(replica, 1)
        assert [bucket["minute"] for bucket in buckets["buckets"]] == [1359864306 // 60]
        events = {event["kind"]: event for event in buckets["events"]}
        fallback = events["fallback"]
        assert (fallback["notebook"], fallback["cell"], fallback["line"]) == ("model.ipynb", 1, 7)
        assert fallback["function"] == "base" and fallback["source"] == "return 0.5  # galley: fallback"
        assert fallback["time"].startswith("2013-02-03T04:05:06") and fallback["seq"] > first
        assert events["category"]["value"] == "gone"
        again = told(replica, buckets["seq"])
        assert not again["buckets"] and not again["events"]


def minutes_of(image, *requests, **environment):
    """The minutes in which a replica counts requests: (path, body, headers) each."""
    with Replica(ModelFolder(image), **environment) as replica:
        for path, body, headers in requests:
            assert replica.ask("POST", path, body, **headers).status == 200
        buckets, _ = told_of(replica, len(requests))
    return sorted(bucket["minute"] for bucket in buckets["buckets"] for _ in range(bucket["requests"]))


def test_nobody_is_believed_when_a_request_happened_unless_the_application_allows_it(image):
    tensors = {
        "inputs": [
            {"name": "kind", "shape": [1], "datatype": "BYTES", "data": ["a"]},
            {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]},
        ]
    }
    plain = {"dataframe_records": [{"kind": "a", "x": 1.0}]}
    requests = [
        ("/invocations", plain, {"galley_event_time": "1970-01-01T00:05:00Z"}),
        ("/v2/models/iris/infer", dict(tensors, parameters={"galley_event_time": "1970-01-01T00:06:00Z"}), {}),
        ("/invocations", {"dataframe_records": [{"kind": "1970-01-01T00:07:00Z", "x": 1.0}]}, {}),
        ("/invocations", plain, {"galley_event_time": "yesterday"}),
    ]
    now = 25_000_000  # minutes since 1970: in the year 2017, long past
    assert min(minutes_of(image, *requests)) > now
    allowed = minutes_of(image, *requests, GALLEY_EVENT_TIME="1")
    assert allowed[:2] == [5, 6] and min(allowed[2:]) > now
    by_column = minutes_of(image, *requests, GALLEY_EVENT_TIME_COLUMN="kind")
    assert by_column[:1] == [7] and min(by_column[1:]) > now
    both = minutes_of(image, *requests, GALLEY_EVENT_TIME="1", GALLEY_EVENT_TIME_COLUMN="kind")
    assert both[:3] == [5, 6, 7] and both[3] > now


def test_a_switch_for_event_times_that_is_neither_on_nor_off_is_named(image):
    with Replica(ModelFolder(image), wait=False, GALLEY_EVENT_TIME="yes") as replica:
        assert "GALLEY_EVENT_TIME is 'yes'" in replica.ended()
        assert replica.process.returncode == 2


def test_a_request_that_is_refused_at_the_door_is_counted_and_is_no_failure_of_the_model(image):
    with Replica(ModelFolder(image)) as replica:
        status, body = ask(replica, {"kind": "a", "x": 1.0}, {"kind": "b"})
        assert (status, body["code"], body["row"]) == (422, "INVALID_COLUMN", 1)
        buckets, state = told_of(replica, 1)
    assert state["failures"] == 0, "what is refused at the door is no failure of the model"
    assert [(bucket["requests"], bucket["refused"]) for bucket in buckets["buckets"]] == [(1, 1)]
