"""Switches in the environment: 0, 1 or absent."""

from __future__ import annotations

from typing import Mapping

from galley_runtime._errors import ModelError

__all__ = ["switched_on"]


def switched_on(environment: Mapping[str, str], name: str) -> bool:
    """Absent is off. Raises ModelError for anything but 0 and 1: a typing error must not decide who is trusted."""
    said = environment.get(name) or "0"
    if said not in ("0", "1"):
        raise ModelError(f"{name} is {said!r}, neither 0 nor 1.", f"Unset {name}: it is off by default.")
    return said == "1"
