"""All notebooks of a plan, in order, and what they leave together."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from typing import Any, Dict, List, TextIO, Tuple

from galley_runtime._errors import PlanError
from galley_runtime._run._made_files import copy_made, snapshot
from galley_runtime._run._notebook import BrokenNotebook, read_notebook
from galley_runtime._run._plan import Plan, read_plan
from galley_runtime._run._report import Progress, Report
from galley_runtime._run._results import Result
from galley_runtime._run._session import Executed, Step, has_parameters, run_notebook, steps_of

__all__ = ["run_plan"]

_Read = Tuple[str, Any, List[Step]]


def run_plan(plan_path: str, out: TextIO) -> int:
    """Runs and writes everything. `out` gets progress lines and nothing else."""
    try:
        plan = read_plan(plan_path)
    except PlanError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    os.makedirs(plan.out_dir, exist_ok=True)
    result = Result()
    report = Report(os.path.join(plan.out_dir, "report.jsonl"))
    try:
        # All are read before the first runs: a broken second notebook should not cost a training.
        notebooks = _read_all(plan)
    except BrokenNotebook as error:
        report.close()
        result.end("broken", str(error))
        return result.write(plan.out_dir)
    total = sum(not step.injected for _, _, steps in notebooks for step in steps)
    progress = Progress(out, total)
    before = snapshot(plan.app_dir)
    with tempfile.TemporaryDirectory(prefix="galley-run-") as folder:
        asyncio.run(_run_all(plan, notebooks, folder, report, progress, result))
    report.close()
    made = copy_made(plan.app_dir, before, os.path.join(plan.out_dir, "files"))
    result.made_files = made.files
    result.note({"warnings": [f"{path} was made by the run but does not travel" for path in made.left_out[:20]]})
    return result.write(plan.out_dir)


def _read_all(plan: Plan) -> List[_Read]:
    read = [(name, read_notebook(plan.app_dir, name)) for name in plan.notebooks]
    # Parameters belong to the first notebook that has a cell for them; without any, to the first notebook.
    tagged = [name for name, notebook in read if has_parameters(notebook)]
    owner = (tagged or plan.notebooks)[0]
    return [(name, notebook, steps_of(notebook, plan.parameters if name == owner else {})) for name, notebook in read]


async def _run_all(
    plan: Plan, notebooks: List[_Read], folder: str, report: Report, progress: Progress, result: Result
) -> None:
    cells: List[Dict[str, Any]] = []
    found: List[Tuple[str, Dict[str, Any]]] = []
    for position, (name, notebook, steps) in enumerate(notebooks):
        executed = "executed.ipynb" if len(notebooks) == 1 else os.path.join("executed", name)
        stage = os.path.join(folder, f"found-{position}")
        done: Executed = await run_notebook(
            name, notebook, steps, plan, os.path.join(folder, f"kernel-{position}"),
            os.path.join(plan.out_dir, executed), stage, report, progress, result,
        )  # fmt: skip
        cells += done.cells
        if done.found is None:
            return
        found.append((stage, done.found))
    _choose(plan, found, cells, result)


def _choose(plan: Plan, found: List[Tuple[str, Dict[str, Any]]], cells: List[Dict[str, Any]], result: Result) -> None:
    """The last notebook that binds `predictor`; without one, the only notebook in which a model was found."""
    bound = [item for item in found if item[1].get("bound")]
    others = [item for item in found if item[1].get("outcome") != "noModel"]
    if not bound and len(others) > 1:
        result.candidates = [candidate for _, item in others for candidate in item.get("candidates", [])]
        names = " and ".join(f"{c.get('name')} of {c.get('notebook')}" for c in result.candidates)
        result.end(
            "ambiguous", f"Several notebooks leave a fitted model: {names}. Bind the one to serve to `predictor`."
        )
        return
    stage, chosen = (bound or others or found)[-1]
    result.candidates = chosen.get("candidates", [])
    if chosen.get("outcome") != "model":
        result.end(str(chosen.get("outcome")), str(chosen.get("message")))
        return
    for part in ("model", "sample"):
        if os.path.isdir(os.path.join(stage, part)):
            shutil.copytree(os.path.join(stage, part), os.path.join(plan.out_dir, part), dirs_exist_ok=True)
    with open(os.path.join(plan.out_dir, "model", "cells.json"), "w", encoding="utf-8") as file:
        json.dump({"schema": "galley.dev/cells/v1", "cells": cells}, file)
