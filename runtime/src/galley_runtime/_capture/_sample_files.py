"""A sample as it leaves a workload: `sample.jsonl` and `sample.json` (docs/design/wire.md)."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Sequence

__all__ = ["write_sample_files"]


def write_sample_files(folder: str, rows: Sequence[Any], held_out: Sequence[bool], source: str, total: int) -> Dict[str, Any]:
    """One request a row. `held_out`: of each, whether no fit has seen it; `total`: how many there were to choose from. Returns what `sample.json` says."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "sample.jsonl"), "w", encoding="utf-8") as file:
        for row, unseen in zip(rows, held_out):
            line = {"rows": [row], "heldOut": unseen}
            file.write(json.dumps(line, allow_nan=False, separators=(",", ":")) + "\n")
    unseen_rows = sum(held_out)
    info = {
        "schema": "galley.dev/sample/v1",
        "origin": "held-out" if unseen_rows * 2 >= len(rows) else "in-sample",
        "source": source,
        "requests": len(rows),
        "heldOut": unseen_rows,
        "total": total,
    }
    with open(os.path.join(folder, "sample.json"), "w", encoding="utf-8") as file:
        json.dump(info, file)
    return info
