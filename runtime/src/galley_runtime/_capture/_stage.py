"""What one of several notebooks contributes to the model: its fitted object, saved with what tells where it belongs.

The contribution is the first that exists: what is bound to `stage`; what the notebook saved at
`S2I_PIPELINE_STAGE_SAVE_FILE`, as the pipelines of S2I do; the only fitted object. The last is a find and no statement,
so `_compose.py` wants proof for it: the first rows of its fit, and hashes of every row that any fit of this notebook
has seen.
"""

from __future__ import annotations

import os
import pickle
from array import array
from typing import Any, Dict, NamedTuple, Optional, Tuple

from galley_runtime._capture._calls import rows_of_example
from galley_runtime._capture._discover import Candidate, discover, type_name
from galley_runtime._capture._names import bound_value
from galley_runtime._capture._observe import Observer
from galley_runtime._capture._sample import write_sample
from galley_runtime._capture._save import CannotSave, save_objects
from galley_runtime._capture._state import State

__all__ = ["SaveFile", "SeveralStages", "contribute"]


class SeveralStages(Exception):
    """A notebook leaves several fitted objects, and nothing says which it contributes."""


class SaveFile:
    """Where a notebook is told to save its stage. Made before it begins: what lies there then, from the repository or
    from another notebook of the same name, is nothing that it saves."""

    def __init__(self, folder: str, name: str) -> None:
        """Without a name nothing can be saved."""
        self.name = name
        self.path = os.path.join(folder, name)
        self._before = self._stamp()

    def is_written(self) -> bool:
        """Whether the notebook has saved something."""
        now = self._stamp()
        return now is not None and now != self._before

    def _stamp(self) -> Optional[Tuple[int, int, int]]:
        if not os.path.isfile(self.path):
            return None
        info = os.stat(self.path)
        return info.st_ino, info.st_size, info.st_mtime_ns


class _Found(NamedTuple):
    name: str
    value: Any
    stated: bool
    cell: Optional[int]


def contribute(state: State, observer: Observer, folder: str, save_file: SaveFile) -> Optional[Dict[str, Any]]:
    """Writes `stage.pkl`, `fits.bin` and perhaps `sample/`; what is known of the stage. None: there is none.

    Raises CannotSave and SeveralStages.
    """
    found = _find(state, observer, save_file)
    if found is None:
        return None
    os.makedirs(folder, exist_ok=True)
    head, sampler = observer.fit_of(found.value)
    content = {"stage": found.value, "head": head, "validator": bound_value(state, "validator")}
    save_objects(os.path.join(folder, "stage.pkl"), content, f"the stage `{found.name}`")
    with open(os.path.join(folder, "fits.bin"), "wb") as file:
        array("Q", observer.fitted.places()).tofile(file)
    reference = bound_value(state, "reference")
    try:
        write_sample(os.path.join(folder, "sample"), state, observer.fitted, reference, None, sampler, True)
    except Exception as error:  # noqa: BLE001 - rows of the user's types
        state.warn(f"there is no sample of what stage `{found.name}` gets: {type(error).__name__}: {error}")
    stage = {"name": found.name, "type": type_name(found.value), "cell": found.cell, "stated": found.stated}
    stage["reference"] = reference is not None
    example = bound_value(state, "example")
    if example is not None:
        try:
            rows, form = rows_of_example(example, None)
            stage["example"] = {"rows": rows, "callForm": form.form, "columns": form.columns, "callOne": form.one}
        except TypeError as error:
            state.warn(f"`example` has no JSON form, so it is left out: {error}")
    return stage


def _find(state: State, observer: Observer, save_file: SaveFile) -> Optional[_Found]:
    bound = bound_value(state, "stage")
    if bound is not None:
        cell = state.cell_of("stage")
        return _Found("stage", bound, True, cell.number if cell else None)
    if save_file.is_written():
        return _Found(save_file.name, _load(save_file.path), True, None)
    if not state.staged:
        return None  # the fitted object of a notebook by itself is the model, which `finish` has saved
    found = discover(state, observer.saw_fit)
    left = [found.model] if found.model else found.candidates or found.transformers
    if not left:
        return None
    if len(left) > 1:
        names = " and ".join(item.name for item in left)
        raise SeveralStages(f"{names} are fitted; bind `stage` to what this notebook contributes")
    chosen: Candidate = left[0]
    return _Found(chosen.name, chosen.value, False, chosen.cell.number if chosen.cell else None)


def _load(path: str) -> Any:
    """A stage that the notebook saved: a pickle, or what joblib makes of one."""
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except Exception as error:
        try:
            import joblib

            return joblib.load(path)
        except Exception:  # noqa: BLE001 - the first error tells more
            name = os.path.basename(path)
            raise CannotSave(f"{name} cannot be loaded: {type(error).__name__}: {error}") from error
