"""Notebooks made in a test, run as `galley-runtime run` runs them: a process of its own, a real kernel."""

import json
import os
import pathlib
import pickle
import subprocess
import sys

import nbformat

PACKAGE = pathlib.Path(__file__).parent.parent / "src" / "galley_runtime"
EXAMPLES = pathlib.Path(__file__).parent.parent.parent / "examples"


def notebook(*cells):
    """Cells are sources, or pairs of source and tags; `# md` opens a text cell."""
    made = []
    for cell in cells:
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        if source.startswith("# md"):
            made.append(nbformat.v4.new_markdown_cell(source))
        else:
            made.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags} if tags else {}))
    return nbformat.v4.new_notebook(cells=made)


class Ran:
    """A run that has ended, and what it wrote."""

    def __init__(self, process, app, out):
        self.code = process.returncode
        self.stdout = process.stdout
        self.stderr = process.stderr
        self.app = app
        self.out = out

    def json(self, path):
        return json.loads((self.out / path).read_text())

    def lines(self, path):
        return [json.loads(line) for line in (self.out / path).read_text().splitlines()]

    @property
    def result(self):
        return self.json("result.json")

    @property
    def progress(self):
        return [json.loads(line) for line in self.stdout.splitlines()]

    def ended(self, cell):
        """The line that ends a cell."""
        lines = self.lines("report.jsonl")
        return [line for line in lines if line["cell"] == cell and line["state"] != "started"][-1]

    def load(self):
        """The saved model, loaded where neither kernel nor runtime is: only the application's folder is on the path."""
        with open(self.out / "model" / "model.pkl", "rb") as file:
            return pickle.load(file)


def run(folder, notebooks, *, python=sys.executable, files=None, **plan):
    """Writes the notebooks (name → notebook or text) below `folder` and runs them in the order given."""
    app, out = folder / "app", folder / "out"
    app.mkdir(parents=True)
    out.mkdir()
    for name, content in {**notebooks, **(files or {})}.items():
        path = app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else nbformat.writes(content))
    plan_path = folder / "run.json"
    value = {"schema": "galley.dev/run-plan/v1", "notebooks": list(notebooks), "appDir": str(app), "outDir": str(out)}
    plan_path.write_text(json.dumps({**value, "kernelPython": str(python), **plan}))
    command = [sys.executable, "-I", str(PACKAGE), "run", str(plan_path)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    return Ran(process, app, out)
