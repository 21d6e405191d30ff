"""What the protocols know of the service: its name, its model once that is loaded, and whether it may be asked."""

from __future__ import annotations

from typing import Optional

from galley_runtime._errors import RequestError, UnavailableError
from galley_runtime._serve._scoring import Scoring

__all__ = ["Service"]


class Service:
    """State goes one way: starting → ready → stopping."""

    def __init__(self, name: str, revision: str, pickled_args: bool = False) -> None:
        """`pickled_args`: the form loads pickles, which lets every client run code here."""
        self.name = name
        self.revision = revision
        self.pickled_args = pickled_args
        self.stopping = False
        self._scoring: Optional[Scoring] = None
        self._openapi: Optional[bytes] = None
        self._page: Optional[bytes] = None

    @property
    def ready(self) -> bool:
        return self._scoring is not None and not self.stopping

    def open(self, scoring: Scoring) -> None:
        """The golden requests were answered as in the build: from now on everybody may ask."""
        self._scoring = scoring

    @property
    def scoring(self) -> Scoring:
        """Raises NOT_READY while the model loads. While stopping, requests of open connections are still answered."""
        if self._scoring is None:
            raise _not_ready()
        return self._scoring

    def check_ready(self) -> None:
        if self.stopping:
            raise UnavailableError("STOPPING", f"This replica of {self.name} is stopping.", "Send the request again.")
        if self._scoring is None:
            raise _not_ready()
        self._scoring.check_moving()

    def check_name(self, name: str, version: str = "") -> None:
        """Raises NOT_FOUND for a model or version that is not this one."""
        if name != self.name:
            raise RequestError("NOT_FOUND", f"There is no model {name[:100]} here.", f"This is the model {self.name}.")
        if version and version != self.revision:
            hint = f"This is version {self.revision}." if self.revision else "Leave the version out."
            raise RequestError("NOT_FOUND", f"The model {self.name} has no version {version[:100]} here.", hint)

    def openapi(self) -> bytes:
        """Made once, when somebody first asks."""
        if self._openapi is None:
            from galley_runtime._json import dumps
            from galley_runtime._serve._openapi import document

            self._openapi = dumps(document(self.name, self.revision, self.scoring.model, self.scoring.door.mode))
        return self._openapi

    def page(self) -> bytes:
        """The same for people; made once, when somebody first asks."""
        if self._page is None:
            from galley_runtime._serve._page import page

            self._page = page(self.name, self.revision, self.scoring.model, self.scoring.door.mode)
        return self._page


def _not_ready() -> UnavailableError:
    return UnavailableError("NOT_READY", "The model is still loading.", "Try again in a moment.")
