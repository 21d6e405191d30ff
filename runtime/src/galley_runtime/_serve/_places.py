"""Where the image keeps the model, what the rehearsal left, and the repository."""

from __future__ import annotations

from typing import List, NamedTuple

from galley_runtime._errors import PlanError
from galley_runtime._model import APP_DIR, MODEL_DIR, REHEARSED_DIR

__all__ = ["Places", "places_of"]


class Places(NamedTuple):
    """Directories. The defaults are those of every image (wire.md)."""

    model: str = MODEL_DIR
    rehearsed: str = REHEARSED_DIR
    app: str = APP_DIR


def places_of(arguments: List[str]) -> Places:
    """From `--model DIR --rehearsed DIR --app DIR`, each optional. Raises PlanError for anything else.

    By hand: argparse costs more at start-up than three names are worth.
    """
    found = {}
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        if name not in ("--model", "--rehearsed", "--app") or not rest:
            raise PlanError(f"{name} is not understood.", "The options are --model DIR, --rehearsed DIR and --app DIR.")
        found[name[2:]] = rest.pop(0)
    return Places(**found)
