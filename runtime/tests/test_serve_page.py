"""The page at `/docs`: what a person sees of a service, also of one with hostile names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from live_replica import ANSWER, ROW, ModelFolder, Replica, iris_folder

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"


class Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: List[Tuple[str, Dict[str, Optional[str]]]] = []
        self.texts: List[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def names(self) -> "set[str]":
        return {tag for tag, _ in self.tags}


def test_the_page_shows_columns_and_paths_and_its_form_asks_the_model(tmp_path: Path) -> None:
    with Replica(iris_folder(tmp_path)) as replica:
        answer = replica.ask("GET", "/docs")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = Page(answer.body.decode())
        assert {*ROW, "number", "integer"} <= set(page.texts)
        assert "POST /v2/models/iris/versions/iris-1/infer" in page.texts
        assert ("form", {"method": "post", "action": "predict"}) in page.tags
        rows = json.loads(next(text for text in page.texts if text.strip().startswith("[\n {")))
        assert rows == [ROW]
        asked = replica.ask("POST", "/v1/models/iris:predict", {"instances": rows})
        assert asked.json() == {"predictions": [ANSWER]}


def test_the_policy_lets_only_the_style_of_the_page_in_and_nothing_run(tmp_path: Path) -> None:
    with Replica(iris_folder(tmp_path)) as replica:
        answer = replica.ask("GET", "/docs")
    policy = answer.headers["content-security-policy"]
    style = re.findall(r"<style>(.*?)</style>", answer.body.decode(), re.DOTALL)[0]
    assert f"style-src 'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "http:" not in answer.body.decode()
    assert "https:" not in answer.body.decode()


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    columns = [{"name": HOSTILE, "type": "string", "nullable": True}]
    example = {"rows": [{HOSTILE: "</textarea><script>alert(3)</script>"}]}
    prediction = {"type": "class", "classes": [HOSTILE]}
    folder = ModelFolder(tmp_path).write(
        "def predictor(rows): return ['a' for _ in rows]\n", columns=columns, example=example, prediction=prediction
    )
    with Replica(folder, GALLEY_APPLICATION=HOSTILE, GALLEY_REVISION=HOSTILE) as replica:
        page = Page(replica.ask("GET", "/docs").body.decode())
    assert not page.names() & {"script", "img"}
    assert HOSTILE in page.texts
    plain = {"html", "meta", "title", "style", "h1", "h2", "p", "a", "table", "tr", "th", "td", "code", "pre", "form"}
    assert page.names() <= plain | {"textarea", "button", "details", "summary"}
