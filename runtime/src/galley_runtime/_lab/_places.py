"""Where a workbench keeps what lasts, under whatever user id it runs."""

from __future__ import annotations

import os
import tempfile
from typing import Mapping, NamedTuple

__all__ = ["Places", "find_places"]

#: A folder of HOME that `galley lab` keeps from one session to the next (wire.md).
_KEPT = "/home/galley/.local/galley"


class Places(NamedTuple):
    """Folders; both exist and are ours to write."""

    #: Lasts: a person's own environment, settings of JupyterLab, history.
    kept: str
    #: Of this start only.
    running: str


def find_places(environment: Mapping[str, str]) -> Places:
    """`GALLEY_LAB_DIR`, else a folder of HOME, else one that does not last. Raises OSError where nothing can be written."""
    running = tempfile.mkdtemp(prefix="galley-lab-")
    wanted = environment.get("GALLEY_LAB_DIR") or _KEPT
    try:
        os.makedirs(wanted, exist_ok=True)
        if os.access(wanted, os.W_OK | os.X_OK):
            return Places(wanted, running)
    except OSError:
        pass  # Neither user 1001 nor group 0, as `docker run --user 1000:1000` gives it: HOME is not to be written.
    kept = os.path.join(running, "kept")
    os.mkdir(kept)
    return Places(kept, running)
