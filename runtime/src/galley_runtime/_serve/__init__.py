"""Serves a model over HTTP: see README.md in this folder."""

from __future__ import annotations

from typing import List

__all__ = ["main"]


def main(arguments: List[str]) -> int:
    """`galley-runtime serve`; returns when the process is told to stop."""
    from galley_runtime._serve._replica import serve

    return serve(arguments)
