"""`galley-runtime check`: one line of JSON says whether the model loads and answers as it did in the build."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict, List

from galley_runtime._errors import ModelError, PlanError
from galley_runtime._json import dumps
from galley_runtime._model import read_json
from galley_runtime._serve._golden import differences
from galley_runtime._serve._places import places_of
from galley_runtime._serve._replica import EXIT_GOLDEN, EXIT_MODEL, EXIT_USAGE, load_model

__all__ = ["main"]


def main(arguments: List[str]) -> int:
    """Exit codes: 0 all is well; 21 an answer differs; 30 the model does not load; 2 usage."""
    # What the user's code prints while it loads must not end up in the verdict.
    verdict_to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    started = time.monotonic()
    verdict: Dict[str, Any] = {"schema": "galley.dev/check/v1", "ok": False}
    code = _check(arguments, verdict)
    verdict["ok"] = code == 0
    verdict["seconds"] = round(time.monotonic() - started, 3)
    sys.stdout.flush()
    verdict_to.write(dumps(verdict) + b"\n")
    verdict_to.close()
    return code


def _check(arguments: List[str], verdict: Dict[str, Any]) -> int:
    try:
        places = places_of(arguments)
        model = load_model(places)
        golden = read_json(os.path.join(places.rehearsed, "golden.json"))
        found = differences(model, golden)
    except PlanError as error:
        verdict.update(error.body())
        return EXIT_USAGE
    except ModelError as error:
        verdict.update(error.body())
        return EXIT_MODEL
    verdict["requests"] = 0 if golden is None else len(golden["requests"])
    verdict["differences"] = [difference._asdict() for difference in found]
    return EXIT_GOLDEN if found else 0
