"""Secrets come into the environment from their files, and leave in no message."""

from __future__ import annotations

from pathlib import Path

import pytest

from galley_runtime._secrets import enter_environment, redacted


def test_only_those_that_are_named_become_variables(tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_bytes(b"two\nlines\xff")
    (tmp_path / "key").write_text("file only")
    environment = {"GALLEY_SECRET_ENV": "TOKEN", "PATH": "/bin"}
    enter_environment(environment, str(tmp_path))
    assert environment["TOKEN"] == "two\nlines\udcff"
    assert "key" not in environment
    enter_environment({}, str(tmp_path / "absent"))


def test_one_that_is_missing_or_can_be_no_variable_is_named_without_its_value(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="TOKEN"):
        enter_environment({"GALLEY_SECRET_ENV": "TOKEN"}, str(tmp_path))
    (tmp_path / "TOKEN").write_bytes(b"hush\0hush")
    with pytest.raises(ValueError, match="TOKEN") as caught:
        enter_environment({"GALLEY_SECRET_ENV": "TOKEN"}, str(tmp_path))
    assert "hush" not in str(caught.value)


def test_messages_are_told_without_values(tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text('pass"word\\1\n')
    (tmp_path / "pin").write_text("1234")
    text = "cannot reach db?password=pass\"word\\1 " + repr('pass"word\\1') + " port 1234"
    assert redacted(text, str(tmp_path)) == "cannot reach db?password=[secret] '[secret]' port 1234"
    assert redacted("nothing here", str(tmp_path / "absent")) == "nothing here"
