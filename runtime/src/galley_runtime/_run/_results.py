"""How a run ended: exit code and result.json, which is written last."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

__all__ = ["EXIT_CODES", "Result"]

EXIT_CODES = {
    "model": 0,
    "failed": 10,
    "timeout": 11,
    "noModel": 12,
    "ambiguous": 13,
    "unpicklable": 14,
    "broken": 15,
}


class Result:
    """Collects what result.json says."""

    def __init__(self) -> None:
        self.outcome = "model"
        self.message = ""
        self.candidates: List[Dict[str, Any]] = []
        self.refused: List[str] = []
        self.missing_files: List[str] = []
        self.made_files: List[str] = []
        self.warnings: List[str] = []

    def note(self, seen: Dict[str, Any]) -> None:
        """Adds what the kernel said after a cell, each thing once."""
        for known, name in (
            (self.refused, "refused"),
            (self.missing_files, "missingFiles"),
            (self.warnings, "warnings"),
        ):
            new = seen.get(name, [])
            known.extend(item for item in new if isinstance(item, str) and item not in known)

    def end(self, outcome: str, message: str) -> None:
        """Something ended the run; the first reason counts."""
        if self.outcome == "model":
            self.outcome, self.message = outcome, message

    def write(self, out_dir: str) -> int:
        """Writes result.json; the exit code."""
        value = {
            "schema": "galley.dev/run-result/v1",
            "outcome": self.outcome,
            "message": self.message,
            "candidates": self.candidates,
            "refused": self.refused,
            "missingFiles": self.missing_files,
            "madeFiles": self.made_files,
            "warnings": self.warnings,
        }
        path = os.path.join(out_dir, "result.json")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".part", path)
        return EXIT_CODES[self.outcome]
