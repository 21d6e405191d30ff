"""Finds what stands in the way of the pickle and says it as the user would: the name in the notebook, its type, its
cell."""

from __future__ import annotations

import types
from typing import Any, Callable, Iterator, List, Set, Tuple

from galley_runtime._capture._state import State

__all__ = ["explain"]

_DEPTH = 8
_TRIED_MAX = 400


def explain(state: State, root: str, value: Any, save: Callable[[Any], Any], error: BaseException) -> str:
    """A sentence. `save` raises for what cannot be saved; parts are tried until one is found whose parts all can."""
    path: List[Tuple[str, Any]] = [(root, value)]
    tried: Set[int] = {id(value)}
    while len(path) <= _DEPTH and len(tried) < _TRIED_MAX:
        for name, part in _parts(path[-1][1]):
            if id(part) in tried:
                continue
            tried.add(id(part))
            failure = _failure(save, part)
            if failure is not None:
                path.append((name, part))
                error = failure
                break
        else:
            break
    name, culprit = path[-1]
    kind = f"{type(culprit).__module__}.{type(culprit).__qualname__}"
    reason = f"{type(error).__name__}: {error}"
    if len(path) == 1:
        return f"{root} ({kind}) cannot be saved: {reason}"
    way = "".join(f" → {step}" for step, _ in path[1:-1])
    cell = state.cell_of(name) if state.namespace.get(name) is culprit else None
    where = f" bound in cell {cell.number}" if cell else ""
    return f"{root}{way} refers to `{name}` ({kind}){where}, which cannot be saved: {reason}"


def _failure(save: Callable[[Any], Any], value: Any) -> Any:
    try:
        save(value)
    except Exception as error:  # noqa: BLE001 - this is the question
        return error
    return None


def _parts(value: Any) -> Iterator[Tuple[str, Any]]:
    if isinstance(value, types.MethodType):
        yield "self", value.__self__
    function = getattr(value, "__wrapped__", value)
    if isinstance(function, types.MethodType):
        function = function.__func__
    if isinstance(function, types.FunctionType):
        yield from _of_function(function)
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]"[:40], item) for key, item in list(value.items())[:_TRIED_MAX])
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"[{index}]", item) for index, item in enumerate(list(value)[:_TRIED_MAX]))
    else:
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict):
            yield from list(attributes.items())
        call = getattr(type(value), "predict", None) or type(value).__dict__.get("__call__")
        if isinstance(call, types.FunctionType) and call.__module__ == "__main__":
            yield from _of_function(call)


def _of_function(function: types.FunctionType) -> Iterator[Tuple[str, Any]]:
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue
    yield from ((f"default {index}", item) for index, item in enumerate(function.__defaults__ or ()))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
