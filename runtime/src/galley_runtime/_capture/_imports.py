"""Calls us when a module has been imported for the first time, without importing it ourselves.

A notebook imports and fits in one cell, so looking after each cell would be too late; replacing `builtins.__import__`
would be in every traceback. A finder at the front of `sys.meta_path` lets the others find the module and only adds a
step after it ran. The module's own loader and spec stay what they are.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from typing import Any, Callable, Dict, Optional

__all__ = ["AfterImport"]


class AfterImport:
    """A finder of `sys.meta_path`. Each callback runs at most once; if it raises, `failed` is told and the import
    goes on."""

    def __init__(self, callbacks: Dict[str, Callable[[Any], None]], failed: Callable[[str], None]) -> None:
        self._callbacks = dict(callbacks)
        self._failed = failed

    def install(self) -> None:
        """Starts to wait; what is imported already is handled at once."""
        for name in [name for name in self._callbacks if name in sys.modules]:
            self._call(name, sys.modules[name])
        if self._callbacks:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Stops waiting."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        """The protocol of finders: the spec that the other finders make, with our step in its loader."""
        if name not in self._callbacks:
            return None
        for finder in [finder for finder in sys.meta_path if finder is not self]:
            find = getattr(finder, "find_spec", None)
            spec: Optional[importlib.machinery.ModuleSpec] = find(name, path, target) if find else None
            if spec is not None:
                self._add_step(name, spec.loader)
                return spec
        return None

    def _add_step(self, name: str, loader: Any) -> None:
        run = getattr(loader, "exec_module", None)
        if run is None:
            return

        def exec_module(module: Any) -> None:
            try:
                del loader.exec_module
            except AttributeError:
                pass
            run(module)
            self._call(name, module)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            self._failed(f"{name} cannot be watched: its loader takes no attribute")

    def _call(self, name: str, module: Any) -> None:
        callback = self._callbacks.pop(name, None)
        try:
            if callback is not None:
                callback(module)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not break the user's import
            self._failed(f"{name} cannot be watched: {type(error).__name__}: {error}")
