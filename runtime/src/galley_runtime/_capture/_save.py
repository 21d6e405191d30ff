"""Writes `model.pkl`: functions of the notebook by value, modules of the repository by reference (they lie in the
code layer)."""

from __future__ import annotations

import collections
import mmap
import os
import types
from typing import Any, Dict, Optional, Type

from galley_runtime._capture._state import State
from galley_runtime._capture._unpicklable import explain

__all__ = ["CannotSave", "save_model", "save_objects"]


class CannotSave(Exception):
    """Says which object of the notebook has no pickle."""


def save_model(state: State, path: str, predictor: Any, validator: Optional[Any]) -> None:
    """Writes the pickle, or raises CannotSave with a sentence that names the object and its cell."""
    cloudpickle = _cloudpickle()
    try:
        # One pickle for both, so that what they share stays shared.
        _dump(cloudpickle, path, {"predictor": predictor, "validator": validator})
    except Exception as error:
        os.unlink(path)
        raise CannotSave(_sentence(state, predictor, validator, cloudpickle.dumps, error)) from error
    _check_foreign(path)


def save_objects(path: str, content: Dict[str, Any], what: str) -> None:
    """The same for objects that no cell alone has made; `what` names them."""
    cloudpickle = _cloudpickle()
    try:
        _dump(cloudpickle, path, content)
    except Exception as error:
        os.unlink(path)
        raise CannotSave(f"{what} cannot be saved: {type(error).__name__}: {error}") from error
    _check_foreign(path)


def _cloudpickle() -> Any:
    try:
        import cloudpickle
    except ImportError as error:
        raise CannotSave(f"cloudpickle is not in the environment of the notebook: {error}") from error
    return cloudpickle


def _dump(cloudpickle: Any, path: str, content: Dict[str, Any]) -> None:
    with open(path, "wb") as file:
        _pickler(cloudpickle)(file).dump(content)
        file.flush()
        os.fsync(file.fileno())


def _check_foreign(path: str) -> None:
    """A reference to us would fail in the service, far from its cause."""
    with open(path, "rb") as saved, mmap.mmap(saved.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"galley_runtime._capture") >= 0:
            raise CannotSave("the pickle refers to galley_runtime: this is a fault of Galley, please report it")


def _pickler(cloudpickle: Any) -> Type[Any]:
    """cloudpickle's pickler, but code of cells keeps its file name: tracebacks and path profiles need the cell.

    cloudpickle 3.1 writes `<dynamic-code>` instead, to be deterministic; our names are (`_shell.py`).
    """
    base: Type[Any] = cloudpickle.Pickler
    reduce = base.dispatch_table[types.CodeType]

    def reduce_code(code: types.CodeType) -> Any:
        constructor, arguments = reduce(code)[:2]
        if "#cell=" not in code.co_filename:
            return constructor, arguments
        # "".join makes a new string, as cloudpickle does: a shared one would be pickled as a reference, or not, by
        # chance.
        name = "".join(list(code.co_filename))
        return constructor, tuple(name if _is_placeholder(item, code) else item for item in arguments)

    table = collections.ChainMap({types.CodeType: reduce_code}, base.dispatch_table)
    return type("Pickler", (base,), {"dispatch_table": table})


def _is_placeholder(item: Any, code: types.CodeType) -> bool:
    return isinstance(item, str) and item == "<dynamic-code>" and code.co_name != item


def _sentence(state: State, predictor: Any, validator: Any, save: Any, error: Exception) -> str:
    for name, value in (("predictor", predictor), ("validator", validator)):
        try:
            save(value)
        except Exception as failure:  # noqa: BLE001 - the question is which of the two, and why
            return explain(state, name, value, save, failure)
    return f"predictor and validator cannot be saved together: {type(error).__name__}: {error}"
