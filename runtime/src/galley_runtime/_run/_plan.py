"""The plan of a run (`/galley/in/run.json`), checked."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Tuple, Type, Union

from galley_runtime._errors import PlanError

__all__ = ["Plan", "read_plan"]

_SCHEMA = "galley.dev/run-plan/v1"


class Plan(NamedTuple):
    """What to run. Directories and the kernel's Python are those of images unless a plan says otherwise, as tests
    do."""

    notebooks: List[str]
    cell_timeout_s: float  # 0: none
    parameters: Dict[str, Any]
    sample_rows: int
    seed: int
    app_dir: str
    out_dir: str
    kernel_python: str
    grace_s: float  # what a cell may take to stop after an interrupt, before the kernel is killed
    stages_dir: str  # what notebooks left that need not run again
    known_stages: int  # how many notebooks, from the first, those are
    checkpoints_dir: str  # what an earlier attempt left in `checkpoints`

    @property
    def checkpoints(self) -> str:
        """Where notebooks keep what shall survive a run that is ended from outside."""
        return os.path.join(self.out_dir, "checkpoints")


def _field(value: Dict[str, Any], name: str, default: Any, kinds: Union[Type[Any], Tuple[Type[Any], ...]]) -> Any:
    found = value.get(name, default)
    if not isinstance(found, kinds) or isinstance(found, bool):
        raise PlanError(f"`{name}` of the run plan is {found!r}.")
    return found


def read_plan(path: str) -> Plan:
    """The plan at `path`. Raises PlanError naming the field that cannot be followed."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise PlanError(f"The run plan {path} cannot be read: {error}.") from error
    if not isinstance(value, dict) or value.get("schema") != _SCHEMA:
        raise PlanError(f"The run plan {path} is not of schema {_SCHEMA}.")
    notebooks = _field(value, "notebooks", None, list)
    if not notebooks or not all(isinstance(name, str) and name for name in notebooks):
        raise PlanError("`notebooks` of the run plan names no notebook.")
    app_dir = os.path.abspath(_field(value, "appDir", "/home/galley/app", str))
    for name in notebooks:
        inside = os.path.relpath(os.path.join(app_dir, name), app_dir)
        if os.path.isabs(name) or inside.startswith(".."):
            raise PlanError(f"Notebook {name} is outside the application.")
    return Plan(
        notebooks=notebooks,
        cell_timeout_s=float(_field(value, "cellTimeoutSeconds", 0, (int, float))),
        parameters=_field(value, "parameters", {}, dict),
        sample_rows=max(0, _field(value, "sampleRows", 10000, int)),
        seed=_field(value, "seed", 0, int),
        app_dir=app_dir,
        out_dir=os.path.abspath(_field(value, "outDir", "/galley/out", str)),
        grace_s=float(_field(value, "interruptGraceSeconds", 10, (int, float))),
        stages_dir=_field(value, "stagesDir", "/opt/galley/stages", str),
        known_stages=max(0, min(_field(value, "knownStages", 0, int), len(notebooks) - 1)),
        checkpoints_dir=_field(value, "checkpointsDir", "/opt/galley/checkpoints", str),
        kernel_python=_field(value, "kernelPython", "/opt/galley/env/bin/python", str),
    )
