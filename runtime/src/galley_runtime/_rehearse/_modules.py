"""Names of the modules that serving needs: what the rehearsal loaded, and the runtime's own serving half."""

from __future__ import annotations

import os
import sys
from typing import List

__all__ = ["loaded_modules"]

_NOT_SERVED = ("_run", "_capture", "_rehearse")


def loaded_modules() -> List[str]:
    names = {name for name, module in list(sys.modules.items()) if _has_source(module)}
    return sorted(name for name in names | set(_own()) if name != "__main__")


def _has_source(module: object) -> bool:
    path = getattr(module, "__file__", None)
    return isinstance(path, str) and path.endswith(".py")


def _own() -> List[str]:
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _NOT_SERVED and not name.startswith("__")]
        package = ".".join(["galley_runtime"] + [p for p in os.path.relpath(folder, root).split(os.sep) if p != "."])
        found += [
            package if name == "__init__.py" else f"{package}.{name[:-3]}" for name in files if name.endswith(".py")
        ]
    return found
