"""Secrets of the project: files under /run/secrets, and for those named in `GALLEY_SECRET_ENV` also the environment.

Their values come into the environment here and not from outside: what a workload is told to be (its specification, its
labels, what the kernel shows of its first process) then holds names alone. Messages that leave the process are written
without them: an exception of a client library likes to quote the address that it was given, password and all.
"""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, MutableMapping

__all__ = ["enter_environment", "redacted"]

FOLDER = "/run/secrets"
VARIABLE = "GALLEY_SECRET_ENV"
#: Shorter values would be found everywhere and mean nothing.
_SHORTEST = 6


def enter_environment(environment: MutableMapping[str, str] = os.environ, folder: str = FOLDER) -> None:
    """Raises OSError or ValueError, which name the file and not its content, for a secret that cannot be a variable."""
    for name in filter(None, environment.get(VARIABLE, "").split(",")):
        with open(os.path.join(folder, name), "rb") as file:
            value = file.read()
        if b"\0" in value:
            raise ValueError(f"the secret {name} holds a NUL character and cannot be a variable of the environment")
        environment[name] = os.fsdecode(value)


def redacted(text: str, folder: str = FOLDER) -> str:
    """The text without the values of this workload's secrets."""
    for value in _values(folder):
        text = text.replace(value, "[secret]")
    return text


def _values(folder: str) -> Iterator[str]:
    if folder not in _known:
        _known[folder] = sorted(set(_read(folder)), key=len, reverse=True)
    yield from _known[folder]


#: They do not change while a workload lives.
_known: Dict[str, List[str]] = {}


def _read(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                text = file.read().strip()
        except OSError:
            continue
        if len(text) >= _SHORTEST:
            yield text
            yield repr(text)[1:-1]
