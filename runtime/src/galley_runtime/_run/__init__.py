"""`galley-runtime run`: see README.md."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import List, Union

__all__ = ["main"]

_TOOLS = "/opt/galley/tools/bin/python"


def main(arguments: Union[str, List[str]]) -> int:
    """Runs the plan whose path is given. Exit codes: wire.md, "run"; 2 where the plan cannot be followed."""
    plan_path = arguments if isinstance(arguments, str) else (arguments or ["/galley/in/run.json"])[0]
    if importlib.util.find_spec("nbclient") is None and os.path.exists(_TOOLS) and sys.executable != _TOOLS:
        # The launcher starts the user's Python; nbclient is only in the tools' environment (DESIGN.md §4).
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        os.execv(_TOOLS, [_TOOLS, "-I", package, "run", plan_path])
    from galley_runtime._run._all import run_plan

    return run_plan(plan_path, sys.stdout)
