"""A replica that starts before its rehearsal has ended: it loads the model, then waits for what the rehearsal finds.

The build starts it beside the rehearsal, so that the imports of the two overlap, and checks the service image with it
(docs/adr/0112). Nobody but the build can reach the admin socket that the files come through.
"""

from __future__ import annotations

import os
import tempfile
import threading
from typing import Callable, Dict

from galley_runtime._errors import RequestError, RuntimeFailure
from galley_runtime._serve._exchange import Request, Response, json_response
from galley_runtime._serve._limits import Limits

__all__ = ["STANDBY_LIMITS", "Standby"]

#: `reference.json` of a wide table is megabytes.
STANDBY_LIMITS = Limits(connections=16, body_bytes=64 * 1024 * 1024)

_PATH = "/galley/v1/rehearsed"
_NAMES = ("schema.json", "golden.json", "reference.json")


class Standby:
    """Stands in front of the admin socket's own answers and takes the files, once."""

    def __init__(self, admin: Callable[[Request], Response]) -> None:
        self._admin = admin
        self._folder = ""
        self._come = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        if request.path != _PATH:
            return self._admin(request)
        try:
            if request.method != "POST":
                raise RequestError("METHOD_NOT_ALLOWED", f"{_PATH} does not take {request.method}.", "Use POST.")
            self._take(request.json())
        except RuntimeFailure as error:
            return json_response(error.body(), error.status)
        return json_response({"status": "taken"})

    def wait(self) -> str:
        """The folder with the files, when they have come."""
        self._come.wait()
        return self._folder

    def _take(self, body: object) -> None:
        files: Dict[str, object] = body.get("files", {}) if isinstance(body, dict) else {}
        if not files or any(name not in _NAMES or not isinstance(text, str) for name, text in files.items()):
            raise RequestError("INVALID_JSON", "The files are not those of a rehearsal.", f"Send {', '.join(_NAMES)}.")
        with self._lock:
            if self._come.is_set():
                raise RequestError("BAD_REQUEST", "The files have come already.", "Start another replica.")
            self._folder = tempfile.mkdtemp(prefix="galley-rehearsed-")
            for name, text in files.items():
                with open(os.path.join(self._folder, name), "w", encoding="utf-8", newline="") as file:
                    file.write(str(text))
            self._come.set()
