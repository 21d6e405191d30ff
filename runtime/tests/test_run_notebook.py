"""Notebooks as files, tags, made files and memory: what `run` reads without a kernel."""

import json
import os

import nbformat
import pytest
from running import notebook

from galley_runtime._run._made_files import copy_made, snapshot
from galley_runtime._run._memory import memory_story
from galley_runtime._run._notebook import BrokenNotebook, read_notebook, write_notebook
from galley_runtime._run._session import steps_of
from galley_runtime._run._tags import tags_of


def write(folder, content, name="a.ipynb"):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{not json", "a.ipynb is not a notebook"),
        ("[]", "a.ipynb is not a notebook"),
        ('{"cells": 3, "nbformat": 4}', "a.ipynb is not a notebook"),
        (
            {
                "cells": [],
                "metadata": {"kernelspec": {"name": "ir", "language": "R"}},
                "nbformat": 4,
                "nbformat_minor": 5,
            },
            "a.ipynb is written in R",
        ),
        (
            {"cells": [], "metadata": {"kernelspec": {"name": "ir"}}, "nbformat": 4, "nbformat_minor": 5},
            "written in ir",
        ),
    ],
)
def test_what_is_no_notebook_in_python_is_broken_and_named(tmp_path, content, said):
    with pytest.raises(BrokenNotebook, match=said):
        read_notebook(write(tmp_path, content), "a.ipynb")


def test_a_notebook_that_is_missing_is_named(tmp_path):
    with pytest.raises(BrokenNotebook, match=r"gone\.ipynb does not exist"):
        read_notebook(str(tmp_path), "gone.ipynb")


def test_version_3_and_cells_without_ids_are_upgraded(tmp_path):
    old = {
        "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""},
        "worksheets": [{"cells": [
            {"cell_type": "code", "language": "python", "input": ["x = 1"], "outputs": [], "metadata": {}},
        ]}],
    }  # fmt: skip
    read = read_notebook(write(tmp_path, old), "a.ipynb")
    assert read.cells[0].source == "x = 1" and read.cells[0].id
    target = str(tmp_path / "out" / "executed.ipynb")
    write_notebook(target, read)
    nbformat.validate(nbformat.read(target, as_version=4))


def test_an_output_without_end_is_cut(tmp_path):
    book = notebook("print()")
    book.cells[0].outputs = [nbformat.v4.new_output("stream", text="x" * 3_000_000)]
    write_notebook(str(tmp_path / "big.ipynb"), book)
    assert os.path.getsize(tmp_path / "big.ipynb") < 1_100_000


@pytest.mark.parametrize(
    ("source", "tags", "found"),
    [
        ("x = 1", ["test", "mine"], ("test",)),
        ("# galley: test", [], ("test",)),
        ("\n#galley: raises-exception, example \nx", [], ("example", "raises-exception")),
        ("x = 1  # galley: skip", [], ()),
        ("# galley: fallback\nx", [], ()),
        ("x\n# galley: skip", [], ()),
    ],
)
def test_tags_come_from_the_metadata_or_the_first_line(source, tags, found):
    assert tags_of(notebook((source, tags)).cells[0]) == found


def test_parameters_come_first_when_no_cell_is_tagged():
    book = notebook("x = 1")
    steps = steps_of(book, {"x": [None, "a"]})
    assert [(step.number, step.injected) for step in steps] == [(0, True), (1, False)]
    assert book.cells[0].source == "# Parameters\nx = [None, 'a']"


@pytest.mark.parametrize("name", ["a-b", "class"])
def test_a_parameter_that_is_no_name_is_refused(name):
    with pytest.raises(BrokenNotebook, match=name):
        steps_of(notebook("x = 1"), {name: 1})


def test_made_files_are_regular_files_with_new_content(tmp_path):
    app, out = tmp_path / "app", tmp_path / "files"
    (app / "sub").mkdir(parents=True)
    for name in ("same.txt", "touched.txt", "changed.txt"):
        (app / name).write_text("before")
    before = snapshot(str(app))
    os.utime(app / "touched.txt", (1, 1))
    (app / "changed.txt").write_text("after!")
    (app / "sub" / "tool").write_text("#!/bin/sh")
    (app / "sub" / "tool").chmod(0o755)
    (app / "link").symlink_to("/etc/passwd")
    os.mkfifo(app / "pipe")
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "x.pyc").write_text("cache")
    made = copy_made(str(app), before, str(out))
    assert made.files == ["changed.txt", "sub/tool"] and made.left_out == ["link", "pipe"]
    assert os.access(out / "sub" / "tool", os.X_OK)


def test_a_kill_for_memory_is_told_with_the_limit(tmp_path):
    assert memory_story(str(tmp_path)) == ""
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    (tmp_path / "memory.max").write_text("536870912\n")
    assert memory_story(str(tmp_path)) == "The cell used more memory than the limit of 512 MiB."
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    assert memory_story(str(tmp_path)) == ""
