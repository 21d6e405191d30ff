"""The model of a notebook that binds no `predictor`: the fitted object with `predict` that is part of no other.

Never a guess (DESIGN.md §4): with two of them, or with a fitted transformer beside the only one, the answer is a list
of candidates. A scaler that was fitted apart would be missing from the service, and nothing would look wrong but the
predictions.
"""

from __future__ import annotations

import types
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from galley_runtime._capture._alias import unalias
from galley_runtime._capture._names import has_predict
from galley_runtime._capture._state import Cell, State

__all__ = ["Candidate", "Discovery", "discover", "is_fitted", "type_name"]

_DEPTH = 16
_PARTS_MAX = 100_000
_ITEMS_MAX = 1000
_PLAIN = (str, bytes, int, float, complex, bool, type(None), types.ModuleType, types.FunctionType, type)


class Candidate(NamedTuple):
    """An object that the service could be, or a transformer that it may need."""

    name: str
    value: Any
    cell: Optional[Cell]
    predicts: bool

    def to_json(self) -> Dict[str, Any]:
        """As in result.json."""
        return {
            "name": self.name,
            "type": type_name(self.value),
            "notebook": self.cell.notebook if self.cell else None,
            "cell": self.cell.number if self.cell else None,
        }


class Discovery(NamedTuple):
    """The one model, or the reason why there is none."""

    model: Optional[Candidate]
    candidates: List[Candidate]
    message: str
    #: Fitted objects that transform, do not predict, and are part of no model.
    transformers: List[Candidate] = []


def type_name(value: Any) -> str:
    """`function`, or module and class; classes of the notebook have no module to name."""
    kind = type(value)
    return kind.__name__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__name__}"


def is_fitted(value: Any, seen_fitted: bool = False) -> bool:
    """As scikit-learn's check_is_fitted sees it; other libraries by what they leave behind."""
    own = getattr(type(value), "__sklearn_is_fitted__", None)
    if own is not None:
        try:
            return bool(own(value))
        except Exception:  # noqa: BLE001
            return False
    attributes = getattr(value, "__dict__", {})
    if seen_fitted or any(name.endswith("_") and not name.startswith("_") for name in attributes):
        return True
    if attributes.get("steps"):  # a Pipeline of older releases
        return any(is_fitted(step) for _, step in attributes["steps"])
    if not hasattr(type(value), "fit"):
        return True  # a Booster or a results object: it exists because something was fitted
    return bool(attributes.get("history")) or bool(attributes.get("built"))


def discover(state: State, saw_fit: Callable[[Any], bool]) -> Discovery:
    """Looks through the namespace. `saw_fit`: whether the fit of an object was seen."""
    found = list(_objects(state))
    fitted = [item for item in found if is_fitted(item.value, saw_fit(item.value))]
    predicting = [item for item in fitted if item.predicts]
    inside: Set[int] = set()
    for item in predicting:
        inside |= _parts(item.value)
    models = [item for item in predicting if id(item.value) not in inside]
    transformers = [item for item in fitted if not item.predicts and id(item.value) not in inside]
    if not models:
        return Discovery(None, [], _nothing(found), transformers)
    if len(models) > 1:
        names = " and ".join(item.name for item in models)
        return Discovery(
            None, models, f"{names} are fitted models; bind the one to serve to `predictor`.", transformers
        )
    if transformers:
        names = " and ".join(item.name for item in transformers)
        message = (
            f"{names} was fitted apart from {models[0].name}; put them into one Pipeline, "
            "or bind a `predictor` that applies both."
        )
        return Discovery(None, models + transformers, message, transformers)
    return Discovery(models[0], models, "")


def _nothing(found: List[Candidate]) -> str:
    unfitted = [item.name for item in found if item.predicts]
    hint = "Bind `predictor` to what shall be served."
    if unfitted:
        return f"No fitted model was found ({', '.join(unfitted[:5])}: not fitted). {hint}"
    return f"No cell binds `predictor`, and no fitted object with predict() was found. {hint}"


def _objects(state: State) -> Iterator[Candidate]:
    """Objects of the namespace, and those one level down in its lists and dicts, each once under its shortest name."""
    seen: Set[int] = set()
    deeper: List[Tuple[str, str, Any]] = []
    for name, held in list(state.namespace.items()):
        value = unalias(held)
        if not isinstance(name, str) or name.startswith("_") or name not in state.bound:
            continue
        if isinstance(value, dict):
            deeper += [(name, f"{name}[{key!r}]", item) for key, item in list(value.items())[:_ITEMS_MAX]]
        elif isinstance(value, (list, tuple)):
            deeper += [(name, f"{name}[{index}]", item) for index, item in enumerate(value[:_ITEMS_MAX])]
        else:
            yield from _candidate(state, name, name, value, seen)
    for name, path, value in deeper:
        yield from _candidate(state, name, path, value, seen)


def _candidate(state: State, name: str, path: str, value: Any, seen: Set[int]) -> Iterator[Candidate]:
    # Asking the class first: a frame with a column named predict, or a lazy module, is no model.
    kind = type(value)
    if isinstance(value, _PLAIN) or id(value) in seen:
        return
    predicts = hasattr(kind, "predict") and has_predict(value)
    transforms = hasattr(kind, "transform") and hasattr(kind, "fit")
    if predicts or transforms:
        seen.add(id(value))
        yield Candidate(path, value, state.cell_of(name), predicts)


def _parts(value: Any) -> Set[int]:
    """Ids of everything inside an object: parameters, steps, fitted parts; not the object itself."""
    inside: Set[int] = set()
    waiting: List[Tuple[Any, int]] = [(value, 0)]
    while waiting and len(inside) < _PARTS_MAX:
        whole, depth = waiting.pop()
        if depth >= _DEPTH:
            continue
        for part in _children(whole):
            if isinstance(part, _PLAIN) or id(part) in inside:
                continue
            inside.add(id(part))
            waiting.append((part, depth + 1))
    inside.discard(id(value))
    return inside


def _children(whole: Any) -> List[Any]:
    if isinstance(whole, dict):
        return list(whole.values())[:_ITEMS_MAX]
    if isinstance(whole, (list, tuple, set, frozenset)):
        return list(whole)[:_ITEMS_MAX]
    if hasattr(whole, "dtype") and getattr(whole.dtype, "kind", "") == "O" and hasattr(whole, "ravel"):
        return list(whole.ravel()[:_ITEMS_MAX])  # GradientBoosting keeps its trees in an array of objects
    if hasattr(whole, "dtype"):
        return []
    attributes = getattr(whole, "__dict__", None)
    return list(attributes.values()) if isinstance(attributes, dict) else []
