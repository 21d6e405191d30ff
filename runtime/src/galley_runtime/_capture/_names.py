"""The names that a notebook may bind for Galley (DESIGN.md §4). A name counts only if its value's type fits; else a
warning.

`requirements` is read from the source before anything runs, so here it is data like any other.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from galley_runtime._capture._alias import unalias
from galley_runtime._capture._rows import table_of
from galley_runtime._capture._state import State

__all__ = ["bound_value", "has_predict"]


def has_predict(value: Any) -> bool:
    """Whether the value has a `predict` that can be called. `available_if` of scikit-learn may say no per object."""
    if isinstance(value, type):
        return False
    try:
        return callable(getattr(value, "predict", None))
    except Exception:  # noqa: BLE001 - attributes of user objects may run anything
        return False


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _is_predictor(value: Any) -> bool:
    return _is_function(value) or has_predict(value)


def _is_reference(value: Any) -> bool:
    if isinstance(value, (str, bytes)):
        return False
    table = table_of(value)
    return table is not None and len(table) > 0


def _is_stage(value: Any) -> bool:
    return _is_predictor(value) or not isinstance(value, type) and callable(getattr(value, "transform", None))


_FITS: Dict[str, Callable[[Any], bool]] = {
    "predictor": _is_predictor,
    "validator": _is_function,
    "stage": _is_stage,
    "reference": _is_reference,
    "example": lambda value: value is not None and not callable(value),
}
_WANTED = {
    "predictor": "a callable or an object with predict",
    "validator": "a callable",
    "stage": "an object with transform or predict, or a callable",
    "reference": "rows or a frame",
    "example": "the argument of one call of predictor",
}


def bound_value(state: State, name: str) -> Optional[Any]:
    """What the notebook bound to a reserved name, if its type fits; None and a warning otherwise."""
    if name not in state.namespace:
        return None
    value = unalias(state.namespace[name])
    if _FITS[name](value):
        return value
    cell = state.cell_of(name)
    where = f" in cell {cell.number}" if cell else ""
    state.warn(f"`{name}` is bound{where} to {_article(value)}, but counts only as {_WANTED[name]}; it is left alone")
    return None


def _article(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
