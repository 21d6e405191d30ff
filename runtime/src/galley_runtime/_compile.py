"""`galley-runtime compile`: bytecode for the modules that the rehearsal loaded, made from the layers' sources in a
clean workload.

The names come from a process that ran the user's code, so they are hostile, and nothing is imported here: not even
parent packages, which `importlib.util.find_spec` would execute. Each part of a name is looked up on the path of its
parent as PathFinder sees it; what a package does to its own `__path__` when it runs is not known, and such modules
stay without bytecode. The repository's folder is not looked at: the tree lies under `sys.pycache_prefix`, is unchecked
(PEP 552), and is shared by all images with the same dependency layers, whatever code they have.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import py_compile
import re
import sys
from typing import Any, Dict, List, Optional, Sequence, Union

__all__ = ["find_source", "main"]

_SCHEMA = "galley.dev/modules/v1"
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_NAMES_MAX = 50_000
_WORKERS_MAX = 4
#: Below this a second process costs more than it saves.
_WORKER_SHARE = 100


def main(arguments: Union[str, List[str]]) -> int:
    """Compiles the modules named in the given `modules.json`. 0, also where some have no source; 2: no such list."""
    path = arguments if isinstance(arguments, str) else (arguments or ["/galley/in/modules.json"])[0]
    try:
        with open(path, encoding="utf-8") as file:
            plan = json.load(file)
        names = _names(plan)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The list of modules {path} cannot be read: {error}.\n")
        return 2
    prefix = os.path.join(str(plan.get("outDir", "/galley/out")), "pycache")
    sources = sorted(set(_sources(names, sys.path)))
    os.makedirs(prefix, exist_ok=True)
    _tell("started", 0, len(sources))
    # Processes and no pool: a pool needs semaphores, and those need /dev/shm.
    count = max(1, min(_WORKERS_MAX, os.cpu_count() or 1, len(sources) // _WORKER_SHARE))
    children = [_fork(sources[start::count], prefix) for start in range(1, count)]
    _compile_all(sources[::count], prefix)
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    _tell("failed" if failed else "done", len(sources), len(sources))
    return 70 if failed else 0


def _names(plan: Any) -> List[str]:
    if not isinstance(plan, dict) or plan.get("schema") != _SCHEMA or not isinstance(plan.get("modules"), list):
        raise ValueError(f"it is not of schema {_SCHEMA}")
    names: List[Any] = plan["modules"][:_NAMES_MAX]
    return sorted({name for name in names if isinstance(name, str) and len(name) < 300 and _NAME.fullmatch(name)})


def _sources(names: Sequence[str], path: Sequence[str]) -> List[str]:
    specs: Dict[str, Optional[importlib.machinery.ModuleSpec]] = {}
    found = [find_source(name, path, specs) for name in names]
    return [source for source in found if source is not None]


def find_source(
    name: str, path: Sequence[str], specs: Optional[Dict[str, Optional[importlib.machinery.ModuleSpec]]] = None
) -> Optional[str]:
    """The `.py` file of a module, found on `path` without running anything; None: it has none there."""
    spec = _spec(name, list(path), {} if specs is None else specs)
    if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        return None
    source = spec.origin
    return os.path.abspath(source) if source and source.endswith(".py") and os.path.isfile(source) else None


def _spec(
    name: str, path: List[str], specs: Dict[str, Optional[importlib.machinery.ModuleSpec]]
) -> Optional[importlib.machinery.ModuleSpec]:
    if name not in specs:
        parent, _, _ = name.rpartition(".")
        places: Optional[List[str]] = path
        if parent:
            above = _spec(parent, path, specs)
            locations: Any = above.submodule_search_locations if above else None
            places = None if locations is None else list(getattr(locations, "_path", locations))
        try:
            # Under its last part alone: for a longer name a namespace package asks sys.modules for its parent's path,
            # and nothing of it is there. The files that are looked for are the same.
            tail = name.rpartition(".")[2]
            specs[name] = None if places is None else importlib.machinery.PathFinder.find_spec(tail, places)
        except Exception:  # noqa: BLE001 - a damaged folder or archive on the path; there is no bytecode then
            specs[name] = None
    return specs[name]


def _fork(sources: Sequence[str], prefix: str) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        _compile_all(sources, prefix)
        status = 0
    finally:
        os._exit(status)


def _compile_all(sources: Sequence[str], prefix: str) -> None:
    sys.pycache_prefix = prefix
    for source in sources:
        try:
            py_compile.compile(
                source,
                cfile=importlib.util.cache_from_source(source),
                doraise=True,
                quiet=2,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (py_compile.PyCompileError, OSError, RecursionError, MemoryError, ValueError):
            continue  # importing it would fail as well, or goes on from its source


def _tell(state: str, done: int, total: int) -> None:
    line = {"galley": "progress", "phase": "compiling", "step": "bytecode", "state": state}
    sys.stdout.write(json.dumps({**line, "done": done, "total": total, "unit": "modules"}) + "\n")
    sys.stdout.flush()
