"""All notebooks of a plan, in order, and what they leave together."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from typing import Any, Dict, List, Optional, TextIO, Tuple

from galley_runtime._errors import PlanError
from galley_runtime._run._kernel import CaptureFailed, Kernel, KernelDied
from galley_runtime._run._made_files import copy_made, snapshot
from galley_runtime._run._notebook import BrokenNotebook, empty_notebook, read_notebook
from galley_runtime._run._plan import Plan, read_plan
from galley_runtime._run._report import Progress, Report
from galley_runtime._run._results import Result
from galley_runtime._run._session import Step, has_parameters, run_notebook, steps_of
from galley_runtime._run._stages import Stage, forget_restored, keep_stage, remove_again, restore_stage

__all__ = ["run_plan"]

_Read = Tuple[str, Any, List[Step]]


def run_plan(plan_path: str, out: TextIO) -> int:
    """Runs and writes everything. `out` gets progress lines and nothing else."""
    try:
        plan = read_plan(plan_path)
        os.makedirs(plan.out_dir, exist_ok=True)
        report = Report(os.path.join(plan.out_dir, "report.jsonl"))
        known = [restore_stage(plan, position, report) for position in range(plan.known_stages)]
        remove_again(plan.app_dir, known)
    except PlanError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    result = Result()
    try:
        # All are read before the first runs: a broken second notebook should not cost a training.
        notebooks = _read_all(plan)
    except BrokenNotebook as error:
        report.close()
        result.end("broken", str(error))
        return result.write(plan.out_dir)
    total = sum(not step.injected for _, _, steps in notebooks[len(known) :] for step in steps)
    progress = Progress(out, total)
    _lay_checkpoints(plan)
    before = forget_restored(snapshot(plan.app_dir), known)
    with tempfile.TemporaryDirectory(prefix="galley-run-") as folder:
        asyncio.run(_run_all(plan, notebooks, known, folder, report, progress, result))
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


def _lay_checkpoints(plan: Plan) -> None:
    """What an earlier attempt had kept when it was ended from outside."""
    if os.path.isdir(plan.checkpoints_dir):
        shutil.copytree(plan.checkpoints_dir, plan.checkpoints, dirs_exist_ok=True)
    os.makedirs(plan.checkpoints, exist_ok=True)


async def _run_all(
    plan: Plan, notebooks: List[_Read], known: List[Stage], folder: str, report: Report, progress: Progress,
    result: Result,
) -> None:  # fmt: skip
    stages = list(known)
    for stage in known:
        result.note(stage.found)
    for position in range(len(known), len(notebooks)):
        name, notebook, steps = notebooks[position]
        several = len(notebooks) > 1
        executed = os.path.join(plan.out_dir, os.path.join("executed", name) if several else "executed.ipynb")
        found_dir = os.path.join(folder, f"found-{position}")
        os.makedirs(found_dir)
        last = position == len(notebooks) - 1
        began = len(report.lines)
        before = {} if last else snapshot(plan.app_dir)
        done = await run_notebook(
            name, notebook, steps, plan, os.path.join(folder, f"kernel-{position}"),
            executed, found_dir, report, progress, result,
        )  # fmt: skip
        if done.found is None:
            return
        stages.append(Stage(name, found_dir, done.found, done.cells, [], []))
        if not last:
            keep_stage(plan, position, stages[-1], executed, report.lines[began:], before)
    stage_dir, found = await _choose(plan, stages, folder, result)
    if found is not None and stage_dir is not None:
        _deliver(plan, stages, stage_dir, found, result)


async def _choose(
    plan: Plan, stages: List[Stage], folder: str, result: Result
) -> Tuple[Optional[str], Optional[Dict[str, Any]]]:
    """The last notebook that binds `predictor`; without one, what all contribute, put together in their order."""
    bound = [stage for stage in stages if stage.found.get("bound")]
    if bound:
        return bound[-1].folder, bound[-1].found
    for stage in stages if len(stages) > 1 else []:
        problem = stage.found.get("stage") or {}
        if "problem" in problem:
            result.candidates = stage.found.get("candidates", [])
            result.end(problem["problem"], f"{stage.notebook}: {problem['message']}.")
            return None, None
    parts = [stage for stage in stages if (stage.found.get("stage") or {}).get("type")]
    if len(parts) > 1 or parts and (parts[0].found["stage"]["stated"]):
        target = os.path.join(folder, "composed")
        answer = await _compose(plan, parts, folder, target, result)
        return (target, answer) if answer is not None else (None, None)
    models = [stage for stage in stages if stage.found.get("outcome") == "model"]
    chosen = (models or parts or stages)[-1]
    return chosen.folder, chosen.found


async def _compose(
    plan: Plan, parts: List[Stage], folder: str, target: str, result: Result
) -> Optional[Dict[str, Any]]:
    """In a kernel of its own: the stages are objects of the user's environment."""
    home = os.path.join(folder, "kernel-compose")
    os.makedirs(home, mode=0o700)
    kernel = Kernel(empty_notebook(), plan.kernel_python, plan.app_dir, home, plan.seed, plan.grace_s)
    stages = [
        {"notebook": part.notebook, "folder": os.path.join(part.folder, "stage"), "info": part.found["stage"]}
        for part in parts
    ]
    try:
        await kernel.start()
        answer = await kernel.ask("compose", stages=stages, out_dir=target)
    except (KernelDied, CaptureFailed) as error:
        result.end("failed", f"The stages of {' and '.join(part.notebook for part in parts)}: {error}")
        return None
    finally:
        await kernel.stop()
    result.note(answer)
    return answer


def _deliver(plan: Plan, stages: List[Stage], folder: str, found: Dict[str, Any], result: Result) -> None:
    result.candidates = found.get("candidates", [])
    if found.get("outcome") != "model":
        result.end(str(found.get("outcome")), str(found.get("message")))
        return
    for part in ("model", "sample"):
        if os.path.isdir(os.path.join(folder, part)):
            shutil.copytree(os.path.join(folder, part), os.path.join(plan.out_dir, part), dirs_exist_ok=True)
    cells = [cell for stage in stages for cell in stage.cells]
    with open(os.path.join(plan.out_dir, "model", "cells.json"), "w", encoding="utf-8") as file:
        json.dump({"schema": "galley.dev/cells/v1", "cells": cells}, file)
