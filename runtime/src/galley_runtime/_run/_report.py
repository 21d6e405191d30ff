"""What is told while a run goes on: report.jsonl for the build, progress lines on stdout for whoever watches."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional, TextIO

__all__ = ["Progress", "Report", "first_line"]


def first_line(source: str) -> str:
    """The first line of a cell that says something."""
    lines = [line.strip() for line in source.splitlines()]
    said = [line for line in lines if line and not line.startswith("#")] or [line for line in lines if line]
    return said[0][:200] if said else ""


class Report:
    """report.jsonl. Each line is on the disk before the next thing happens: a cell may take the whole process with
    it."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the run
        #: Every line so far.
        self.lines: List[Dict[str, Any]] = []

    def write(self, **line: Any) -> None:
        """Appends one line."""
        whole = {"schema": "galley.dev/report/v1", **line}
        self.lines.append(whole)
        self._file.write(json.dumps(whole) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """No more lines."""
        self._file.close()


class Progress:
    """One JSON object a line (wire.md, "Commands"). `total` counts the code cells of all notebooks."""

    def __init__(self, out: TextIO, total: int) -> None:
        self._out = out
        self._total = total
        self.done = 0

    def tell(self, step: str, state: str, first: str = "", seconds: Optional[float] = None) -> None:
        """`state`: started, progress, done or failed."""
        line: Dict[str, Any] = {"galley": "progress", "phase": "training", "step": step, "state": state}
        line.update({"done": self.done, "total": self._total, "unit": "cells"})
        if first:
            line["firstLine"] = first
        if seconds is not None:
            line["seconds"] = round(seconds, 3)
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()
