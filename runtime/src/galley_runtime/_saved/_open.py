"""Opens a saved model. Unpickling runs what the file says, so this happens inside workloads and nowhere else.

`Reference` is what the model layer's pickle holds: unpickled, it is the opened file itself. The file stays where the
repository has it, in the code layer, and is in no image twice.
"""

from __future__ import annotations

import pickle
from typing import Any, Callable, Dict, Tuple

__all__ = ["OPENERS", "Reference", "open_saved"]


def open_saved(path: str, kind: str) -> Any:
    """The model of a file, relative to the application. Raises whatever loading it raises."""
    return OPENERS[kind](path)


class Reference:
    """Pickles to a call of `open_saved`."""

    def __init__(self, path: str, kind: str) -> None:
        self._path = path
        self._kind = kind

    def __reduce__(self) -> Tuple[Callable[[str, str], Any], Tuple[str, str]]:
        return open_saved, (self._path, self._kind)


def _pickle(path: str) -> Any:
    """joblib reads pickles as well as its own files, wherever it is installed; without it pickle reads pickles."""
    try:
        import joblib
    except ImportError:
        with open(path, "rb") as file:
            return pickle.load(file)
    return joblib.load(path)


def _onnx(path: str) -> Any:
    from galley_runtime._saved._onnx import OnnxModel

    return OnnxModel(path)


def _xgboost(path: str) -> Any:
    from galley_runtime._saved._boosters import open_xgboost

    return open_xgboost(path)


def _lightgbm(path: str) -> Any:
    from galley_runtime._saved._boosters import LightgbmModel

    return LightgbmModel(path)


#: What a build calls a file's sort → how it is opened.
OPENERS: Dict[str, Callable[[str], Any]] = {
    "pickle": _pickle,
    "onnx": _onnx,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
}
