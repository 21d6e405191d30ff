"""Known calls of a predictor: the call form that they fix, the checks of tagged cells, the rows for the sample.

Arguments are looked at before the call, because user code may change them in it: a tagged cell's are copied, of
others only the rows that the sample takes are. An argument whose rows cannot be told without the answer (a flat list:
one row, or a row an element?) is looked at afterwards.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, List, Optional, Tuple

from galley_runtime._call_form import CallForm, recognise
from galley_runtime._capture._rows import ListTable, Table, table_of
from galley_runtime._capture._sample import Fitted, Sampler
from galley_runtime._capture._state import Cell, State
from galley_runtime._json import plain

__all__ = ["Calls", "Record", "head_of", "rows_of_example"]

#: A check with more rows than this is a computation, not a check.
_CHECK_ROWS_MAX = 1000
_CHECKS_MAX = 200
#: Later calls show no further columns: looking at each would slow down a notebook that scores row by row.
_LEARNT_FROM = 100


class Record:
    """What is known about the calls of one object."""

    def __init__(self, target: Any, sampler: Sampler) -> None:
        self.target = target
        self.form: Optional[CallForm] = None
        self.checks: List[Dict[str, Any]] = []
        self.calls = 0
        self.sampler = sampler

    def learn(self, form: CallForm) -> None:
        """The first call fixes the form; a later one of the same form may show further columns."""
        if self.form is None:
            self.form = form
        elif self.form.form == form.form == "records":
            self.form.columns = list(dict.fromkeys((self.form.columns or []) + (form.columns or [])))


class Calls:
    """The records of all objects that were called as predictors."""

    def __init__(self, state: State, fitted: Fitted) -> None:
        self._state = state
        self._fitted = fitted
        self._by_id: Dict[int, Record] = {}

    def known(self, target: Any) -> Optional[Record]:
        """The record of an object, if it was ever called."""
        return self._by_id.get(id(target))

    def before(
        self, target: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any], sampled: bool = True
    ) -> Optional[Callable[[Any], None]]:
        """To be told before a call; what it returns is to be told the answer."""
        state = self._state
        cell = state.cell
        if cell is None:
            return None
        if len(args) + len(kwargs) != 1:
            count = len(args) + len(kwargs)
            state.warn(f"predictor was called with {count} arguments in cell {cell.number}; a service gives one")
            return None
        argument = args[0] if args else next(iter(kwargs.values()))
        record = self._by_id.setdefault(id(target), Record(target, Sampler(state)))
        needs_answer = _needs_answer(argument)
        if not needs_answer:
            if sampled:
                self._sample(record, table_of(argument))
            if record.calls < _LEARNT_FROM:
                record.learn(recognise(head_of(argument)).form)
        record.calls += 1
        kept = self._copy(argument, cell) if cell.recorded and len(record.checks) < _CHECKS_MAX else None

        def after(answer: Any) -> None:
            if needs_answer:
                known = recognise(argument, answer)
                record.learn(known.form)
                if sampled:
                    self._sample(record, ListTable(known.rows))
            if kept is not None:
                self._check(record, cell, kept[0], answer)

        return after

    def _sample(self, record: Record, table: Optional[Table]) -> None:
        if table is not None and len(table):
            record.sampler.add(table, self._fitted)

    def _copy(self, argument: Any, cell: Cell) -> Optional[Tuple[Any]]:
        if hasattr(argument, "__len__") and len(argument) > _CHECK_ROWS_MAX and not isinstance(argument, str):
            self._state.warn(f"cell {cell.number} calls predictor with {len(argument)} rows: too many for a check")
            return None
        try:
            return (copy.deepcopy(argument),)
        except Exception:  # noqa: BLE001 - whatever a copy of the user's objects may raise
            return (argument,)

    def _check(self, record: Record, cell: Cell, argument: Any, answer: Any) -> None:
        known = recognise(argument, answer)
        predictions = plain(answer)
        if not (isinstance(predictions, list) and len(predictions) == len(known.rows)):
            if len(known.rows) != 1:
                self._state.warn(f"cell {cell.number}: predictor gave no answer per row, so its call is no check")
                return
            predictions = [predictions]
        record.checks.append(
            {
                "notebook": cell.notebook,
                "cell": cell.number,
                "tag": cell.recorded,
                "rows": known.rows,
                "predictions": predictions,
            }
        )


def _needs_answer(argument: Any) -> bool:
    if isinstance(argument, (list, tuple)):
        return not (len(argument) and isinstance(argument[0], (dict, list, tuple)))
    if isinstance(argument, dict) or hasattr(argument, "columns"):
        return False
    return getattr(argument, "ndim", 1) < 2


def head_of(argument: Any) -> Any:
    """The first rows: enough for the form, which must not cost a copy of everything."""
    if isinstance(argument, dict):
        return argument
    return argument.iloc[:2] if hasattr(argument, "iloc") else argument[:2]


def rows_of_example(example: Any, form: Optional[CallForm]) -> Tuple[List[Any], CallForm]:
    """The rows of the arguments bound to `example`, and the form: the known one, else the one that it shows."""
    known = recognise(example)
    if form is None:
        return known.rows, known.form
    flat = isinstance(example, (list, tuple)) and form.form == "raw" and not form.one
    return (plain(example) if flat else known.rows), form
