"""The models that the clients of others talk to: one for each sort of input."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Dict, Iterator

from live_replica import ModelFolder, Replica, iris_folder

__all__ = ["replicas_for_clients"]

SUMS = """
def predictor(rows, params=None):
    return [float(sum(row)) * (params or {}).get("factor", 1) for row in rows]
"""
SHOUTS = "def predictor(texts): return [text.upper() for text in texts]\n"
NOTES = 'def predictor(rows): return [type(row["note"]).__name__ for row in rows]\n'
YEARS = """
import datetime
def predictor(rows):
    times = [datetime.datetime.fromisoformat(row["when"]) for row in rows]
    return [time.replace(year=time.year + 1) for time in times]
"""


def models(root: Path) -> Dict[str, ModelFolder]:
    """Name of the application → its folder below `root`."""
    number = [{"name": name, "type": "number", "nullable": False} for name in ("a", "b", "c")]
    text = {"type": "string", "nullable": False}
    anything = {"type": "any", "nullable": True}
    return {
        "iris": iris_folder(root / "iris"),
        "trusting": iris_folder(root / "trusting"),
        "sums": ModelFolder(root / "sums").write(SUMS, "matrix", columns=number, prediction={"type": "number"}),
        "shouts": ModelFolder(root / "shouts").write(SHOUTS, "raw"),
        "notes": ModelFolder(root / "notes").write(NOTES, columns=[{"name": "note", **anything}], prediction={"type": "any"}),
        "years": ModelFolder(root / "years").write(YEARS, columns=[{"name": "when", **text}], prediction={"type": "any"}),
    }


@contextmanager
def replicas_for_clients(root: Path, *, tcp: bool = False) -> Iterator[Dict[str, Replica]]:
    """A replica per model, by the name of its application."""
    with ExitStack() as stack:
        replicas = {}
        for name, folder in models(root).items():
            said = {"GALLEY_APPLICATION": name, "GALLEY_REVISION": f"{name}-1"}
            trust = {"GALLEY_PICKLED_ARGS": "1"} if name == "trusting" else {}
            replicas[name] = stack.enter_context(Replica(folder, tcp=tcp, **said, **trust))
        yield replicas
