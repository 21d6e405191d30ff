"""The end of a notebook: decides which object is the model, and writes the model layer's files and the sample."""

from __future__ import annotations

import os
import shutil
import types
from typing import Any, Dict, List, Optional, Tuple

from galley_runtime._call_form import CallForm, recognise
from galley_runtime._capture._calls import Record, head_of, rows_of_example
from galley_runtime._capture._description import write_description
from galley_runtime._capture._discover import Candidate, discover, is_fitted, type_name
from galley_runtime._capture._names import bound_value, has_predict
from galley_runtime._capture._observe import Observer
from galley_runtime._capture._sample import Sampler, write_sample
from galley_runtime._capture._save import CannotSave, save_model
from galley_runtime._capture._state import State
from galley_runtime._json import plain

__all__ = ["finish"]


def finish(state: State, observer: Observer, out_dir: str) -> Dict[str, Any]:
    """Writes `model/` and `sample/` below `out_dir`. `outcome` as in result.json, and what its other fields hold."""
    observer.remove()
    bound = bound_value(state, "predictor")
    if bound is not None:
        chosen = Candidate("predictor", bound, state.cell_of("predictor"), True)
        candidates: List[Candidate] = [chosen]
    else:
        found = discover(state, observer.saw_fit)
        candidates = found.candidates
        if found.model is None:
            outcome = "ambiguous" if candidates else "noModel"
            return {"outcome": outcome, "message": found.message, "candidates": [c.to_json() for c in candidates]}
        chosen = found.model
    answer = {"outcome": "model", "message": "", "bound": bound is not None}
    answer["candidates"] = [item.to_json() for item in candidates]
    model_dir = os.path.join(out_dir, "model")
    os.makedirs(model_dir, exist_ok=True)
    validator = bound_value(state, "validator")
    try:
        save_model(state, os.path.join(model_dir, "model.pkl"), chosen.value, validator)
    except CannotSave as error:
        return {**answer, "outcome": "unpicklable", "message": str(error)}
    reference = bound_value(state, "reference")
    record = observer.calls.known(chosen.value)
    estimator = _estimator_of(chosen.value)
    scores = observer.samples.known(estimator) if estimator is not None else None
    form, example = _form_and_example(state, record, scores, estimator, reference)
    write_description(
        model_dir,
        _named(chosen, estimator),
        estimator,
        form,
        validator=validator is not None,
        example=example,
        checks=record.checks if record else [],
    )
    calls = record.sampler if record else None
    if estimator is not chosen.value and scores is not None and (calls is None or scores.total > calls.total):
        calls = None  # `predictor = model.predict`: what the model itself scored are requests too
    fit_seen = estimator is not None and observer.saw_fit(estimator)
    folder = os.path.join(out_dir, "sample")
    try:
        answer["sample"] = write_sample(folder, state, observer.fitted, reference, calls, scores, fit_seen)
    except Exception as error:  # noqa: BLE001 - rows of the user's types; without a sample the monitors learn live
        state.warn(f"there is no sample for the monitors: {type(error).__name__}: {error}")
        shutil.rmtree(folder, ignore_errors=True)
    return answer


def _estimator_of(value: Any) -> Optional[Any]:
    """The estimator that answers: the object itself, or that whose method is bound to `predictor`."""
    if isinstance(value, types.MethodType):
        value = value.__self__
    return value if has_predict(value) else None


def _form_and_example(
    state: State, record: Optional[Record], scores: Optional[Sampler], estimator: Any, reference: Any
) -> Tuple[CallForm, Optional[List[Any]]]:
    names = getattr(estimator, "feature_names_in_", None)
    form: Optional[CallForm] = None
    if names is not None:
        form = CallForm("frame", columns=[str(name) for name in plain(names)])
    elif record is not None and record.form is not None:
        form = record.form
    elif scores is not None and scores.form is not None:
        form = scores.form
    example = bound_value(state, "example")
    # A recorded call first: its argument was copied before the call, which may have changed it.
    checks = record.checks if record is not None else []
    rows: Optional[List[Any]] = next((check["rows"] for check in checks if check["tag"] == "example"), None)
    if rows is None and example is not None:
        try:
            rows, form = rows_of_example(example, form)
        except TypeError as error:
            state.warn(f"`example` has no JSON form, so it is left out: {error}")
    if form is None and reference is not None:
        form = _form_of_reference(state, reference)
    if form is None:
        form = CallForm("matrix") if hasattr(estimator, "n_features_in_") else CallForm("raw")
        state.warn(
            f"nothing in the notebook calls the model, so it is called with {form.form} arguments; "
            "call it in a cell tagged `example` to fix the form"
        )
    return form, rows


def _form_of_reference(state: State, reference: Any) -> Optional[CallForm]:
    """The form that its first entries show, as the argument of one call: rows go to the predictor as a list."""
    try:
        return recognise([reference] if isinstance(reference, dict) else head_of(reference)).form
    except TypeError as error:
        state.warn(f"`reference` has no JSON form: {error}")
        return None


def _named(chosen: Candidate, estimator: Any) -> Dict[str, Any]:
    estimates = estimator is chosen.value and hasattr(type(estimator), "fit") and is_fitted(estimator, True)
    return {
        "name": chosen.name,
        "kind": "estimator" if estimates else "object" if has_predict(chosen.value) else "callable",
        "type": type_name(chosen.value),
        "notebook": chosen.cell.notebook if chosen.cell else None,
        "cell": chosen.cell.number if chosen.cell else None,
    }
