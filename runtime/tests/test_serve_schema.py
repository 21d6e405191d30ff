"""What becomes of rows that are unlike those of the training run, in each mode of `service.schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from live_replica import COLUMNS, ROW, ModelFolder, Replica

from galley_runtime._errors import RequestError
from galley_runtime._inferred import infer
from galley_runtime._schema import Column, Schema
from galley_runtime._serve._door import Door

PREDICT = "/v1/models/iris:predict"
#: Answers what it got, so that a test sees what the door let through.
ECHO = "def predictor(rows): return [dict(row) if isinstance(row, dict) else row for row in rows]\n"
BOUNDED: List[Dict[str, Any]] = [
    {**COLUMNS[0], "categories": ["iris", "rose"]},
    {**COLUMNS[1], "range": [1.0, 5.0], "floats": True},
    COLUMNS[2],
    {**COLUMNS[3], "range": [0, 9]},
    COLUMNS[4],
]


def replica_of(tmp_path: Path, mode: str, columns: List[Dict[str, Any]] = BOUNDED, call_form: str = "records") -> Replica:
    folder = ModelFolder(tmp_path).write(ECHO, call_form, columns=columns, prediction={"type": "any"}, example={"rows": [ROW]})
    return Replica(folder, **({"GALLEY_SCHEMA": mode} if mode else {}))


@pytest.fixture(scope="module")
def strict(tmp_path_factory: Any) -> Iterator[Replica]:
    with replica_of(tmp_path_factory.mktemp("strict"), "strict") as started:
        yield started


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: Any) -> Iterator[Replica]:
    with replica_of(tmp_path_factory.mktemp("lenient"), "lenient") as started:
        yield started


def violations(replica: Replica) -> Dict[str, int]:
    lines = replica.ask("GET", "/metrics", admin=True).body.decode().splitlines()
    name = "galley_schema_violations_total"
    return {line[len(name) :].rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{")}


def test_typed_is_what_a_service_does_by_itself_and_it_lets_new_values_through(tmp_path: Path) -> None:
    with replica_of(tmp_path, "") as replica:
        new = {**ROW, "name": "tulip", "length": 99}
        assert replica.ask("POST", PREDICT, {"instances": [new]}).json() == {"predictions": [{**new, "length": 99.0}]}
        schema = replica.ask("GET", "/openapi.json").json()["components"]["schemas"]["Row"]
        assert "enum" not in json.dumps(schema)
        assert violations(replica) == {}


def test_every_violation_of_a_request_is_named_by_row_and_column_and_counted(tmp_path: Path) -> None:
    with replica_of(tmp_path, "typed") as replica:
        rows = [{**ROW, "length": "long", "petals": None}, ROW, {"name": 7, "lenght": 1, "width": 1, "petals": 2, "wild": True}]
        answer = replica.ask("POST", PREDICT, {"instances": rows})
        assert answer.status == 422
        assert (answer.json()["row"], answer.json()["column"], answer.json()["kind"]) == (0, "length", "type")
        told = [(found["row"], found["column"], found["kind"]) for found in answer.json()["violations"]]
        assert told == [(0, "length", "type"), (0, "petals", "null"), (2, "lenght", "unknown"), (2, "name", "type"), (2, "length", "missing")]
        assert violations(replica) == {
            '{column="length",kind="type",outcome="refused"}': 1,
            '{column="petals",kind="null",outcome="refused"}': 1,
            '{column="",kind="unknown",outcome="refused"}': 1,
            '{column="name",kind="type",outcome="refused"}': 1,
            '{column="length",kind="missing",outcome="refused"}': 1,
        }


def test_names_that_a_client_made_long_are_told_short_however_often_they_are_told() -> None:
    columns = [Column(f"column {number}", "number", False) for number in range(100)]
    door = Door(Schema("records", columns), "typed", lambda *_: None)
    with pytest.raises(RequestError) as refused:
        door.admit([{"x" * 1_000_000: 1}])
    assert len(refused.value.details["violations"]) == 20
    assert len(json.dumps(refused.value.body())) < 10_000


def test_a_request_of_nothing_but_violations_is_looked_at_no_further_than_a_thousand(tmp_path: Path) -> None:
    with replica_of(tmp_path, "typed") as replica:
        answer = replica.ask("POST", PREDICT, {"instances": [{**ROW, "wild": 7}] * 5000})
        assert len(answer.json()["violations"]) == 20
        assert violations(replica) == {'{column="wild",kind="type",outcome="refused"}': 1000}


@pytest.mark.parametrize(
    ("change", "column", "kind", "word"),
    [
        ({"name": "tulip"}, "name", "category", "iris, rose"),
        ({"length": 5.5}, "length", "range", "outside of 1.0 to 5.0"),
        ({"petals": -1}, "petals", "range", "outside of 0 to 9"),
        ({"wild": 1}, "wild", "type", "true or false"),
    ],
)
def test_strict_refuses_what_the_sample_did_not_have(strict: Replica, change: Dict[str, Any], column: str, kind: str, word: str) -> None:
    answer = strict.ask("POST", PREDICT, {"instances": [ROW, {**ROW, **change}]})
    assert (answer.status, answer.json()["row"], answer.json()["column"]) == (422, 1, column)
    assert answer.json()["kind"] == kind
    assert word in answer.json()["error"] + answer.json()["hint"]
    assert strict.ask("POST", PREDICT, {"instances": [{**ROW, "width": None}]}).status == 200
    row = strict.ask("GET", "/openapi.json").json()["components"]["schemas"]["Row"]["properties"]
    assert row["length"] == {"type": "number", "minimum": 1.0, "maximum": 5.0}
    assert row["name"] == {"type": "string", "enum": ["iris", "rose"]}
    assert "1.0 to 5.0" in strict.ask("GET", "/docs").body.decode()


def test_lenient_mends_what_can_be_read_in_one_way_only(lenient: Replica) -> None:
    sent = {"name": 5, "length": " 2.50", "petals": "3", "wild": "true", "colour": "red"}
    answer = lenient.ask("POST", PREDICT, {"instances": [sent, {**ROW, "width": "", "wild": 0}]})
    mended = {"name": "5", "length": 2.5, "width": None, "petals": 3, "wild": True}
    assert answer.json() == {"predictions": [mended, {**ROW, "width": None, "wild": False}]}
    found = violations(lenient)
    assert found['{column="",kind="unknown",outcome="mended"}'] == 1
    assert found['{column="width",kind="missing",outcome="mended"}'] == 1
    assert found['{column="wild",kind="type",outcome="mended"}'] == 2


@pytest.mark.parametrize("change", [{"length": "long"}, {"length": None}, {"petals": 2.5}, {"wild": 2}, {"length": "1_0"}])
def test_lenient_refuses_what_it_would_have_to_guess(lenient: Replica, change: Dict[str, Any]) -> None:
    answer = lenient.ask("POST", PREDICT, {"instances": [{**ROW, **change}]})
    assert (answer.status, answer.json()["column"]) == (422, next(iter(change)))


def test_off_looks_at_nothing(tmp_path: Path) -> None:
    with replica_of(tmp_path, "off") as replica:
        odd = {"name": None, "colour": [1, {}]}
        assert replica.ask("POST", PREDICT, {"instances": [odd, 7]}).json() == {"predictions": [odd, 7]}
        assert replica.ask("POST", PREDICT, {"instances": [list(ROW.values())]}).json() == {"predictions": [ROW]}
        assert replica.ask("POST", PREDICT, {"instances": 7}).status == 400  # that much V1 itself demands
        assert violations(replica) == {}


def test_a_mode_that_there_is_not_ends_the_replica_with_its_name(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path).write(ECHO)
    with Replica(folder, wait=False, GALLEY_SCHEMA="loose") as replica:
        assert "GALLEY_SCHEMA is 'loose'" in replica.ended()
        assert replica.process.returncode == 2


def test_hostile_names_of_columns_stay_inside_their_label(tmp_path: Path) -> None:
    name = 'a"} 1\ngalley_ready 0\\'
    with replica_of(tmp_path, "typed", [{"name": name, "type": "number", "nullable": False}]) as replica:
        assert replica.ask("POST", PREDICT, {"instances": [{name: "x"}]}).status == 422
        text = replica.ask("GET", "/metrics", admin=True).body.decode()
        assert r'{column="a\"} 1\ngalley_ready 0\\",kind="type",outcome="refused"} 1' in text
        assert "galley_ready 1" in text.splitlines()


def rows_like(**values: List[Any]) -> List[Dict[str, Any]]:
    return [dict(zip(values, row)) for row in zip(*values.values())]


def test_a_sample_gives_ranges_categories_and_floats_and_they_survive_the_file() -> None:
    rows = rows_like(
        delay=[float(n) for n in range(40)], hour=[n % 24 for n in range(40)], carrier=["UA", "B6"] * 20, note=[f"n{n}" for n in range(40)]
    )
    schema = Schema.from_json(json.loads(json.dumps(infer(rows, "records").to_json())))
    by_name = {column.name: column for column in schema.columns}
    assert (by_name["delay"].range, by_name["delay"].floats, by_name["delay"].type) == ((0.0, 39.0), True, "number")
    assert (by_name["hour"].range, by_name["hour"].floats, by_name["hour"].type) == ((0, 23), False, "integer")
    assert by_name["carrier"].categories == ("B6", "UA")
    assert by_name["note"].categories is None


def test_three_rows_prove_no_range() -> None:
    schema = infer(rows_like(delay=[1.0, 2.0, 3.0], carrier=["UA", "UA", "UA"]), "records")
    assert [(column.range, column.categories, column.floats) for column in schema.columns] == [(None, None, False)] * 2


def test_a_whole_number_in_a_column_of_floats_is_the_float_that_the_model_was_trained_with() -> None:
    schema = infer(rows_like(delay=[n / 2 for n in range(40)], count=list(range(40))), "records")
    conformed = schema.conform([{"delay": 3, "count": 4.0}])
    assert [type(value) for value in conformed[0].values()] == [float, int]


def test_an_integer_column_with_gaps_takes_null_and_integers_that_fit_in_64_bits() -> None:
    schema = infer(rows_like(count=[None if n == 7 else n for n in range(40)]), "frame")
    assert (schema.columns[0].type, schema.columns[0].nullable) == ("integer", True)
    assert schema.conform([{"count": None}, {"count": 3}]) == [{"count": None}, {"count": 3}]
    found = list(schema.problems([{"count": 2**63}, {"count": 10**400}, {"count": 2**63 - 1}]))
    assert [(error.row, error.column) for error in found] == [(0, "count"), (1, "count")]
