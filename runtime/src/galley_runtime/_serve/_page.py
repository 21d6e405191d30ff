"""`/docs`: what `/openapi.json` says, as one page for people, with a form that asks the model.

No script and nothing from elsewhere: names of columns and applications are whatever somebody wrote, so each is escaped,
and the policy in the headers lets nothing run even if one were not. The form is the protocol `/predict`, which needs none.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any, Dict, Iterable, List

from galley_runtime._model import Model
from galley_runtime._serve._openapi import document, example_rows

__all__ = ["HEADERS", "page"]

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#151515;background:#fff}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .8rem .3rem 0;border-top:1px solid #d2d2d2;vertical-align:top}"
    "pre,textarea{font:14px/1.4 ui-monospace,monospace;background:#f2f2f2;padding:.6rem;overflow:auto;width:100%;box-sizing:border-box;border:0}"
    "code{font:14px ui-monospace,monospace}button{font:inherit;padding:.3rem 1rem}summary{cursor:pointer;padding:.4rem 0}"
    "@media(prefers-color-scheme:dark){body{color:#e0e0e0;background:#151515}pre,textarea{color:inherit;background:#292929}td,th{border-color:#4d4d4d}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def page(name: str, revision: str, model: Model, mode: str) -> bytes:
    """HTML. Links are relative: behind the gateway the service lies below a path of its own."""
    described = document(name, revision, model, mode)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(name)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(name)}</h1><p>Revision {escape(revision or 'unnamed')}. "
        "The same for programs: <a href=openapi.json>openapi.json</a>.</p>",
        *_columns(described["components"]["schemas"]),
        *_form(model),
        "<h2>Paths</h2>",
        *(part for path, methods in described["paths"].items() for part in _path(path, methods)),
    ]
    return ("\n".join(parts) + "\n").encode("utf-8", "replace")


def _columns(schemas: Dict[str, Any]) -> Iterable[str]:
    row = schemas["Row"]
    yield "<h2>A row</h2>"
    if "properties" in row:
        yield "<table><tr><th>column<th>type<th>may be"
        required = set(row.get("required", ()))
        for column, schema in row["properties"].items():
            kind = schema.get("type", "any value")
            yield f"<tr><td><code>{escape(column)}</code><td>{escape(kind)}<td>{escape(_may_be(schema, column in required))}"
        yield "</table>"
    else:
        yield f"<pre>{escape(json.dumps(row, ensure_ascii=False))}</pre>"
    yield f"<h2>A prediction</h2><pre>{escape(json.dumps(schemas['Prediction'], ensure_ascii=False))}</pre>"


def _may_be(schema: Dict[str, Any], required: bool) -> str:
    words: List[str] = [str(value) for value in schema.get("enum", ()) if value is not None]
    if "minimum" in schema:
        words.append(f"{schema['minimum']} to {schema['maximum']}")
    if schema.get("nullable"):
        words.append("null")
    return ", ".join(words if required else [*words, "left out"]) or "—"


def _form(model: Model) -> Iterable[str]:
    rows = example_rows(model)
    shown = "[]" if rows is None else json.dumps(rows, ensure_ascii=False, indent=1)
    yield (
        "<h2>Ask</h2><form method=post action=predict>"
        f"<textarea name=json_args rows=10 aria-label=rows>\n{escape(shown)}</textarea><p><button>Predict</button></p></form>"
    )


def _path(path: str, methods: Dict[str, Any]) -> Iterable[str]:
    for method, operation in methods.items():
        title = f"<code>{method.upper()} {escape(path)}</code> {escape(operation['summary'])}"
        examples = [
            (media_type, media["example"])
            for media_type, media in operation.get("requestBody", {}).get("content", {}).items()
            if "example" in media
        ]
        if not examples:
            yield f"<p>{title}</p>"
            continue
        yield f"<details><summary>{title}</summary>"
        for media_type, example in examples:
            text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=1)
            yield f"<p>{escape(media_type)}</p><pre>{escape(text)}</pre>"
        yield "</details>"
