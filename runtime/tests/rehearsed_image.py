"""A small notebook's model laid out as an image lays it, and its rehearsal: a process of its own."""

import json
import os
import subprocess
import sys

SOURCE = os.path.join(os.path.dirname(__file__), "..", "src")
CELL = """KNOWN = {"a": 1.0, "b": 2.0}


def base(row):
    value = KNOWN.get(row["kind"])
    if value is None:
        return 0.5  # galley: fallback
    return value


def predictor(rows):
    out = []
    for row in rows:
        if row["x"] > 5:
            out.append(base(row) * 2)
        else:
            out.append(base(row))
    return out
"""

MAKE = """
import cloudpickle, json, sys
folder, cell = sys.argv[1], sys.argv[2]
namespace = {"__name__": "__main__"}
exec(compile(cell, "model.ipynb#cell=1", "exec"), namespace)
import __main__
for name in ("KNOWN", "base", "predictor"):
    setattr(__main__, name, namespace[name])
with open(folder + "/model.pkl", "wb") as file:
    cloudpickle.dump({"predictor": namespace["predictor"], "validator": None}, file)
"""


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def make_image(tmp_path):
    """The folders of an image: app, model, and a sample of 400 requests that never takes the fallback."""
    model = tmp_path / "model"
    (tmp_path / "app").mkdir()
    write(
        model / "model.json",
        {
            "schema": "galley.dev/model/v1",
            "predictor": {
                "name": "predictor",
                "kind": "callable",
                "type": "function",
                "notebook": "model.ipynb",
                "cell": 1,
            },
            "validator": False,
            "callForm": "records",
            "columns": ["kind", "x"],
            "classes": None,
            "example": None,
        },
    )
    cell = {
        "notebook": "model.ipynb",
        "cell": 1,
        "index": 0,
        "source": CELL,
        "tags": [],
        "filename": "model.ipynb#cell=1",
    }
    write(model / "cells.json", {"schema": "galley.dev/cells/v1", "cells": [cell]})
    check = {
        "notebook": "model.ipynb",
        "cell": 2,
        "tag": "test",
        "rows": [{"kind": "a", "x": 9.0}],
        "predictions": [2.0],
    }
    write(model / "checks.json", {"schema": "galley.dev/checks/v1", "checks": [check]})
    subprocess.run([sys.executable, "-c", MAKE, str(model), CELL], check=True)
    rows = [{"kind": "ab"[i % 2], "x": float(i % 11) + (i % 7) / 10} for i in range(400)]
    write(tmp_path / "sample.jsonl", "".join(json.dumps({"rows": [row], "heldOut": True}) + "\n" for row in rows))
    return tmp_path


def rehearse(image, **changes):
    """Runs `galley-runtime rehearse`; `changes` go into its plan. What it writes lies in `image / "out"`."""
    plan = {
        "schema": "galley.dev/rehearse-plan/v1",
        "sample": str(image / "sample.jsonl"),
        "sampleInfo": {"origin": "held-out"},
        "rowsMax": 10000,
        "secondsMax": 60,
        "modelDir": str(image / "model"),
        "appDir": str(image / "app"),
        "outDir": str(image / "out"),
        **changes,
    }
    write(image / "rehearse.json", plan)
    command = [sys.executable, os.path.join(SOURCE, "galley_runtime"), "rehearse", str(image / "rehearse.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(image, name):
    return json.loads((image / "out" / name).read_text())
