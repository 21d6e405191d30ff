"""The requests of `_run`, answered in the kernel. Each is one silent execution that names a request file and an
answer file: values go through files because what a kernel shows of a value is the user's to change."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional

from galley_runtime._capture._compose import compose
from galley_runtime._capture._finish import finish
from galley_runtime._capture._observe import Observer
from galley_runtime._capture._save import CannotSave
from galley_runtime._capture._shell import adjust_script, adjust_shell
from galley_runtime._capture._stage import SaveFile, SeveralStages, contribute
from galley_runtime._capture._state import Cell, State
from galley_runtime._capture._trouble import missing_files, refused_hosts

__all__ = ["Session", "answer"]


class Session:
    """One notebook in one kernel: `before_cell`, `after_cell`, …, `finish`."""

    def __init__(
        self,
        shell: Any,
        app_dir: str,
        sample_rows: int,
        seed: int,
        script: Optional[str] = None,
        staged: bool = False,
        save_file: str = "",
    ) -> None:
        """`save_file`: where the notebook is told to save its stage, in the working directory; empty: nowhere."""
        self._shell = shell
        self._state = State(shell.user_ns, app_dir, sample_rows, seed, staged)
        self._observer = Observer(self._state)
        self._save_file = SaveFile(app_dir, save_file)
        self._warned = 0
        if script is not None:
            adjust_script(shell, script)
        adjust_shell(shell, self._state)
        self._observer.install(shell)
        # What the kernel itself put there is bound by no cell.
        self._kernel_names = {name: id(value) for name, value in shell.user_ns.items()}

    def before_cell(
        self, notebook: str, cell: int, index: int, tags: List[str], filename: str, record: bool = True
    ) -> Dict[str, Any]:
        """The cell that comes now. `record` false: an injected cell, which has no number of its own."""
        self._state.cell = Cell(notebook, cell, index, tuple(tags), filename)
        if record:
            self._shell.execution_count = cell
        self._observer.stand_in()
        return {}

    def after_cell(self) -> Dict[str, Any]:
        """The code that was compiled (null: none was), new warnings, and what its exception says."""
        state, cell = self._state, self._state.cell
        self._observer.step_out()
        for name, known in list(self._kernel_names.items()):
            if id(state.namespace.get(name)) != known:
                del self._kernel_names[name]
        state.note_bindings()
        for name in self._kernel_names:
            state.bound.pop(name, None)
        state.cell = None
        code = next((c["code"] for c in reversed(state.cells) if cell and c["filename"] == cell.filename), None)
        error = _error_of(self._shell)
        return {
            "code": code,
            "warnings": self.new_warnings(),
            "missingFiles": missing_files(error, state.app_dir),
            "refused": refused_hosts(error),
        }

    def finish(self, out_dir: str) -> Dict[str, Any]:
        """The model, and its files below `out_dir`; what a notebook that binds no `predictor` contributes as a stage."""
        result = finish(self._state, self._observer, out_dir)
        if not result.get("bound"):
            folder = os.path.join(out_dir, "stage")
            try:
                result["stage"] = contribute(self._state, self._observer, folder, self._save_file)
            except CannotSave as error:
                result["stage"] = {"problem": "unpicklable", "message": str(error)}
            except SeveralStages as error:
                result["stage"] = {"problem": "ambiguous", "message": str(error)}
        result["warnings"] = self.new_warnings()
        return result

    def new_warnings(self) -> List[str]:
        """Those that have not been reported."""
        new = self._state.warnings[self._warned :]
        self._warned = len(self._state.warnings)
        return new


def _error_of(shell: Any) -> Optional[BaseException]:
    result = getattr(shell, "last_execution_result", None)
    for name in ("error_in_exec", "error_before_exec"):
        error = getattr(result, name, None)
        if isinstance(error, BaseException):
            return error
    return None


_session: List[Session] = []


def answer(shell: Any, request_path: str, answer_path: str) -> None:
    """Reads a request, answers it, and moves the answer into place in one step."""
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    method = request.pop("method")
    if method == "start":
        _session.append(Session(shell, **request))
        value: Dict[str, Any] = {}
    elif method == "compose":
        value = compose(**request)
    else:
        value = getattr(_session[-1], method)(**request)
    with open(answer_path + ".part", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(answer_path + ".part", answer_path)
