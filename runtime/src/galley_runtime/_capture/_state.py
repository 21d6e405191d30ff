"""What one kernel knows: one object, made when the capture starts.

Everything that lasts between two cells is here, so that a test can make a second one and nothing hides in module
globals.
"""

from __future__ import annotations

import random
from typing import Any, Dict, List, Optional, Tuple

__all__ = ["Cell", "State"]


class Cell:
    """Where we are: the notebook's own numbers, not those of the kernel."""

    def __init__(self, notebook: str, number: int, index: int, tags: Tuple[str, ...], filename: str) -> None:
        self.notebook = notebook
        self.number = number
        self.index = index
        self.tags = tags
        self.filename = filename

    @property
    def recorded(self) -> Optional[str]:
        """The tag that asks for recording; `example` first, as its call is the request that documents the service."""
        return next((tag for tag in ("example", "test") if tag in self.tags), None)


class State:
    """The knowledge of one kernel. `namespace` is the user's, live."""

    def __init__(
        self, namespace: Dict[str, Any], app_dir: str, sample_rows: int, seed: int, staged: bool = False
    ) -> None:
        self.namespace = namespace
        self.app_dir = app_dir
        self.sample_rows = sample_rows
        #: This is one of several notebooks, each of which may contribute a stage.
        self.staged = staged
        #: Our own generator: a notebook's random numbers must not depend on whether it is watched.
        self.random = random.Random(seed)
        self.cell: Optional[Cell] = None
        self.cells: List[Dict[str, Any]] = []
        #: name → (id of the object, cell that bound it)
        self.bound: Dict[str, Tuple[int, Cell]] = {}
        self.warnings: List[str] = []
        #: Calls under way. Not per thread: forests fit their trees in threads, and those are inner calls too.
        self.depth = 0

    def warn(self, text: str) -> None:
        """Says something once. Reaches the report of the cell and result.json."""
        if text not in self.warnings:
            self.warnings.append(text)

    def note_bindings(self) -> None:
        """Compares the namespace with what it was before the cell."""
        if self.cell is None:
            return
        for name, value in list(self.namespace.items()):
            if not isinstance(name, str) or name.startswith("_"):
                continue
            known = self.bound.get(name)
            if known is None or known[0] != id(value):
                self.bound[name] = (id(value), self.cell)
        for name in [name for name in self.bound if name not in self.namespace]:
            del self.bound[name]

    def cell_of(self, name: str) -> Optional[Cell]:
        """The cell that bound a name, as far as it is known."""
        known = self.bound.get(name)
        return known[1] if known else None
