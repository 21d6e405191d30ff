"""The model layer, loaded: `model.json` and `model.pkl` become something that answers rows with predictions.

Unpickling runs the user's code, so this module is only ever used inside a workload, where that code is at home.
"""

from __future__ import annotations

import functools
import json
import os
import pickle
import sys
import traceback
from typing import Any, Callable, Dict, List, Mapping, Optional

from galley_runtime._call_form import CallForm
from galley_runtime._errors import ModelError, PredictorError
from galley_runtime._json import plain
from galley_runtime._schema import Schema
from galley_runtime._secrets import redacted

__all__ = ["APP_DIR", "MODEL_DIR", "REHEARSED_DIR", "Model", "enter_app", "load", "read_json"]

MODEL_DIR = "/opt/galley/model"
REHEARSED_DIR = "/opt/galley/rehearsed"
APP_DIR = "/home/galley/app"


class Model:
    """A predictor, perhaps a validator, and how to call them."""

    def __init__(
        self,
        info: Mapping[str, Any],
        predictor: Any,
        validator: Optional[Callable[[Any], Any]] = None,
        schema: Optional[Schema] = None,
    ) -> None:
        self.info = dict(info)
        self.predictor = predictor
        self.validator = validator
        self.classes: Optional[List[Any]] = self.info.get("classes")
        self._call = _entry_of(predictor)
        #: Whether a request may hand over parameters beside its rows.
        self.takes_params = _takes_params(self._call)
        self.use(schema or Schema.of_names(self.info["callForm"], self.info.get("columns")))

    def use(self, schema: Schema) -> None:
        """Takes another schema, as the rehearsal does after it saw the sample: the types of the columns follow it."""
        self.schema = schema
        columns = self.info.get("columns") or schema.names or None
        self.call_form = CallForm(
            self.info["callForm"], bool(self.info.get("callOne")), columns, schema.types if schema.columns else None
        )

    def score(self, rows: List[Any], params: Optional[Mapping[str, Any]] = None) -> List[Any]:
        """One prediction a row, as plain JSON values. Rows have gone through `schema.conform`.

        `params` go to the predictor's argument of that name; only where `takes_params`.
        Raises `PREDICTOR_FAILED` with the type and message of what the user's code raised, and its cell and line.
        """
        try:
            entry = functools.partial(self._call, params=params) if params else self._call
            answer = self.call_form.call(entry, rows)
        except (Exception, SystemExit) as error:  # a notebook's exit() must not end a thread of ours
            raise failure_of(error, "predictor") from error
        return self._predictions(answer, len(rows))

    def bare(self, rows: List[Any]) -> Any:
        """The predictor's own answer, for measuring what surrounds it."""
        return self.call_form.call(self._call, rows)

    def invalid_rows(self, rows: List[Any]) -> List[int]:
        """Rows that the validator refuses; all of them where it says one word for the whole request."""
        if self.validator is None or not rows:
            return []
        try:
            verdict = plain(self.call_form.call(self.validator, rows))
        except (Exception, SystemExit) as error:
            raise failure_of(error, "validator") from error
        if isinstance(verdict, list) and len(verdict) == len(rows):
            return [index for index, said in enumerate(verdict) if not said]
        return [] if verdict else list(range(len(rows)))

    def _predictions(self, answer: Any, count: int) -> List[Any]:
        try:
            values = plain(answer)
        except TypeError as error:
            raise PredictorError(f"The predictor answered with what cannot be sent: {error}.") from error
        except (Exception, SystemExit) as error:  # a generator runs only now
            raise failure_of(error, "predictor") from error
        if isinstance(values, list) and len(values) == count:
            return values
        if count == 1:
            return [values]
        if not isinstance(values, list):
            raise PredictorError(f"The predictor gave one answer to {count} rows.", "Send one row a request.")
        raise PredictorError(f"The predictor gave {len(values)} answers to {count} rows.", "Send one row a request.")


def failure_of(error: BaseException, what: str) -> PredictorError:
    """What a client may know of an exception of the user's code: type, message, place. The log gets the rest."""
    text = redacted(str(error))
    message = f"The {what} raised {type(error).__name__}" + (f": {text[:500]}" if text else ".")
    place = _place_of(error)
    return PredictorError(message, "The service's log holds the traceback.", details=place)


def _place_of(error: BaseException) -> Dict[str, Any]:
    """Notebook cell and line of the innermost frame that is the user's. Cells carry their place in `co_filename`."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        notebook, mark, cell = frame.filename.partition("#cell=")
        if mark and cell.isdigit():
            return {"notebook": notebook, "cell": int(cell), "line": frame.lineno}
        if frame.filename.startswith(APP_DIR + "/"):
            return {"file": frame.filename[len(APP_DIR) + 1 :], "line": frame.lineno}
    return {}


def _entry_of(predictor: Any) -> Callable[[Any], Any]:
    """Its `predict`, else the predictor itself: an object may be callable for reasons of its own."""
    predict: Any = getattr(predictor, "predict", None)
    entry: Callable[[Any], Any] = predict if callable(predict) and not isinstance(predictor, type) else predictor
    if not callable(entry):
        raise ModelError(f"The predictor is a {type(predictor).__name__}, neither callable nor with predict().")
    return entry


def _takes_params(entry: Any) -> bool:
    """Whether `params` is one of its arguments. Read off its code: importing `inspect` is dear at start-up."""
    function = entry if hasattr(entry, "__code__") else getattr(entry, "__func__", getattr(type(entry), "__call__", None))
    code = getattr(function, "__code__", None)
    return code is not None and "params" in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]


def read_json(path: str) -> Any:
    """A JSON file of the image, or None when there is none. Raises ModelError when it is broken."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", "Build the image again.") from error


def enter_app(app_dir: str = APP_DIR) -> None:
    """The repository becomes the working directory and the first place to import from, as when the notebook ran."""
    os.chdir(app_dir)
    if sys.path[:1] != [app_dir]:
        sys.path.insert(0, app_dir)


def load(model_dir: str = MODEL_DIR, schema: Optional[Schema] = None) -> Model:
    """Unpickles the model. Call `enter_app` first: what was pickled by reference is imported from there.

    Raises ModelError that names the file and what is missing.
    """
    info = read_json(os.path.join(model_dir, "model.json"))
    path = os.path.join(model_dir, "model.pkl")
    if info is None:
        raise ModelError(f"There is no model in {model_dir}.", "Build the application: galley build")
    try:
        # cloudpickle's own functions are found by name while plain pickle reads.
        with open(path, "rb") as file:
            content = pickle.load(file)
    except Exception as error:
        raise ModelError(f"{path} does not load: {type(error).__name__}: {error}.", _load_hint(error)) from error
    if not isinstance(content, dict) or "predictor" not in content or "callForm" not in info:
        raise ModelError(f"{path} holds no predictor.", "Build the application: galley build")
    try:
        return Model(info, content["predictor"], content.get("validator"), schema)
    except ValueError as error:
        raise ModelError(f"{model_dir}/model.json cannot be followed: {error}.") from error


def _load_hint(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"Add the package that has the module {error.name} to the requirements, and build again."
    return "Build the application again: galley build"
