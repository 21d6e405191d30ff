"""One notebook from its first cell to its last, in one kernel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from galley_runtime._run._kernel import CaptureFailed, CellEnd, Kernel, KernelDied
from galley_runtime._run._notebook import injected_parameters, write_notebook
from galley_runtime._run._plan import Plan
from galley_runtime._run._report import Progress, Report, first_line
from galley_runtime._run._results import Result
from galley_runtime._run._script import is_script
from galley_runtime._run._tags import tags_of

__all__ = ["Executed", "Step", "has_parameters", "run_notebook", "stage_file", "steps_of"]


@dataclass(frozen=True)
class Step:
    """A code cell that is to run, or to be skipped. `number` counts code cells from 1; None: injected."""

    cell: Any
    index: int
    number: int
    tags: Tuple[str, ...]
    injected: bool = False


class Executed(NamedTuple):
    """What a notebook left: its executed cells as in cells.json, and what the kernel found at the end."""

    cells: List[Dict[str, Any]]
    found: Optional[Dict[str, Any]]


def has_parameters(notebook: Any) -> bool:
    """Whether a cell is tagged `parameters`."""
    return any(cell.cell_type == "code" and "parameters" in tags_of(cell) for cell in notebook.cells)


def steps_of(notebook: Any, parameters: Dict[str, Any]) -> List[Step]:
    """The code cells in order; values given for parameters are bound right after the cell tagged so, else first."""
    steps: List[Step] = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            steps.append(Step(cell, index, len(steps) + 1, tags_of(cell)))
    if parameters:
        cell = injected_parameters(parameters)
        tagged = [place for place, step in enumerate(steps) if "parameters" in step.tags]
        place = tagged[0] + 1 if tagged else 0
        before = steps[place - 1] if tagged else Step(cell, 0, 0, ())
        steps.insert(place, Step(cell, before.index, before.number, ("injected-parameters",), True))
        notebook.cells.insert(before.index + 1 if tagged else 0, cell)
    return steps


class _Run:
    """The state of one notebook's run: where its lines go."""

    def __init__(
        self, name: str, notebook: Any, kernel: Kernel, plan: Plan, report: Report, progress: Progress, result: Result
    ) -> None:
        self.name = name
        self.notebook = notebook
        self.kernel = kernel
        self.plan = plan
        self.report = report
        self.progress = progress
        self.result = result
        self.cells: List[Dict[str, Any]] = []

    async def step(self, step: Step) -> bool:
        """Runs or skips one cell. False: the run ends here."""
        source = str(step.cell.source)
        first = first_line(source)
        line: Dict[str, Any] = {"notebook": self.name, "cell": step.number, "index": step.index}
        facts = {"firstLine": first, "tags": list(step.tags)}
        title = f"{self.name} cell {step.number}"
        if "skip" in step.tags or not source.strip():
            self.report.write(**line, state="skipped", seconds=0.0, warnings=[], **facts)
            self.progress.done += not step.injected
            self.progress.tell(title, "done", first)
            return True
        self.report.write(**line, state="started", **facts)
        self.progress.tell(title, "started", first)
        suffix = "parameters" if step.injected else f"cell={step.number}"
        filename = f"{self.name}#{suffix}"
        await self._ask(
            "before_cell", notebook=self.name, cell=step.number, index=step.index, tags=list(step.tags),
            filename=filename, record=not step.injected,
        )  # fmt: skip
        number = None if step.injected else step.number
        end = await self.kernel.execute(
            step.cell,
            self._place(step),
            number,
            self.plan.cell_timeout_s,
            lambda: self.progress.tell(title, "progress", first),
        )
        seen = await self._seen(end)
        self._keep(step, source, filename, seen)
        return self._end(step, end, seen, line, facts, title)

    def _place(self, step: Step) -> int:
        """Where the cell is in the notebook that is written, which may hold an injected cell more."""
        return next(place for place, cell in enumerate(self.notebook.cells) if cell is step.cell)

    async def _seen(self, end: CellEnd) -> Dict[str, Any]:
        if end.state == "timeout" or (end.error or {}).get("type") == "KernelDied":
            return {}
        return await self._ask("after_cell")

    async def _ask(self, method: str, **fields: Any) -> Dict[str, Any]:
        """A cell does not fail because it could not be watched."""
        try:
            return await self.kernel.ask(method, **fields)
        except CaptureFailed as error:
            self.result.note({"warnings": [str(error)]})
            return {}

    def _keep(self, step: Step, source: str, filename: str, seen: Dict[str, Any]) -> None:
        entry: Dict[str, Any] = {"notebook": self.name, "cell": step.number, "index": step.index, "source": source}
        entry.update({"tags": list(step.tags), "filename": filename})
        code = seen.get("code")
        # What Python compiled, where IPython changed it: magics become calls, line for line.
        if isinstance(code, str) and code.rstrip("\n") != source.rstrip("\n"):
            entry["code"] = code
        self.cells.append(entry)

    def _end(
        self, step: Step, end: CellEnd, seen: Dict[str, Any], line: Dict[str, Any], facts: Dict[str, Any], title: str
    ) -> bool:
        expected = end.state == "failed" and "raises-exception" in step.tags
        expected = expected and (end.error or {}).get("type") != "KernelDied"
        expected = expected or is_script(self.name) and _is_clean_exit(end.error)
        state = "done" if expected else end.state
        error = {**end.error, "source": str(step.cell.source)} if end.error and state != "done" else None
        extra = {} if error is None else {"error": error}
        self.report.write(
            **line, state=state, seconds=round(end.seconds, 3), warnings=seen.get("warnings", []), **facts, **extra
        )
        self.result.note(seen if not expected else {"warnings": seen.get("warnings", [])})
        if error is None:
            self.progress.done += not step.injected
            self.progress.tell(title, "done", facts["firstLine"], end.seconds)
            return True
        self.progress.tell(title, "failed", facts["firstLine"], end.seconds)
        last = error["message"].partition("\n")[0]
        kind = "" if error["type"] in ("KernelDied", "CellTimeout") else f"{error['type']}: "
        self.result.end("timeout" if state == "timeout" else "failed", f"{title}: {kind}{last}")
        return False


def _is_clean_exit(error: Optional[Dict[str, str]]) -> bool:
    """`sys.exit()` and `sys.exit(0)`, with which scripts like to end."""
    return error is not None and error["type"] == "SystemExit" and error["message"] in ("", "0", "None")


def stage_file(name: str) -> str:
    """Where a notebook of a pipeline saves its stage, in the working directory: as S2I's notebook builders say it."""
    return os.path.splitext(os.path.basename(name))[0] + ".sav"


async def run_notebook(
    name: str, notebook: Any, steps: List[Step], plan: Plan, folder: str, executed: str, found_dir: str,
    report: Report, progress: Progress, result: Result,
) -> Executed:  # fmt: skip
    """Runs all steps. `executed`: where the notebook is written in any case; `found_dir`: where the model goes."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    environment = {"S2I_PIPELINE_STAGE_SAVE_FILE": stage_file(name), "GALLEY_CHECKPOINTS": plan.checkpoints}
    kernel = Kernel(notebook, plan.kernel_python, plan.app_dir, folder, plan.seed, plan.grace_s, environment)
    run = _Run(name, notebook, kernel, plan, report, progress, result)
    found: Optional[Dict[str, Any]] = None
    try:
        await kernel.start()
        script = os.path.join(plan.app_dir, name) if is_script(name) else None
        await kernel.ask(
            "start", app_dir=plan.app_dir, sample_rows=plan.sample_rows, seed=plan.seed, script=script,
            staged=len(plan.notebooks) > 1, save_file=stage_file(name),
        )  # fmt: skip
        for step in steps:
            if not await run.step(step):
                break
        else:
            progress.tell(f"{name} model", "started")
            found = await kernel.ask("finish", out_dir=found_dir)
            result.note(found)
            progress.tell(f"{name} model", "done")
    except (KernelDied, CaptureFailed) as error:
        result.end("failed", f"{name}: {error}")
    finally:
        write_notebook(executed, notebook)
        await kernel.stop()
    return Executed(run.cells, found)
