"""The rehearsal from plan to files. Exit codes: 0; 20 a row of the sample fails; 21 a check differs; 30 the model does not load."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Any, Dict, List, Mapping, Optional

from galley_runtime._errors import ModelError
from galley_runtime._inferred import infer
from galley_runtime._json import dumps
from galley_runtime._model import APP_DIR, MODEL_DIR, Model, enter_app, load, read_json
from galley_runtime._rehearse._golden import CheckDiffers, golden_of
from galley_runtime._rehearse._modules import loaded_modules
from galley_runtime._rehearse._probe import probed_schema
from galley_runtime._rehearse._replay import Asked, RowFailed, bare_seconds, read_sample, replay

__all__ = ["main"]

EXIT_ROW, EXIT_CHECK, EXIT_MODEL = 20, 21, 30


def main(arguments: List[str]) -> int:
    """`arguments`: the plan's path. What user code prints goes to stderr: stdout is ours (docs/design/wire.md)."""
    # Rows come one request at a time: threads of a numeric library would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    tell_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with open(arguments[0] if arguments else "/galley/in/rehearse.json", encoding="utf-8") as file:
        plan = json.load(file)
    rehearsal = _Rehearsal(plan, tell_to)
    try:
        rehearsal.run()
    except RowFailed as failed:
        return rehearsal.fail(failed.failure, EXIT_ROW)
    except CheckDiffers as differs:
        return rehearsal.fail(differs.failure, EXIT_CHECK)
    except ModelError as error:
        traceback.print_exc()
        return rehearsal.fail({"error": {"type": error.code, "message": error.message}}, EXIT_MODEL)
    return 0


class _Rehearsal:
    def __init__(self, plan: Mapping[str, Any], tell_to: Any) -> None:
        self._plan = plan
        self._tell_to = tell_to
        self._out = str(plan.get("outDir", "/galley/out"))
        self._model_dir = str(plan.get("modelDir", MODEL_DIR))
        self._app_dir = str(plan.get("appDir", APP_DIR))
        self._timing: Dict[str, float] = {}

    def run(self) -> None:
        started = time.perf_counter()
        enter_app(self._app_dir)
        model = load(self._model_dir)
        self._timing["importSeconds"] = round(time.perf_counter() - started, 4)
        requests = read_sample(self._plan.get("sample"), int(self._plan.get("rowsMax", 10_000)))
        checks = (read_json(os.path.join(self._model_dir, "checks.json")) or {}).get("checks", [])
        example = model.info.get("example")
        self._use_schema(model, requests, checks, example, [])
        predictions = self._replay(model, requests)
        if predictions:
            self._use_schema(model, requests, checks, example, predictions)
        golden = golden_of(model, checks, example, [request.rows for request in requests[:1]])
        self._write("rehearsed/schema.json", model.schema.to_json())
        self._write("rehearsed/golden.json", {"schema": "galley.dev/golden/v1", "requests": golden})
        self._write("modules.json", {"schema": "galley.dev/modules/v1", "modules": loaded_modules()})
        self._write("timing.json", self._timing)

    def _use_schema(
        self,
        model: Model,
        requests: List[Asked],
        checks: List[Mapping[str, Any]],
        example: Optional[Mapping[str, Any]],
        predictions: List[Any],
    ) -> None:
        """Types of the columns from every row that is known, the checks' among them."""
        rows = [row for request in requests for row in request.rows]
        rows += [row for check in checks for row in check["rows"]]
        rows += list(example["rows"]) if example is not None else []
        columns = model.info.get("columns")
        if not rows:
            model.use(probed_schema(model))
            return
        # A test cell stands in where no cell is an example: both are in the notebook for everybody to read.
        shown = example or next((check for check in checks if check.get("tag") == "example"), next(iter(checks), None))
        schema = infer(
            rows,
            model.info["callForm"],
            columns=columns,
            predictions=predictions,
            classes=model.classes,
            example=None if shown is None else {"rows": shown["rows"]},
        )
        model.use(schema)

    def _replay(self, model: Model, requests: List[Asked]) -> List[Any]:
        """Writes reference.json; the predictions of all requests."""
        from galley_runtime._monitor import profile as profiler

        if not requests:
            return []
        cells = read_json(os.path.join(self._model_dir, "cells.json"))
        profile = profiler.install(None, model, cells, self._app_dir)
        started = time.perf_counter()
        seen = list(replay(model, profile, requests, float(self._plan.get("secondsMax", 60)), self._tell))
        self._timing["replaySeconds"] = round(time.perf_counter() - started, 4)
        profile.remove()
        self._tell(len(seen), len(requests))
        # Measured after the replay: what a model loads at its first request is a path that the reference must know.
        self._timing["bareSeconds"] = round(bare_seconds(model, requests) * len(seen), 4)
        if not seen:
            return []
        from galley_runtime._monitor._reference import reference_of

        started = time.perf_counter()
        info = self._plan.get("sampleInfo") or {}
        column = self._plan.get("eventTimeColumn")
        reference = reference_of(seen, profile, str(info.get("origin", "in-sample")), model.classes, column)
        self._write("rehearsed/reference.json", reference)
        self._timing["referenceSeconds"] = round(time.perf_counter() - started, 4)
        return [value for request in seen for value in request.predictions]

    def fail(self, failure: Mapping[str, Any], code: int) -> int:
        self._write("failure.json", failure)
        sys.stderr.flush()
        return code

    def _tell(self, done: int, total: int) -> None:
        step = {"galley": "progress", "phase": "rehearsal", "step": "answering the sample", "state": "progress"}
        self._tell_to.write(json.dumps({**step, "done": done, "total": total, "unit": "requests"}) + "\n")
        self._tell_to.flush()

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        path = os.path.join(self._out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(dumps(value))
