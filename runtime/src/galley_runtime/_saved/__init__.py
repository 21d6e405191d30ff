"""`galley-runtime adopt`: see README.md. Imports nothing: the service opens saved models from here too."""

from __future__ import annotations

from typing import List

__all__ = ["main"]


def main(arguments: List[str]) -> int:
    """Exit codes: wire.md, "run"; 2 where the plan cannot be followed."""
    from galley_runtime._saved._adopt import adopt

    return adopt(arguments[0] if arguments else "/galley/in/adopt.json")
