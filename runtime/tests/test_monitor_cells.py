"""Which cell a value falls into, kind by kind (MONITORS.md §2)."""

import random

import pytest

from galley_runtime._monitor import _column
from galley_runtime._monitor._category import CategoryCells, fingerprint
from galley_runtime._monitor._date import AgeCells, HourCells, WeekdayCells, duration, is_date_column
from galley_runtime._monitor._numeric import NumericCells
from galley_runtime._monitor._prediction import ClassCells, ScoreCells, cells_of, parts_of
from galley_runtime._monitor._share import SCALE, scaled, share
from galley_runtime._monitor._split import in_dictionary, keep_by_hash
from galley_runtime._monitor._text import CharacterCells, TextCells
from galley_runtime._time import seconds_of

INF = float("inf")


def label(cells, value):
    return cells.describe()["cells"][cells.cell(value)]


def test_shares_are_rounded_with_halves_away_from_zero():
    assert [share(k, 3) for k in range(4)] == [0, 349525, 699051, SCALE]
    assert share(1, 2 * SCALE) == 1 and share(1, 2 * SCALE + 1) == 0
    assert scaled(0.5 / SCALE) == 1 and scaled(-1.0) == 0 and scaled(2.0) == SCALE and scaled(float("nan")) == 0


def test_bins_are_right_closed_and_the_first_holds_the_smallest_value():
    cells = NumericCells([0.0, 1.0, 2.0], [])
    shown = {value: label(cells, value) for value in (-0.1, 0, 0.0, 0.5, 1.0, 1.5, 2, 2.1)}
    assert shown == {-0.1: "< min", 0: "[0, 1]", 0.5: "[0, 1]", 1.0: "[0, 1]", 1.5: "(1, 2]", 2: "(1, 2]", 2.1: "> max"}


def test_what_is_no_finite_number_has_cells_of_its_own():
    cells = NumericCells([0.0, 1.0], [])
    shown = [label(cells, value) for value in (float("nan"), INF, -INF, None, "1", True, [1], {}, 10**400, -(10**400))]
    assert shown == ["NaN", "+inf", "-inf", "null"] + ["wrong type"] * 4 + ["> max", "< min"]


def test_values_above_a_twentieth_of_the_rows_are_atoms_and_bins_are_cut_without_them():
    chance = random.Random(1)
    values = [0.0] * 500 + [chance.uniform(1, 2) for _ in range(500)]
    cells = NumericCells.of(values, values)
    assert list(cells.atoms) == [0.0] and label(cells, 0) == "= 0" and cells.edges[0] >= 1
    counts = [0] * len(cells.labels())
    for value in values[500:]:
        counts[cells.cell(value)] += 1
    assert len(cells.edges) == 11 and max(counts) <= 70 and min(counts[1:11]) >= 30


def test_atoms_come_from_the_dictionary_and_bins_from_all_rows():
    cells = NumericCells.of([0.0] * 50 + list(range(1, 51)), [float(i) for i in range(100, 200)])
    assert not cells.atoms and cells.edges[-1] == 50


def test_a_small_dictionary_does_not_make_an_atom_of_every_value():
    values = [i / 10 for i in range(60)]
    assert not NumericCells.of(values, values[:17]).atoms
    assert list(NumericCells.of(values + [1.0] * 10, values[:7] + [1.0] * 10).atoms) == [1.0]


def test_tied_edges_are_merged_and_a_constant_column_is_an_atom():
    assert len(NumericCells.of([1] * 30 + [2] * 30 + [3], [5]).edges) <= 3
    cells = NumericCells.of([7.0] * 10, [])
    assert label(cells, 7) == "= 7" and label(cells, 6) == "< min" and label(cells, 8) == "> max"


def test_numpy_scalars_are_numbers():
    numpy = pytest.importorskip("numpy")
    cells = NumericCells([0.0, 1.0], [])
    assert label(cells, numpy.float32(0.5)) == "[0, 1]" and label(cells, numpy.int64(5)) == "> max"
    assert label(cells, numpy.array([1.0, 2.0])) == "wrong type"


def test_a_category_is_frequent_other_or_never_seen():
    dictionary = ["a"] * 30 + ["b"] * 20 + ["rare"] * 19
    cells = CategoryCells.of(dictionary + ["late"], dictionary)
    assert cells.categories == ["a", "b"]
    assert [label(cells, v) for v in ("a", "rare", "late", None, 3, True)] == [
        "a",
        "other",
        "unseen",
        "null",
        "wrong type",
        "wrong type",
    ]
    assert fingerprint("rare") in cells.known and fingerprint("late") not in cells.known
    again = CategoryCells.read(cells.describe())
    assert [again.cell(v) for v in dictionary] == [cells.cell(v) for v in dictionary]


def test_at_most_sixty_four_categories_have_names():
    values = ["v%03d" % (i % 100) for i in range(100 * 25)]
    assert len(CategoryCells.of(values, values).categories) == 64


def test_a_boolean_column_has_both_truths_whatever_was_seen():
    cells = _column.cells_of([True] * 5, [True])
    assert [label(cells, v) for v in (True, False, None, "true", 1)] == [
        "true",
        "false",
        "null",
        "wrong type",
        "wrong type",
    ]


def test_mostly_distinct_strings_are_text_and_leave_no_word_behind():
    values = ["note number %d" % i for i in range(100)]
    cells = _column.cells_of(values, values)
    assert isinstance(cells, TextCells) and "note" not in str(cells.describe())
    assert [label(cells, v) for v in ("", None, 4)] == ["empty", "null", "wrong type"]
    assert label(cells, "x" * 500) == "length > max"


def test_characters_are_mean_shares_over_texts_and_rows_without_text_count_as_none():
    cells = CharacterCells()
    shares = dict(cells.shares(["ab1 ", None]))
    assert shares == {0: SCALE // 4, 1: SCALE // 8, 2: SCALE // 8, 4: SCALE // 2}
    assert cells.shares([None, 3]) == [(4, SCALE)]


def test_times_are_hours_and_weekdays():
    assert is_date_column(["2013-01-09T22:00:00Z", None]) and not is_date_column(["2013-01-09", "soon"])
    assert label(HourCells(), "2013-01-09T22:00:00Z") == "22 h" and label(HourCells(), "2013-01-09") == "none"
    assert (
        label(WeekdayCells(), "2013-01-09T22:00:00Z") == "Wednesday"
        and label(WeekdayCells(), "2013-02-31") == "wrong type"
    )


def test_an_age_is_the_time_from_the_value_to_the_request():
    day = 86_400
    booked = ["2013-01-%02dT00:00:00Z" % (1 + i % 28) for i in range(280)]
    pairs = [(value, 1_359_676_800) for value in booked]  # asked on 2013-02-01
    cells = AgeCells.of(pairs + [(None, 0), ("soon", 0)], pairs)
    names = cells.labels()
    assert names[:2] == ["< min", "[4 d, 6 d]"] and names[-3:] == ["> max", "null", "wrong type"]
    asked = {
        "2013-01-28": "[4 d, 6 d]",
        "2013-01-28T12:00:00+12:00": "[4 d, 6 d]",
        "2013-01-31": "< min",
        "2013-03-01": "< min",  # of the future: a negative age
        "2012-01-01": "> max",
        "2013-02-30": "wrong type",
        "soon": "wrong type",
    }
    assert {value: names[cells.cell_at(value, 1_359_676_800)] for value in asked} == asked
    assert names[cells.cell_at(None, 0)] == "null" and names[cells.cell_at(7, 0)] == "wrong type"
    assert names[cells.cell_at("2013-01-28", 1_359_676_800 + 10 * day)] == "(12 d, 15 d]"
    again = AgeCells.read(cells.describe())
    assert again.labels() == names and [again.cell_at(v, s) for v, s in pairs] == [cells.cell_at(v, s) for v, s in pairs]


def test_an_age_is_written_in_the_largest_unit_that_fits():
    assert [duration(s) for s in (0, 59, -60, 5400, 90_000, -86_400 * 400)] == [
        "0 s",
        "59 s",
        "-1 min",
        "1.5 h",
        "1.04167 d",
        "-400 d",
    ]


def test_times_are_read_as_people_write_them():
    read = {
        "1970-01-02": 86_400,
        "1970-01-01T00:01": 60,
        "1970-01-01 00:00:01.5Z": 1.5,
        "1970-01-01T01:00:00+01:00": 0,
        "1970-01-01t00:00:00-0130": 5400,
        "2016-12-31T23:59:60Z": 1_483_228_800,
    }
    assert {text: seconds_of(text) for text in read} == read
    for text in ("1970-13-01", "1970-01-01T24:00:00Z", "1970-01-01T00:00:61Z", "now", "", None, 5, ["1970-01-01"]):
        assert seconds_of(text) is None, text


def test_predictions_are_classes_or_scores():
    assert isinstance(cells_of(["a", "b"], ["a"], None), ClassCells)
    assert isinstance(cells_of([0, 1, 1], [0, 1], None), ClassCells)
    assert isinstance(cells_of([0.0, 1.0], [0.0, 1.0], [0, 1]), ClassCells)
    assert isinstance(cells_of([0.1, 0.7, 0.9], [0.1], None), ScoreCells)
    assert isinstance(cells_of(list(range(100)), list(range(100)), None), ScoreCells)
    cells = cells_of(["a", "b"], ["a"], None)
    assert cells.describe()["cells"] == ["a", "other", "failure"] and cells.cell("b") == 1 and cells.failure == 2


def test_predictions_of_several_parts_are_taken_apart():
    assert parts_of([{"late": True, "p": 0.4}, {"late": False}]) == {"late": [True, False], "p": [0.4, None]}
    assert parts_of([[0.1, 0.9], [0.3]]) == {"0": [0.1, 0.3], "1": [0.9, None]}
    assert parts_of([1, 2]) == {"": [1, 2]} and parts_of([]) == {}


def test_a_fifth_of_the_positions_decides_and_thinning_keeps_its_share():
    assert 1800 < sum(in_dictionary(at) for at in range(10_000)) < 2200
    kept = {name for name in map(str, range(8000)) if keep_by_hash(name, 4)}
    assert 1800 < len(kept) < 2200 and all(keep_by_hash(name, 2) for name in kept)


def test_rows_give_columns_whatever_their_shape():
    assert _column.names_of([{"a": 1}, {"b": 2, "a": 3}]) == ["a", "b"] and _column.names_of([[1, 2]]) == ["0", "1"]
    assert _column.take([{"a": 1}, {"b": 2}], ["a", "b"]) == [[1, None], [None, 2]]
    assert _column.take([[1, 2], [3]], ["0", "1"]) == [[1, 3], [2, None]]
    assert _column.take([5, {"a": 1}, "x"], ["value", "a"]) == [[5, None, "x"], [None, 1, None]]


def test_of_a_very_long_request_a_thousand_rows_are_taken_at_even_steps():
    rows = _column.sampled(list(range(1_000_000)), 123)
    assert len(rows) == 1000 and rows[1] - rows[0] == 1000 and _column.sampled([1, 2], 9) == [1, 2]
