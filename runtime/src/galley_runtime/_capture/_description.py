"""The files that say what was saved: model.json and checks.json (docs/design/wire.md, run)."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Dict, List, Optional

from galley_runtime._call_form import CallForm
from galley_runtime._json import plain

__all__ = ["write_description"]


def write_description(
    model_dir: str,
    predictor: Dict[str, Any],
    answering: Any,
    form: CallForm,
    *,
    validator: bool,
    example: Optional[List[Any]],
    checks: List[Dict[str, Any]],
    **more: Any,
) -> None:
    """`predictor`: its name, kind, type and cell. `answering`: the object that may have classes. `more`: further members."""
    try:
        classes = plain(getattr(answering, "classes_", None))
    except Exception:  # noqa: BLE001 - a property of user code; a model of several outputs has a list of arrays
        classes = None
    model: Dict[str, Any] = {
        "schema": "galley.dev/model/v1",
        "predictor": predictor,
        **more,
        "validator": validator,
        "callForm": form.form,
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "columns": form.columns,
        "classes": classes if isinstance(classes, list) else None,
        "example": None if example is None else {"rows": example},
        **({"callOne": True} if form.one else {}),
    }
    _write(os.path.join(model_dir, "model.json"), model)
    _write(os.path.join(model_dir, "checks.json"), {"schema": "galley.dev/checks/v1", "checks": checks})


def _write(path: str, value: Dict[str, Any]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
