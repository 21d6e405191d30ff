"""`galley-runtime rehearse PLAN.json`: the candidate image answers its own sample."""

from __future__ import annotations

from galley_runtime._rehearse._rehearsal import main

__all__ = ["main"]
