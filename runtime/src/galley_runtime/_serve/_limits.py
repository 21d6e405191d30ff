"""How much one client may ask of a replica; every limit has a default and a name in the environment."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from galley_runtime._errors import ModelError

__all__ = ["Limits", "limits_of"]


class Limits(NamedTuple):
    """Sizes in bytes, times in seconds."""

    #: Of a body, also after decompression. `GALLEY_BODY_BYTES_MAX`.
    body_bytes: int = 16 * 1024 * 1024
    #: Of one request. `GALLEY_ROWS_MAX`.
    rows: int = 100_000
    #: Request line and headers together.
    head_bytes: int = 32 * 1024
    #: Open at once; beyond it the longest idle one is closed, then clients wait. `GALLEY_CONNECTIONS_MAX`.
    connections: int = 128
    #: Calls of the predictor at once: a notebook's code was written for one caller. `GALLEY_CONCURRENCY`.
    concurrency: int = 1
    #: Requests in line for the predictor; more are told to come back. `GALLEY_WAITING_MAX`.
    waiting: int = 64
    #: So long one may stand in line. `GALLEY_WAITING_SECONDS`.
    waiting_seconds: float = 30.0
    #: A call of the predictor that takes longer is taken for one that hangs. `GALLEY_CALL_SECONDS`.
    call_seconds: float = 120.0
    #: From the first byte of a head to its last.
    head_seconds: float = 10.0
    #: Without a byte, while a body or an answer is on its way.
    stall_seconds: float = 10.0
    #: For a whole body, whatever its pace.
    body_seconds: float = 60.0
    #: Between requests of one connection. More than the gateway's own, so that it is the one who closes.
    idle_seconds: float = 75.0
    #: For requests in flight after SIGTERM. `GALLEY_STOP_SECONDS`.
    stop_seconds: float = 25.0


def limits_of(environment: Mapping[str, str]) -> Limits:
    """Raises ModelError naming the variable that is no positive number."""
    names = {
        "body_bytes": "GALLEY_BODY_BYTES_MAX",
        "rows": "GALLEY_ROWS_MAX",
        "connections": "GALLEY_CONNECTIONS_MAX",
        "concurrency": "GALLEY_CONCURRENCY",
        "waiting": "GALLEY_WAITING_MAX",
        "waiting_seconds": "GALLEY_WAITING_SECONDS",
        "call_seconds": "GALLEY_CALL_SECONDS",
        "stop_seconds": "GALLEY_STOP_SECONDS",
    }
    found = {}
    for field, name in names.items():
        text = environment.get(name, "")
        if not text:
            continue
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise ModelError(f"{name} is {text!r}, not a positive whole number.", f"Unset {name}, or give a number.")
        found[field] = int(text)
    return Limits(**found)
