"""What each of several notebooks left, kept so that it need not run again when only a later one changed (wire.md, run).

A stage is the notebook's found objects, its executed cells, its lines of the report, and what it changed below the
application's folder. The build lays those files into the image of the next run; here the rest is taken back.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Dict, List, NamedTuple, Set

from galley_runtime._errors import PlanError
from galley_runtime._run._made_files import Snapshot, copy_made
from galley_runtime._run._plan import Plan
from galley_runtime._run._report import Report

__all__ = ["Stage", "forget_restored", "keep_stage", "remove_again", "restore_stage"]

_SCHEMA = "galley.dev/stage/v1"


class Stage(NamedTuple):
    """A notebook that has run, now or in an earlier run. `folder`: where what was found lies."""

    notebook: str
    folder: str
    found: Dict[str, Any]
    cells: List[Dict[str, Any]]
    made: List[str]
    removed: List[str]


def keep_stage(
    plan: Plan, position: int, stage: Stage, executed: str, lines: List[Dict[str, Any]], before: Snapshot
) -> None:
    """Writes `stages/POSITION/` below the output. `before`: the application's folder when the notebook began."""
    folder = os.path.join(plan.out_dir, "stages", str(position))
    made = copy_made(plan.app_dir, before, os.path.join(folder, "files"))
    shutil.copytree(stage.folder, os.path.join(folder, "found"), dirs_exist_ok=True)
    shutil.copyfile(executed, os.path.join(folder, "executed.ipynb"))
    value = {
        "schema": _SCHEMA,
        "notebook": stage.notebook,
        "found": stage.found,
        "cells": stage.cells,
        "lines": lines,
        "made": made.files,
        "removed": [path for path in before if not os.path.lexists(os.path.join(plan.app_dir, path))],
        # With a part of its files missing the next notebook would see another folder.
        "whole": not made.left_out,
    }
    path = os.path.join(folder, "stage.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".part", path)


def restore_stage(plan: Plan, position: int, report: Report) -> Stage:
    """Takes a stage back, but for what it removed. Raises PlanError when it is not that of the plan's notebook."""
    folder = os.path.join(plan.stages_dir, str(position))
    name = plan.notebooks[position]
    try:
        with open(os.path.join(folder, "stage.json"), encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise PlanError(f"Stage {position} of an earlier run cannot be read: {error}.") from error
    if value.get("schema") != _SCHEMA or value.get("notebook") != name:
        raise PlanError(f"Stage {position} of an earlier run is not that of {name}.")
    executed = os.path.join(plan.out_dir, "executed", name)
    os.makedirs(os.path.dirname(executed), exist_ok=True)
    shutil.copyfile(os.path.join(folder, "executed.ipynb"), executed)
    for line in value["lines"]:
        report.write(**{**line, "reused": True})
    return Stage(name, os.path.join(folder, "found"), value["found"], value["cells"], value["made"], value["removed"])


def remove_again(app_dir: str, stages: List[Stage]) -> None:
    """Removes what stages removed, unless a later one made it again: the files of all of them were laid at once."""
    gone: Set[str] = set()
    for stage in stages:
        gone = (gone | set(stage.removed)) - set(stage.made)
    for path in gone:
        full = os.path.join(app_dir, path)
        if os.path.lexists(full) and os.path.abspath(full).startswith(app_dir + os.sep):
            os.unlink(full)


def forget_restored(before: Snapshot, stages: List[Stage]) -> Snapshot:
    """A snapshot without what earlier stages made: it was made by the run, as far as the model layer is concerned."""
    made = {path for stage in stages for path in stage.made}
    return {path: seen for path, seen in before.items() if path not in made}
