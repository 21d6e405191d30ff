"""The schema of an estimator that nobody has shown a row: its columns have names, their types are asked of it."""

from __future__ import annotations

import warnings
from typing import Any, Dict, List

from galley_runtime._errors import RuntimeFailure
from galley_runtime._inferred import infer
from galley_runtime._model import Model
from galley_runtime._schema import Column, Schema

__all__ = ["probed_schema"]

_COLUMNS_MAX = 500  # two questions a column, a few milliseconds each


def probed_schema(model: Model) -> Schema:
    """Number columns where a row of zeros can be scored and a word in that place cannot; nullable where null can.

    That a column has a name says nothing of its type: a pipeline with an encoder has names too. A predictor of the
    user's is not asked: it may do anything, and any value goes, as before a rehearsal.
    """
    names: List[str] = list(model.info.get("columns") or ())
    form = model.info["callForm"]
    estimator = (model.info.get("predictor") or {}).get("kind") == "estimator"
    zeros: Dict[str, Any] = dict.fromkeys(names, 0.0)
    columns = Schema.of_names(form, names).columns
    if estimator and form in ("frame", "matrix") and 0 < len(names) <= _COLUMNS_MAX and _scores(model, zeros):
        columns = [_asked(model, name, zeros) for name in names]
    return Schema(form, columns, infer([], form, classes=model.classes).prediction)


def _asked(model: Model, name: str, zeros: Dict[str, Any]) -> Column:
    kind = "any" if _scores(model, {**zeros, name: "a"}) else "number"
    return Column(name, kind, kind == "any" or _scores(model, {**zeros, name: float("nan")}))


def _scores(model: Model, row: Dict[str, Any]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an encoder warns of what it has not seen, and scores it all the same
            model.score([row])
    except RuntimeFailure:
        return False
    return True
