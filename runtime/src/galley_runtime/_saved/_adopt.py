"""Loads a saved model once and writes what a run of notebooks would have left: model layer, report, sample."""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
import traceback
import warnings
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from galley_runtime._call_form import CallForm
from galley_runtime._capture._description import write_description
from galley_runtime._capture._discover import is_fitted, type_name
from galley_runtime._capture._names import has_predict
from galley_runtime._errors import PlanError
from galley_runtime._json import plain
from galley_runtime._model import APP_DIR, enter_app
from galley_runtime._run._report import Progress, Report
from galley_runtime._run._results import Result
from galley_runtime._saved._open import OPENERS, Reference, open_saved
from galley_runtime._saved._rows import fit_columns, read_rows, write_rows

__all__ = ["adopt"]

_SCHEMA = "galley.dev/adopt-plan/v1"
_WARNINGS_MAX = 5


class _Plan(NamedTuple):
    path: str
    kind: str
    sample: Optional[str]
    sample_rows: int
    seed: int
    app_dir: str
    out_dir: str


def adopt(plan_path: str) -> int:
    """The exit code of the run that it stands for."""
    # What a file prints while it is unpickled goes to stderr: stdout is ours (docs/design/wire.md).
    tell_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        plan = _read_plan(plan_path)
    except PlanError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    os.makedirs(plan.out_dir, exist_ok=True)
    enter_app(plan.app_dir)
    report, progress, result = Report(os.path.join(plan.out_dir, "report.jsonl")), Progress(tell_to, 1), Result()
    line = {"notebook": plan.path, "cell": 1, "index": 0, "firstLine": f"load {plan.path}", "tags": []}
    report.write(**line, state="started")
    progress.tell(plan.path, "started")
    started = time.perf_counter()
    _write_notebook(plan)
    error: Optional[BaseException] = None
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = open_saved(plan.path, plan.kind)
        result.note({"warnings": _sentences(caught, plan.path)})
        _keep(plan, model, result)
    except (Exception, SystemExit) as failure:  # the file decides what runs, and what that raises
        error = failure
        traceback.print_exc()
        result.end("failed", f"{type(failure).__name__}: {failure}")
    seconds = round(time.perf_counter() - started, 3)
    ended = {"state": "done", "seconds": seconds} if error is None else {**_failed(error, plan), "seconds": seconds}
    report.write(**line, warnings=[], **ended)
    report.close()
    progress.done = 1
    progress.tell(plan.path, "done" if error is None else "failed", seconds=seconds)
    return result.write(plan.out_dir)


def _read_plan(path: str) -> _Plan:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise PlanError(f"The plan {path} cannot be read: {error}.") from error
    if not isinstance(value, dict) or value.get("schema") != _SCHEMA or value.get("format") not in OPENERS:
        raise PlanError(f"The plan {path} is not of schema {_SCHEMA}, or names a format that there is not.")
    return _Plan(
        str(value["model"]),
        str(value["format"]),
        value.get("sample"),
        int(value.get("sampleRows", 10_000)),
        int(value.get("seed", 0)),
        os.path.abspath(str(value.get("appDir", APP_DIR))),
        os.path.abspath(str(value.get("outDir", "/galley/out"))),
    )


def _keep(plan: _Plan, model: Any, result: Result) -> None:
    refused = _refusal(model, plan.path)
    if refused is not None:
        result.end("noModel", refused)
        return
    rows = _sample(plan, model, result)
    form = _form_of(model, rows)
    model_dir = os.path.join(plan.out_dir, "model")
    os.makedirs(model_dir, exist_ok=True)
    with open(os.path.join(model_dir, "model.pkl"), "wb") as file:
        pickle.dump({"predictor": Reference(plan.path, plan.kind), "validator": None}, file, protocol=4)
    # Those that our own wrappers hold can be asked what they take, too.
    estimates = hasattr(type(model), "fit") or hasattr(model, "saved_form")
    predictor = {
        "name": os.path.basename(plan.path),
        "kind": "estimator" if estimates else "object" if has_predict(model) else "callable",
        "type": type_name(model),
        "notebook": None,
        "cell": None,
    }
    write_description(model_dir, predictor, model, form, validator=False, example=None, checks=[], file=plan.path)
    with open(os.path.join(model_dir, "cells.json"), "w", encoding="utf-8") as file:
        json.dump({"schema": "galley.dev/cells/v1", "cells": []}, file)
    if rows:
        held_out = os.path.basename(plan.sample or "").startswith("reference.")
        folder = os.path.join(plan.out_dir, "sample")
        write_rows(folder, rows, most=plan.sample_rows, seed=plan.seed, held_out=held_out)


def _refusal(model: Any, path: str) -> Optional[str]:
    """Why what was loaded cannot be served; None: it can."""
    if not has_predict(model) and (isinstance(model, type) or not callable(model)):
        what = f"{path} holds a {type_name(model)}"
        if isinstance(model, dict):
            names = ", ".join(str(name) for name in list(model)[:10])
            return f"{what} with the keys {names}, and not a model: nothing says which of them answers, and how."
        return f"{what}, which has no predict() and cannot be called."
    if hasattr(type(model), "fit") and not is_fitted(model):
        return f"{path} holds a {type_name(model)} that was not fitted."
    return None


def _columns_of(model: Any) -> Tuple[Optional[List[str]], Optional[int]]:
    """Names of the columns, and how many there are, as far as the model knows."""
    try:
        names = getattr(model, "feature_names_in_", None)
    except Exception:  # noqa: BLE001 - a property of user code
        names = None
    if names is None:
        names = getattr(model, "saved_columns", None)
    try:
        width = getattr(model, "n_features_in_", None)
    except Exception:  # noqa: BLE001
        width = None
    if width is None:
        width = getattr(model, "saved_width", None)
    return None if names is None else [str(name) for name in plain(names)], width if isinstance(width, int) else None


def _form_of(model: Any, rows: List[Any]) -> CallForm:
    """How it is called. What the model says of itself comes first, then what the rows beside it look like."""
    columns, width = _columns_of(model)
    saved = getattr(model, "saved_form", None)
    if saved is not None:
        return CallForm(saved, columns=columns)
    if columns is not None:
        import pandas  # noqa: F401 - a frame is what it was fitted on; without pandas this is where it is said

        return CallForm("frame", columns=columns)
    if width is not None:
        return CallForm("matrix", columns=list(rows[0]) if rows and isinstance(rows[0], dict) else None)
    # All rows at once, whatever they are: a pipeline wants a list of texts, and no text by itself.
    first = rows[0] if rows else None
    form = "records" if isinstance(first, dict) else "matrix" if isinstance(first, list) else "raw"
    return CallForm(form, columns=list(first) if isinstance(first, dict) else None)


def _sample(plan: _Plan, model: Any, result: Result) -> List[Any]:
    """The rows beside the model. Without them, or where they do not fit, the monitors have no reference."""
    if plan.sample is None:
        return []
    try:
        return fit_columns(read_rows(plan.sample), *_columns_of(model))
    except (OSError, ValueError) as error:
        result.note({"warnings": [f"{plan.sample} is left out, so that the monitors have no reference: {error}"]})
        return []


def _sentences(caught: List[warnings.WarningMessage], path: str) -> List[str]:
    """Each thing once: a forest warns once a tree."""
    said: List[str] = []
    for item in caught:
        versions = [getattr(item.message, f"{which}_sklearn_version", None) for which in ("original", "current")]
        if all(versions):
            text = (
                f"{path} was saved with scikit-learn {versions[0]} and is loaded with {versions[1]}: its answers may differ; "
                f"pin scikit-learn=={versions[0]} in requirements.txt"
            )
        elif issubclass(item.category, UserWarning):
            text = f"{path}: {str(item.message).strip()[:500]}"
        else:
            continue
        if text not in said:
            said.append(text)
    return said[:_WARNINGS_MAX]


def _failed(error: BaseException, plan: _Plan) -> Dict[str, Any]:
    return {
        "state": "failed",
        "error": {
            "type": type(error).__name__,
            "message": str(error)[:10_000],
            "traceback": "".join(traceback.format_exception(type(error), error, error.__traceback__))[-20_000:],
            "source": f"load {plan.path}",
        },
    }


def _write_notebook(plan: _Plan) -> None:
    """What a person would type to have the same model: kept where the executed notebook of a run is."""
    load = {
        "pickle": f"import joblib\n\npredictor = joblib.load({plan.path!r})",
        "onnx": f"import onnxruntime\n\nsession = onnxruntime.InferenceSession({plan.path!r})",
        "xgboost": f"import xgboost\n\nbooster = xgboost.Booster(model_file={plan.path!r})",
        "lightgbm": f"import lightgbm\n\nbooster = lightgbm.Booster(model_file={plan.path!r})",
    }[plan.kind]
    cell = {"cell_type": "code", "id": "load", "metadata": {}, "execution_count": None, "outputs": [], "source": load}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    with open(os.path.join(plan.out_dir, "executed.ipynb"), "w", encoding="utf-8") as file:
        json.dump(notebook, file)
