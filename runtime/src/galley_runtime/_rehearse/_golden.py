"""Golden requests: the calls of `test` and `example` cells, which must give again what they gave in the notebook."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from galley_runtime._errors import RuntimeFailure
from galley_runtime._model import Model
from galley_runtime._serve._golden import same

__all__ = ["CheckDiffers", "golden_of"]

_MOST = 20


class CheckDiffers(Exception):
    """A check gives another answer than in the notebook."""

    def __init__(self, message: str, check: Mapping[str, Any], actual: Any) -> None:
        super().__init__(message)
        place = {key: check.get(key) for key in ("notebook", "cell", "tag")}
        self.failure = {"message": message, "check": place, "expected": check.get("predictions"), "actual": actual}


def golden_of(
    model: Model, checks: List[Mapping[str, Any]], example: Optional[Mapping[str, Any]], sample: List[List[Any]]
) -> List[Dict[str, Any]]:
    """At most 20, the example first. A row of the sample only where the notebook says nothing. Raises CheckDiffers."""
    ordered = sorted(checks, key=lambda check: check.get("tag") != "example")[:_MOST]
    golden = [_reproduced(model, check) for check in ordered]
    if golden and (example is None or ordered[0].get("tag") == "example"):
        return golden
    rows = list(example["rows"]) if example is not None else (sample[0] if sample else None)
    if rows is None:
        return golden
    try:
        predictions = model.score(model.schema.conform(rows))
    except RuntimeFailure as error:
        if example is None:
            return golden
        raise CheckDiffers(f"the example can't be scored: {error.message}", {"tag": "example"}, None) from error
    source = {"notebook": None, "cell": None, "tag": "example" if example is not None else "sample"}
    first = {"rows": rows, "predictions": predictions, "source": source}
    return [{**first, **_varying(model, rows, predictions)}, *golden][:_MOST]


def _reproduced(model: Model, check: Mapping[str, Any]) -> Dict[str, Any]:
    where = f"{check.get('notebook')} cell {check.get('cell')}"
    rows = check["rows"]
    try:
        actual = model.score(model.schema.conform(rows))
    except RuntimeFailure as error:
        raise CheckDiffers(f"{where}: {error.message}", check, None) from error
    expected = check["predictions"]
    varying = _varying(model, rows, actual)
    if not varying and not same(expected, actual):
        raise CheckDiffers(f"{where}: {str(actual)[:200]} instead of {str(expected)[:200]}", check, actual)
    source = {"notebook": check.get("notebook"), "cell": check.get("cell"), "tag": check.get("tag")}
    return {"rows": rows, "predictions": actual, "source": source, **varying}


def _varying(model: Model, rows: List[Any], actual: List[Any]) -> Dict[str, bool]:
    """`varies` where the same rows, asked again, are answered otherwise: nobody can be held to such an answer."""
    try:
        again = model.score(model.schema.conform(rows))
    except RuntimeFailure:
        return {"varies": True}
    return {} if same(actual, again) else {"varies": True}
