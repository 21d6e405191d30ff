"""What the run changes in IPython: names of code objects, lines that install packages, `input()`.

Code objects carry `notebook#cell=N` as their file name instead of IPython's path below /tmp with a process id in it: a
traceback of the service then names the cell, and the pickles of two runs are the same bytes.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import Any, Callable, List, Optional

from galley_runtime._capture._state import State

__all__ = ["adjust_script", "adjust_shell", "is_install"]

_NOTE = "Requirements are part of the image: this line installs nothing in a run."
_INPUT_HINT = (
    "input() has nobody to answer it in a build. Bind the value in a cell tagged `parameters`, "
    "and give another one with `parameters` in galley.yaml."
)
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INSTALLERS = ("pip", "pip3", "conda", "mamba", "micromamba", "uv")
_SEPARATOR = re.compile(r"(&&|\|\||;)")


def adjust_shell(shell: Any, state: State) -> None:
    """Called once, before the first cell."""
    # IPython puts "" behind the standard library. Rehearsal and service have the application's folder first (wire.md),
    # and absolute: os.chdir in a cell must not change what is imported.
    sys.path[:] = [state.app_dir] + [entry for entry in sys.path if entry not in ("", state.app_dir)]
    _name_code(shell, state)
    _pass_over_installs(shell, state)
    _explain_input(shell)
    _shorten_tracebacks(shell)


def _shorten_tracebacks(shell: Any) -> None:
    """Our own frames, through which calls of `predictor` and estimators go, are of no use to a reader."""
    formatter = shell.InteractiveTB
    own = formatter.structured_traceback

    def structured_traceback(kind: Any, value: Any, trace: Any, *args: Any, **kwargs: Any) -> Any:
        seen: List[Any] = []
        waiting = [value]
        while waiting:
            error = waiting.pop()
            if isinstance(error, BaseException) and not any(error is known for known in seen):
                seen.append(error)
                error.__traceback__ = _without_ours(error.__traceback__)
                waiting += [error.__cause__, error.__context__]
        return own(kind, value, _without_ours(trace), *args, **kwargs)

    formatter.structured_traceback = structured_traceback


def _without_ours(trace: Any) -> Any:
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    current = trace
    while current is not None:
        after = current.tb_next
        while after is not None and after.tb_frame.f_code.co_filename.startswith(_OURS):
            after = after.tb_next
        if after is not current.tb_next:
            current.tb_next = after
        current = after
    return trace


def _name_code(shell: Any, state: State) -> None:
    own = shell.compile.get_code_name

    def get_code_name(raw_code: str, transformed_code: str, number: int) -> str:
        cell = state.cell
        if cell is None or state.cells and state.cells[-1]["filename"] == cell.filename:
            return str(own(raw_code, transformed_code, number))  # code that a cell runs through IPython once more
        state.cells.append({"filename": cell.filename, "code": transformed_code})
        return cell.filename

    shell.compile.get_code_name = get_code_name


def adjust_script(shell: Any, path: str) -> None:
    """What Python gives a script that it runs and a kernel does not: its own path, and no arguments but it."""
    shell.user_ns["__file__"] = path
    sys.argv[:] = [path]


def is_install(command: str) -> bool:
    """Whether a shell command installs packages: `pip install …`, `python -m pip install …`, `conda install …`."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        words = command.split()
    words = [word for word in words if word != "sudo" and "=" not in word.partition("/")[0]]
    if len(words) > 2 and os.path.basename(words[0]).startswith("python") and words[1] == "-m":
        words = words[2:]
    if not words or os.path.basename(words[0]) not in _INSTALLERS:
        return False
    verbs = [word for word in words[1:3] if not word.startswith("-")]
    return bool({"install", "add", "sync"} & set(verbs))


def _pass_over_installs(shell: Any, state: State) -> None:
    def note(line: str) -> None:
        cell = state.cell
        where = f"cell {cell.number}: " if cell else ""
        state.warn(f"{where}`{line.strip()[:120]}` was passed over; requirements are part of the image")
        print(_NOTE)

    def remainder(command: str) -> str:
        """The command without the parts that install; noted."""
        kept: List[str] = []
        for part in _SEPARATOR.split(command):
            if is_install(part):
                note(part)
                kept.append(" true ")
            else:
                kept.append(part)
        return "".join(kept)

    for name in ("system", "getoutput", "system_piped", "system_raw"):
        run = getattr(shell, name, None)
        if run is not None:
            # On the instance: `!` in a cell becomes get_ipython().system(…).
            setattr(shell, name, _with_remainder(run, remainder))
    for name in _INSTALLERS:
        _replace_magic(shell, name, note)


def _with_remainder(run: Callable[..., Any], remainder: Callable[[str], str]) -> Callable[..., Any]:
    def wrapped(command: str, *args: Any, **kwargs: Any) -> Any:
        return run(remainder(command), *args, **kwargs)

    return wrapped


def _replace_magic(shell: Any, name: str, note: Callable[[str], None]) -> None:
    own: Optional[Callable[..., Any]] = shell.magics_manager.magics["line"].get(name)
    if own is None:
        return

    def magic(line: str) -> Any:
        if is_install(f"{name} {line}"):
            return note(f"%{name} {line}")
        return own(line)

    shell.register_magic_function(magic, "line", name)


def _explain_input(shell: Any) -> None:
    kernel = getattr(shell, "kernel", None)
    for name in ("raw_input", "getpass"):
        own = getattr(kernel, name, None)
        if own is not None:
            setattr(kernel, name, _with_hint(own))
    # ipykernel takes the functions from the kernel at each cell, so the replaced ones are what user code calls.


def _with_hint(ask: Callable[..., Any]) -> Callable[..., Any]:
    def asking(*args: Any, **kwargs: Any) -> Any:
        try:
            return ask(*args, **kwargs)
        except Exception as error:
            if type(error).__name__ == "StdinNotImplementedError":
                raise type(error)(_INPUT_HINT) from None
            raise

    return asking
