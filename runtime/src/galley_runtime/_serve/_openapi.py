"""`/openapi.json`: every path of the service, typed by the model's own columns, with the example cell's request.

Never a captured row: what users sent while the notebook ran may be private (DESIGN.md §7).
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional
from urllib.parse import quote, urlencode

from galley_runtime._json import dumps
from galley_runtime._model import Model
from galley_runtime._schema import Column
from galley_runtime._serve._infer import outputs_of_predictions
from galley_runtime._serve._v2 import DATATYPE_OF, inputs_of, outputs_of

__all__ = ["document", "example_rows"]

_TYPES = {"number": "number", "integer": "integer", "string": "string", "boolean": "boolean"}


def document(name: str, revision: str, model: Model, mode: str) -> Dict[str, Any]:
    """OpenAPI 3.0.3. What a row may hold depends on the mode of the schema."""
    rows = example_rows(model)
    path = quote(name, safe="")
    v1 = {"instances": rows} if rows is not None else None
    mlflow = {_mlflow_key(model): rows} if rows is not None else None
    v2 = None if rows is None else {"inputs": _tensors(model, rows)}
    form = None if rows is None else urlencode({"json_args": dumps(rows).decode("utf-8")})
    versions = f"/v2/models/{path}/versions/{quote(revision, safe='')}" if revision else None
    infer = {"post": _post("Open Inference Protocol V2.", "V2Request", "V2Answer", v2)}
    return {
        "openapi": "3.0.3",
        "info": {"title": name, "version": revision or "0", "description": "Answers rows with predictions."},
        "paths": {
            "/v2": {"get": _get("Metadata of the server.")},
            "/v2/health/live": {"get": _get("Whether the process lives.")},
            "/v2/health/ready": {"get": _get("Whether predictions may be asked for.")},
            f"/v2/models/{path}": {"get": _get("Names, datatypes and shapes.")},
            f"/v2/models/{path}/ready": {"get": _get("Whether the model is ready.")},
            f"/v2/models/{path}/infer": infer,
            **({} if versions is None else {f"{versions}/infer": infer}),
            "/v1/models": {"get": _get("Names of the models.")},
            f"/v1/models/{path}": {"get": _get("Whether the model is ready.")},
            f"/v1/models/{path}:predict": {"post": _post("TensorFlow Serving V1.", "V1Request", "Predictions", v1)},
            "/invocations": {"post": _post("MLflow.", "Invocation", "Predictions", mlflow, csv=True)},
            "/predict": {"post": _form(form)},
            "/ping": {"get": _get("Whether predictions may be asked for.")},
            "/healthz": {"get": _get("Whether predictions may be asked for.")},
            "/docs": {"get": {"summary": "This description as a page.", "responses": {"200": {"description": "HTML."}}}},
        },
        "components": {"schemas": _schemas(model, mode)},
    }


def example_rows(model: Model) -> Optional[List[Any]]:
    """What the example cell asked, or None."""
    example = model.schema.example or model.info.get("example")
    rows = example.get("rows") if isinstance(example, dict) else None
    return rows if isinstance(rows, list) and rows else None


def _mlflow_key(model: Model) -> str:
    return "dataframe_records" if model.call_form.form in ("records", "frame") else "instances"


def _tensors(model: Model, rows: List[Any]) -> List[Dict[str, Any]]:
    columns = model.schema.columns
    if model.call_form.form in ("records", "frame") and columns:
        values = [[row.get(c.name) if isinstance(row, dict) else None for row in rows] for c in columns]
        return [
            {"name": c.name, "shape": [len(rows)], "datatype": DATATYPE_OF.get(c.type, "BYTES"), "data": column}
            for c, column in zip(columns, values)
        ]
    return [{**outputs_of_predictions(rows)[0], "name": "input"}]


def _schemas(model: Model, mode: str) -> Dict[str, Any]:
    row = _row_schema(model, mode)
    rows = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}
    datatypes = {"type": "string", "enum": sorted({i["datatype"] for i in inputs_of(model) + outputs_of(model)})}
    names = [tensor["name"] for tensor in inputs_of(model)]
    tensor: Dict[str, Any] = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string", "enum": names},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": datatypes,
            "data": {"type": "array", "items": {}},
        },
    }
    output = {**tensor, "properties": {**tensor["properties"], "name": {"type": "string"}}}
    return {
        "Row": row,
        "Prediction": _prediction_schema(model.schema.prediction),
        "V1Request": {"type": "object", "required": ["instances"], "properties": {"instances": rows}},
        "Invocation": {
            "type": "object",
            "properties": {
                "dataframe_records": rows,
                "dataframe_split": {"type": "object"},
                "instances": rows,
                "inputs": {},
            },
        },
        "Predictions": {
            "type": "object",
            "required": ["predictions"],
            "properties": {"predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}},
        },
        "V2Request": {
            "type": "object",
            "required": ["inputs"],
            "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": tensor}},
        },
        "V2Answer": {
            "type": "object",
            "required": ["model_name", "outputs"],
            "properties": {
                "model_name": {"type": "string"},
                "model_version": {"type": "string"},
                "id": {"type": "string"},
                "outputs": {"type": "array", "items": output},
            },
        },
        "Error": {
            "type": "object",
            "required": ["error", "code"],
            "properties": {
                "error": {"type": "string"},
                "code": {"type": "string"},
                "hint": {"type": "string"},
                "row": {"type": "integer"},
                "column": {"type": "string"},
            },
        },
    }


def _row_schema(model: Model, mode: str) -> Dict[str, Any]:
    columns = model.schema.columns
    if model.call_form.form == "raw":
        return {}
    if model.call_form.form == "matrix":
        count = {"minItems": len(columns), "maxItems": len(columns)} if columns else {}
        return {"type": "array", "items": {"type": "number"}, **count}
    if not columns:
        return {"type": "object"}
    return {
        "type": "object",
        "required": [column.name for column in columns if not (column.optional or _may_lack(column, mode))],
        "additionalProperties": mode in ("lenient", "off"),
        "properties": {column.name: _column_schema(column, mode) for column in columns},
    }


def _may_lack(column: Column, mode: str) -> bool:
    return mode == "off" or (mode == "lenient" and column.nullable)


def _column_schema(column: Column, mode: str) -> Dict[str, Any]:
    schema: Dict[str, Any] = {"type": _TYPES[column.type]} if column.type in _TYPES and mode != "off" else {}
    if mode == "strict" and column.range is not None:
        schema["minimum"], schema["maximum"] = column.range
    if mode == "strict" and column.categories is not None:
        # OpenAPI 3.0: where null is allowed it has to be in the list, too.
        schema["enum"] = [*column.categories, *([None] if column.nullable else [])]
    if column.nullable:
        schema["nullable"] = True
    return schema


def _prediction_schema(prediction: Dict[str, Any]) -> Dict[str, Any]:
    kind, classes = prediction.get("type"), prediction.get("classes")
    if kind == "class":
        return {"enum": classes} if classes else {}
    if kind == "probabilities":
        return {"type": "array", "items": {"type": "number"}}
    return {"type": "number"} if kind == "number" else {}


def _get(summary: str) -> Dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "Yes."}, "503": _failure("Not now.")}}


def _post(summary: str, request: str, answer: str, example: Any, csv: bool = False) -> Dict[str, Any]:
    media: Dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{request}"}}
    if example is not None:
        media["example"] = example
    content = {"application/json": media}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {
                "description": "One prediction a row.",
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{answer}"}}},
            },
            **{status: _failure(text) for status, text in _FAILURES.items()},
        },
    }


_FAILURES = {
    "400": "No such JSON.",
    "413": "Too many bytes or rows.",
    "415": "A type that is not read here.",
    "422": "A row or column is wrong, or the validator says no.",
    "500": "The predictor raised.",
    "503": "Not now.",
}


def _form(example: Optional[str]) -> Dict[str, Any]:
    schema = {"type": "object", "required": ["json_args"], "properties": {"json_args": {"type": "string"}}}
    media: Dict[str, Any] = {"schema": schema}
    if example is not None:
        media["example"] = example
    return {
        "summary": "A form whose field json_args is the predictor's argument as JSON; errors are text.",
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": media}},
        "responses": {
            "200": {
                "description": "The predictions.",
                "content": {
                    "application/json": {
                        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}}
                    }
                },
            }
        },
    }


def _failure(description: str) -> Dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Error"}
    return {"description": description, "content": {"application/json": {"schema": reference}}}
