"""A kernel of the user's Python: starts it whatever the notebook's kernelspec says, runs cells with a limit of time,
notices its death."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from queue import Empty
from typing import Any, Awaitable, Callable, Dict, NamedTuple, Optional

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from galley_runtime._run._memory import memory_story

__all__ = ["CaptureFailed", "CellEnd", "Kernel", "KernelDied"]

_STARTUP_S = 120
#: What waiting for a kernel that was killed may take.
_DEATH_S = 10
#: A socket's path has at most 107 bytes, of which jupyter_client takes `/kernel-ipc-5`.
_SOCKET_PATH_MAX = 90
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: Loaded under its own name and from its own place, with nothing added to sys.path: the application's folder stays
#: first.
_LOAD = """
import importlib.util, sys
if "galley_runtime" not in sys.modules:
    spec = importlib.util.spec_from_file_location("galley_runtime", {init!r}, submodule_search_locations=[{package!r}])
    sys.modules["galley_runtime"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
from galley_runtime._capture import answer
answer(shell, {request!r}, {answer!r})
"""


_BUILTINS = "__import__('builtins')"


class CaptureFailed(Exception):
    """The half of us in the kernel did not answer: a fault of ours, or a notebook that took it apart."""


class KernelDied(Exception):
    """The kernel ended on its own. The message says how."""


class CellEnd(NamedTuple):
    """How a cell ended: `done`, `failed` or `timeout`; `error` has type, message and traceback."""

    state: str
    seconds: float
    error: Optional[Dict[str, str]] = None


class _OneSpec(KernelSpecManager):  # type: ignore[misc]  # jupyter_client has no types everywhere
    """Knows one kernel under every name."""

    python = sys.executable

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python", language="python")


class Kernel:
    """One kernel and the client of one notebook. `folder`: a private directory for its files."""

    def __init__(
        self, notebook: Any, python: str, app_dir: str, folder: str, seed: int, grace_s: float,
        environment: Optional[Dict[str, str]] = None,
    ) -> None:  # fmt: skip
        self._python = python
        self._app_dir = app_dir
        self._folder = folder
        self._seed = seed
        self._grace_s = grace_s
        self._environment = environment or {}
        specs = _OneSpec()
        specs.python = python
        # Sockets in our own folder instead of ports: the loopback may be shared with other workloads of a group.
        transport = "ipc" if len(folder) < _SOCKET_PATH_MAX else "tcp"
        self._manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=specs,
            connection_file=os.path.join(folder, "kernel.json"),
            transport=transport,
        )
        self._client = NotebookClient(
            notebook, km=self._manager, allow_errors=True, timeout=None, startup_timeout=_STARTUP_S, record_timing=False
        )
        self._reply: Dict[str, Any] = {}
        self._client.on_cell_executed = self._keep_reply
        self._process: Any = None
        self._asked = 0

    def _keep_reply(self, cell: Any, cell_index: int, execute_reply: Dict[str, Any]) -> None:
        self._reply = execute_reply.get("content", {})

    async def start(self) -> None:
        """Starts it and waits until it answers. Raises KernelDied."""
        environment = {
            **os.environ,
            # No display is here; without this a figure would end the kernel of a notebook that asks for a window.
            "MPLBACKEND": "Agg",
            "PYTHONHASHSEED": str(self._seed % 2**32),
            "PATH": os.path.dirname(self._python) + os.pathsep + os.environ.get("PATH", os.defpath),
            "IPYTHONDIR": os.path.join(self._folder, "ipython"),
            "JUPYTER_RUNTIME_DIR": self._folder,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **self._environment,
        }
        try:
            # What the kernel's process itself prints must not get between our lines on stdout.
            await self._client.async_start_new_kernel(
                cwd=self._app_dir, env=environment, stdout=sys.stderr.fileno(), stderr=sys.stderr.fileno()
            )
            self._process = getattr(self._manager.provisioner, "process", None)
            await self._client.async_start_new_kernel_client()
            self._client.reset_execution_trackers()
        except Exception as error:
            raise KernelDied(
                f"The kernel of {self._python} did not start: {type(error).__name__}: {error}. "
                "ipykernel must be in the environment."
            ) from error

    async def ask(self, method: str, **fields: Any) -> Dict[str, Any]:
        """One request to the half of us in the kernel, without a trace in the notebook. Raises KernelDied and
        CaptureFailed."""
        self._asked += 1
        request = os.path.join(self._folder, f"request-{self._asked}.json")
        answer = os.path.join(self._folder, f"answer-{self._asked}.json")
        _write_json(request, {"method": method, **fields})
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        init = os.path.join(package, "__init__.py")
        code = _LOAD.format(init=init, package=package, request=request, answer=answer)
        # In a namespace of its own, and by way of builtins: a notebook may have bound `compile` to something else.
        call = f"(lambda b: b.exec(b.compile({code!r}, 'galley', 'exec'), {{'shell': b.get_ipython()}}))({_BUILTINS})"
        client: Any = self._client.kc
        sent = client.execute(call, silent=True, store_history=False, allow_stdin=False, stop_on_error=False)
        reply = await self._reply_to(sent)
        value = _read_json(answer)
        for path in (request, answer):
            if os.path.exists(path):
                os.unlink(path)
        if not isinstance(value, dict):
            text = _ANSI.sub("", "\n".join(str(line) for line in reply.get("traceback", [])))
            raise CaptureFailed(f"the capture did not answer {method}: {text}"[:4000])
        return value

    async def _reply_to(self, sent: str) -> Dict[str, Any]:
        client: Any = self._client.kc
        while True:
            try:
                message = await client.get_shell_msg(timeout=1)
            except Empty:
                if not await client.is_alive():
                    raise KernelDied(self._story()) from None
                continue
            if message["parent_header"].get("msg_id") == sent:
                content: Dict[str, Any] = message["content"]
                return content

    async def execute(
        self, cell: Any, index: int, number: Optional[int], limit_s: float, tick: Callable[[], None]
    ) -> CellEnd:
        """Runs one cell. `number` None: without a number in the history. `tick` is called every few seconds."""
        began = time.monotonic()
        self._reply = {}
        work = asyncio.ensure_future(
            self._client.async_execute_cell(cell, index, execution_count=number, store_history=number is not None)
        )
        try:
            if not await self._within(work, limit_s or None, tick):
                return await self._stop_cell(work, limit_s, began)
        except DeadKernelError:
            error = {"type": "KernelDied", "message": self._story(), "traceback": ""}
            return CellEnd("failed", time.monotonic() - began, error)
        return CellEnd("failed" if self._failed() else "done", time.monotonic() - began, self._failed())

    async def _within(self, work: "Awaitable[Any]", limit_s: Optional[float], tick: Callable[[], None]) -> bool:
        deadline = None if limit_s is None else time.monotonic() + limit_s
        while True:
            left = 5.0 if deadline is None else min(5.0, deadline - time.monotonic())
            if left <= 0:
                return False
            done, _ = await asyncio.wait([work], timeout=left)  # type: ignore[type-var]  # a task
            if done:
                await work
                return True
            tick()

    async def _stop_cell(self, work: Any, limit_s: float, began: float) -> CellEnd:
        message = f"The cell ran longer than {limit_s:g} s."
        await self._manager.interrupt_kernel()
        try:
            stopped = await self._within(work, self._grace_s, lambda: None)
        except DeadKernelError:
            stopped = True
        error = {"type": "CellTimeout", "message": message, "traceback": (self._failed() or {}).get("traceback", "")}
        if not stopped:
            error["message"] += (
                f" It did not stop within {self._grace_s:g} s of an interrupt, so the kernel was killed."
            )
            self._kill()
            await asyncio.wait([work], timeout=_DEATH_S)
            if work.done():
                work.exception()  # the death that we caused
            work.cancel()
        return CellEnd("timeout", time.monotonic() - began, error)

    def _failed(self) -> Optional[Dict[str, str]]:
        if self._reply.get("status") != "error":
            return None
        trace = "\n".join(str(line) for line in self._reply.get("traceback", []))
        return {
            "type": str(self._reply.get("ename", "")),
            "message": _ANSI.sub("", str(self._reply.get("evalue", "")))[:4000],
            "traceback": _ANSI.sub("", trace)[:100_000],
        }

    def _story(self) -> str:
        code = self._process.poll() if self._process is not None else None
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in list(signal.Signals) else str(-code)
            return f"The kernel was killed by {name}. {memory_story()}".strip()
        return f"The kernel ended by itself, with exit code {code}."

    def _kill(self) -> None:
        """The kernel's whole process group: workers of joblib outlive their parent."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    async def stop(self) -> None:
        """Ends the kernel and what it started. Safe at any time."""
        try:
            if self._client.kc is not None:
                self._client.kc.stop_channels()
            await self._manager.shutdown_kernel(now=True)
        finally:
            self._kill()


def _write_json(path: str, value: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def _read_json(path: str) -> Any:
    """None: there is no file, or it is broken."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None
