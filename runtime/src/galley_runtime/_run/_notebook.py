"""Notebooks (and scripts) as files: any version that nbformat can upgrade is read, the current one is written."""

from __future__ import annotations

import keyword
import os
import warnings
from typing import Any, Dict

import nbformat

from galley_runtime._run._script import is_script, notebook_of_script

__all__ = ["BrokenNotebook", "empty_notebook", "injected_parameters", "read_notebook", "write_notebook"]

#: Outputs longer than this are cut in the executed notebook: a loop that prints must not fill the disk.
_TEXT_MAX = 1_000_000


class BrokenNotebook(Exception):
    """A file is no notebook that can run here. The message is a sentence that names it."""


def read_notebook(app_dir: str, name: str) -> Any:
    """The notebook, upgraded to nbformat 4 and with cell ids; a script as one of its cells. Raises BrokenNotebook."""
    path = os.path.join(app_dir, name)
    try:
        with open(path, encoding="utf-8-sig") as file, warnings.catch_warnings():
            if is_script(name):
                return notebook_of_script(file.read())
            warnings.simplefilter("ignore")  # missing ids are given below; nbformat warns about each
            notebook = nbformat.read(file, as_version=4)
            notebook.nbformat_minor = max(5, notebook.get("nbformat_minor", 0))
            _, notebook = nbformat.validator.normalize(notebook)
    except FileNotFoundError:
        raise BrokenNotebook(f"Notebook {name} does not exist.") from None
    except Exception as error:  # nbformat raises whatever a broken structure makes it raise
        text = str(error).partition("\n")[0][:300]
        raise BrokenNotebook(f"{name} is not a notebook that can be read: {type(error).__name__}: {text}.") from error
    metadata = notebook.get("metadata", {})
    language = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    kernel = str(metadata.get("kernelspec", {}).get("name", ""))
    if language is None and kernel in ("ir", "xeus-cling") or language not in (None, "", "python", "ipython"):
        raise BrokenNotebook(f"{name} is written in {language or kernel}; Galley runs notebooks in Python.")
    return notebook


def empty_notebook() -> Any:
    """A notebook without cells, for a kernel that only answers requests."""
    return nbformat.v4.new_notebook()


def injected_parameters(parameters: Dict[str, Any]) -> Any:
    """The cell that binds other values, as papermill's."""
    lines = ["# Parameters"]
    for name, value in parameters.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise BrokenNotebook(f"Parameter {name!r} is not a name of Python.")
        lines.append(f"{name} = {value!r}")
    return nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": ["injected-parameters"]})


def write_notebook(path: str, notebook: Any) -> None:
    """Writes it with its outputs, moved into place in one step: a run that is killed leaves the last whole one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _cut(output)
    with open(path + ".part", "w", encoding="utf-8") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nbformat.write(notebook, file)
    os.replace(path + ".part", path)


def _cut(output: Any) -> None:
    text = output.get("text")
    if isinstance(text, str) and len(text) > _TEXT_MAX:
        output["text"] = text[:_TEXT_MAX] + f"\n… {len(text) - _TEXT_MAX} more characters were cut\n"
    data = output.get("data", {})
    for kind, value in list(data.items()):
        if isinstance(value, str) and len(value) > 10 * _TEXT_MAX:
            data[kind] = "" if kind != "text/plain" else value[:_TEXT_MAX]
