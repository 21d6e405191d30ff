"""Several contributions become one model, in the order of their notebooks.

What was stated is put together as it was stated. A fitted object that was only found goes in front of the next stage
if that was fitted on what it makes (rows are recognised by their hashes, as for samples); it stays out if the next was
fitted on the rows that it was fitted on itself. Neither can be seen → the person decides: a scaler too many or too few
looks like nothing but wrong predictions.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from array import array
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from galley_runtime._call_form import CallForm, recognise
from galley_runtime._capture._calls import head_of
from galley_runtime._capture._description import write_description
from galley_runtime._capture._discover import type_name
from galley_runtime._capture._rows import table_of
from galley_runtime._capture._save import CannotSave, save_objects
from galley_runtime._chain import Chain
from galley_runtime._json import plain

__all__ = ["compose"]

#: So many of the rows must be known again. A file on the way may round some of them; those of another table are never
#: among them.
_SHARE = 0.05
_RESERVED = {"steps", "memory", "verbose", "transform_input"}


class _Stage(NamedTuple):
    notebook: str
    folder: str
    info: Dict[str, Any]
    value: Any
    head: Any
    validator: Any


def compose(stages: List[Dict[str, Any]], out_dir: str) -> Dict[str, Any]:
    """`stages`: notebook, folder and info of each. Writes `model/` and `sample/`; answers as `finish` does."""
    try:
        loaded = [_load(stage) for stage in stages]
    except CannotSave as error:
        return {"outcome": "unpicklable", "message": str(error), "candidates": [], "warnings": []}
    warnings: List[str] = []
    chain, problem = _chain(loaded, warnings)
    candidates = [_candidate(stage) for stage in loaded]
    if problem is not None:
        outcome, message = problem
        return {"outcome": outcome, "message": message, "candidates": candidates, "warnings": warnings}
    answer: Dict[str, Any] = {"outcome": "model", "message": "", "bound": False, "candidates": candidates}
    try:
        _write(chain, loaded, out_dir, warnings)
    except CannotSave as error:
        return {**answer, "outcome": "unpicklable", "message": str(error), "warnings": warnings}
    names = ", then ".join(f"{stage.info['name']} of {stage.notebook}" for stage in chain)
    return {**answer, "warnings": [*warnings, f"served are {names}"] if len(chain) > 1 else warnings}


def _load(stage: Dict[str, Any]) -> _Stage:
    path = os.path.join(stage["folder"], "stage.pkl")
    try:
        with open(path, "rb") as file:
            content = pickle.load(file)
    except Exception as error:
        what = f"the stage {stage['info']['name']} of {stage['notebook']}"
        raise CannotSave(f"{what} does not load: {type(error).__name__}: {error}") from error
    return _Stage(
        stage["notebook"], stage["folder"], stage["info"], content["stage"], content["head"], content["validator"]
    )


def _candidate(stage: _Stage) -> Dict[str, Any]:
    info = stage.info
    return {"name": info["name"], "type": info["type"], "notebook": stage.notebook, "cell": info["cell"]}


def _chain(stages: List[_Stage], warnings: List[str]) -> Tuple[List[_Stage], Optional[Tuple[str, str]]]:
    """The stages that are served, from first to last; or outcome and message."""
    chain = [stages[-1]]
    for stage in reversed(stages[:-1]):
        following = chain[0]
        if not stage.info["stated"]:
            fits = None if not hasattr(stage.value, "transform") else _fits(stage, following)
            if fits is None:
                return [], ("ambiguous", _undecided(stage, following))
            if not fits:
                warnings.append(
                    f"{stage.info['name']} of {stage.notebook} is left out: {following.info['name']} of "
                    f"{following.notebook} was fitted on the same rows, not on what it makes of them"
                )
                continue
        elif not hasattr(stage.value, "transform") and not _is_function(stage.value):
            return [], ("ambiguous", _undecided(stage, following))
        chain.insert(0, stage)
    last = chain[-1]
    if not hasattr(last.value, "predict") and not _is_function(last.value):
        message = f"{last.info['name']} of {last.notebook}, the last stage, has no predict()."
        return [], ("noModel", f"{message} Bind `predictor` to what shall be served.")
    return chain, None


def _is_function(value: Any) -> bool:
    return callable(value) and not hasattr(value, "fit")


def _undecided(stage: _Stage, following: _Stage) -> str:
    first, second = f"{stage.info['name']} of {stage.notebook}", f"{following.info['name']} of {following.notebook}"
    return (
        f"{first} and {second} are fitted, and nothing shows whether the first belongs in front of the second. "
        "Bind `stage` in each notebook to what it contributes, or `predictor` in the last to what shall be served."
    )


def _fits(stage: _Stage, following: _Stage) -> Optional[bool]:
    """Whether the next stage was fitted on what this one makes; None: that cannot be seen."""
    if stage.head is None:
        return None
    known: "array[int]" = array("Q")
    path = os.path.join(following.folder, "fits.bin")
    with open(path, "rb") as file:
        known.fromfile(file, os.path.getsize(path) // known.itemsize)
    seen = set(known)
    try:
        made = stage.value.transform(stage.head)
    except Exception:  # noqa: BLE001 - code of the user, on rows that it has seen before
        return None
    if _share(made, seen) > max(_SHARE, _share(stage.head, seen)):
        return True
    return False if _share(stage.head, seen) > _SHARE else None


def _share(rows: Any, seen: Set[int]) -> float:
    table = table_of(rows)
    if table is None or not len(table):
        return 0.0
    hashes = [int(value) for value in table.hashes()[1]]
    return sum(value in seen for value in hashes) / len(hashes)


def _predictor(chain: List[_Stage]) -> Any:
    steps: List[Tuple[str, Any]] = []
    for stage in chain:
        base = os.path.splitext(os.path.basename(stage.notebook))[0].replace("__", "_") or "stage"
        name = f"{base}_" if base in _RESERVED else base
        taken = [step for step, _ in steps]
        steps.append((name if name not in taken else f"{name}-{len(steps)}", stage.value))
    if len(steps) == 1:
        return steps[0][1]
    base_module = sys.modules.get("sklearn.base")
    # A Pipeline asks its steps for more than fit and transform (their tags): what only looks like an estimator would
    # fail in the service.
    if base_module is not None and all(isinstance(value, base_module.BaseEstimator) for _, value in steps):
        if hasattr(steps[-1][1], "predict"):
            from sklearn.pipeline import Pipeline

            return Pipeline(steps)
    return Chain(steps)


def _write(chain: List[_Stage], all_stages: List[_Stage], out_dir: str, warnings: List[str]) -> None:
    model_dir = os.path.join(out_dir, "model")
    os.makedirs(model_dir, exist_ok=True)
    predictor = _predictor(chain)
    validator = next((stage.validator for stage in reversed(all_stages) if stage.validator is not None), None)
    content = {"predictor": predictor, "validator": validator}
    save_objects(os.path.join(model_dir, "model.pkl"), content, "the stages together")
    example = next((stage.info["example"] for stage in reversed(all_stages) if "example" in stage.info), None)
    form = _form(chain[0], predictor, example, warnings)
    last = chain[-1]
    named = {
        "name": "pipeline" if len(chain) > 1 else last.info["name"],
        "kind": _kind(predictor),
        "type": type_name(predictor),
        "notebook": last.notebook,
        "cell": last.info["cell"],
    }
    write_description(
        model_dir,
        named,
        last.value,
        form,
        validator=validator is not None,
        example=None if example is None else example["rows"],
        checks=[],
        stages=[_candidate(stage) for stage in chain],
    )
    # Rows that a notebook bound to `reference` are requests; those of a fit are that only for the first stage.
    source = next((stage for stage in reversed(all_stages) if stage.info.get("reference")), chain[0])
    sample = os.path.join(source.folder, "sample")
    if os.path.isdir(sample):
        shutil.copytree(sample, os.path.join(out_dir, "sample"), dirs_exist_ok=True)


def _kind(predictor: Any) -> str:
    if not hasattr(predictor, "predict"):
        return "callable"
    return "estimator" if hasattr(predictor, "fit") else "object"


def _form(first: _Stage, predictor: Any, example: Optional[Dict[str, Any]], warnings: List[str]) -> CallForm:
    names = getattr(predictor, "feature_names_in_", None)
    if names is not None:
        return CallForm("frame", columns=[str(name) for name in plain(names)])
    if first.head is not None:
        return recognise(head_of(first.head), [None, None]).form
    if example is not None:
        return CallForm(example["callForm"], bool(example["callOne"]), example["columns"])
    form = CallForm("matrix") if hasattr(predictor, "n_features_in_") else CallForm("raw")
    warnings.append(
        f"nothing shows how {first.info['name']} of {first.notebook} is called, so it is called with {form.form} "
        "arguments; bind `example` to fix the form"
    )
    return form
