"""The sample that the references of the monitors are made of (MONITORS.md §3).

Its source is the first that exists: the rows bound to `reference`; the arguments of the notebook's own calls of
`predictor`; the X of predict and score when the estimator itself is served. Rows that were in a fit are marked, as a
model is over-confident about them; `held-out` rows are kept first where there are too many.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

from galley_runtime._call_form import CallForm
from galley_runtime._capture._reservoir import Reservoir
from galley_runtime._capture._rows import ListTable, Table, hash_row, table_of
from galley_runtime._capture._sample_files import write_sample_files
from galley_runtime._capture._state import State

__all__ = ["Fitted", "Sampler", "Samples", "write_sample"]

#: Each may hold two full reservoirs; beyond these the one that was not used for longest is forgotten.
_WATCHED_MAX = 16
#: Calls with fewer rows than this, of which there may be very many, are not hashed when they come.
_SMALL = 16


class _HashSet:
    """Hashes of rows, eight bytes each where numpy is loaded: a fit may have seen as many rows as fit into memory."""

    def __init__(self) -> None:
        self._few: Set[int] = set()
        self._many: Any = None
        self._new: List[Any] = []

    def add(self, hashes: Any) -> None:
        if hasattr(hashes, "dtype"):
            self._new.append(hashes)
        else:
            self._few.update(hashes)

    def all(self) -> List[int]:
        """Every hash."""
        self._merge()
        return [*self._few, *([] if self._many is None else self._many.tolist())]

    def _merge(self) -> Any:
        numpy = sys.modules.get("numpy")
        if self._new and numpy is not None:
            self._many = numpy.unique(numpy.concatenate(self._new + ([] if self._many is None else [self._many])))
            self._new = []
        return numpy

    def contains(self, hashes: Any) -> List[bool]:
        """One answer per hash."""
        numpy = self._merge()
        values: Sequence[int] = hashes.tolist() if hasattr(hashes, "tolist") else hashes
        found = [value in self._few for value in values] if self._few else [False] * len(values)
        if self._many is not None and len(values) and numpy is not None:
            wanted = numpy.asarray(values, dtype="uint64")
            place = numpy.minimum(numpy.searchsorted(self._many, wanted), len(self._many) - 1)
            found = [a or b for a, b in zip(found, (self._many[place] == wanted).tolist())]
        return found


class Fitted:
    """The hashes of all rows that any fit has seen, searches and transformers included."""

    def __init__(self) -> None:
        self._names = _HashSet()
        self._places = _HashSet()
        self._schemas: Set[FrozenSet[str]] = set()

    def add(self, table: Table) -> None:
        """Every row of the X of a fit."""
        by_name, by_place = table.hashes()
        if by_name is not None:
            self._names.add(by_name)
        self._places.add(by_place)
        if table.columns is not None:
            self._schemas.add(frozenset(table.columns))

    def knows(self, by_name: Any, by_place: Any) -> List[bool]:
        """For each row, by its two hashes, whether it was in a fit. `by_name` may be None."""
        places = self._places.contains(by_place)
        if by_name is None:
            return places
        return [a or b for a, b in zip(self._names.contains(by_name), places)]

    def places(self) -> List[int]:
        """The hashes by position of all rows."""
        return self._places.all()

    def comparable(self, columns: Optional[List[str]]) -> bool:
        """Whether rows with these columns could have been recognised at all."""
        return columns is not None and frozenset(columns) in self._schemas


class Sampler:
    """Two reservoirs: rows that no fit had seen when they came, and the others."""

    def __init__(self, state: State) -> None:
        self._fresh = Reservoir(state.sample_rows, state.random)
        self._fitted = Reservoir(state.sample_rows, state.random)
        self.columns: Optional[List[str]] = None
        #: How the estimator was called, as far as it was.
        self.form: Optional[CallForm] = None

    def add(self, table: Table, fitted: Fitted) -> None:
        """Offers all rows of a table."""
        self.columns = table.columns
        fresh: List[int] = []
        known: List[int] = []
        # Sorting the rows only keeps held-out ones from being crowded out; `write_sample` looks at each that is kept.
        if len(table) < _SMALL or isinstance(table, ListTable) and not fitted.comparable(table.columns):
            fresh = list(range(len(table)))
        else:
            for position, was_fitted in enumerate(fitted.knows(*table.hashes())):
                (known if was_fitted else fresh).append(position)
        for positions, reservoir in ((fresh, self._fresh), (known, self._fitted)):
            reservoir.add(len(positions), _taker(table, positions))

    @property
    def total(self) -> int:
        """How many rows were offered."""
        return self._fresh.total + self._fitted.total

    @property
    def rows(self) -> List[Any]:
        """What was kept, rows that were fresh first."""
        return self._fresh.items + self._fitted.items


def _taker(table: Table, positions: Sequence[int]) -> Callable[[Sequence[int]], List[Any]]:
    return lambda taken: table.take([positions[index] for index in taken])


class Samples:
    """A sampler per estimator, for as long as the estimator lives: those of a cross-validation come and go."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._by_id: Dict[int, Tuple[Any, Sampler]] = {}

    def of(self, owner: Any) -> Optional[Sampler]:
        """The sampler of an object; None when it cannot be watched."""
        key = id(owner)
        known = self._by_id.pop(key, None)
        if known is not None:
            self._by_id[key] = known  # to the end: dictionaries keep the order
            return known[1]
        if len(self._by_id) >= _WATCHED_MAX:
            del self._by_id[next(iter(self._by_id))]
        try:
            reference = weakref.ref(owner, lambda _: self._by_id.pop(key, None))
        except TypeError:
            return None
        self._by_id[key] = (reference, Sampler(self._state))
        return self._by_id[key][1]

    def known(self, owner: Any) -> Optional[Sampler]:
        """The sampler of an object, if it has one."""
        known = self._by_id.get(id(owner))
        return known[1] if known else None


def write_sample(
    folder: str,
    state: State,
    fitted: Fitted,
    reference: Any,
    calls: Optional[Sampler],
    scores: Optional[Sampler],
    fit_seen: bool,
) -> Optional[Dict[str, Any]]:
    """Writes `sample.jsonl` and `sample.json` from the first source that has rows; None: there is no sample.

    `fit_seen`: the fit of the estimator that is served was watched, so that a row that is in no fit was held out.
    """
    table = table_of(reference) if reference is not None else None
    if table is not None and len(table):
        kept = Reservoir(state.sample_rows, state.random)
        kept.add(len(table), table.take)
        rows, total, source, columns = kept.items, kept.total, "reference", table.columns
    elif calls is not None and calls.total:
        rows, total, source, columns = calls.rows, calls.total, "calls", calls.columns
    elif scores is not None and scores.total:
        rows, total, source, columns = scores.rows, scores.total, "score", scores.columns
    else:
        return None
    # Arguments of a function may be anything before features are made of them: only where a fit had the same columns
    # does "not seen in a fit" mean something. Who binds `reference` says what the rows are.
    known = {"reference": True, "calls": fitted.comparable(columns), "score": fit_seen}[source]
    hashes = [hash_row(row) for row in rows]
    seen = fitted.knows([name for name, _ in hashes], [place for _, place in hashes])
    flags = [known and not was_fitted for was_fitted in seen]
    order = sorted(range(len(rows)), key=lambda position: not flags[position])[: state.sample_rows]
    rows, flags = [rows[position] for position in order], [flags[position] for position in order]
    return write_sample_files(folder, rows, flags, source, total)
