"""Marks a function as a conversation: with which model, by which client library in which version."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Callable, List

__all__ = ["conversation_with"]


def conversation_with(model: str, package: str, into: List[Any]) -> Callable[[Any], Any]:
    def mark(function: Any) -> Any:
        function.model = model
        function.client = f"{package} {version(package)}"
        into.append(function)
        return function

    return mark
