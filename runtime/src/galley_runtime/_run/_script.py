"""A script as a notebook: its cells are those of the percent format (`# %%`, as Jupytext, Spyder and VS Code write it);
without any, the whole file is one cell. Lines keep their numbers within a cell, so that tracebacks and path profiles
name them."""

from __future__ import annotations

import re
from typing import Any, List, Tuple

import nbformat

__all__ = ["is_script", "notebook_of_script"]

#: `# %%`, `# %% title [markdown] tags=["test"]`, and `# In[3]:` of nbconvert.
_MARK = re.compile(r"^#\s*(?:%%(?P<rest>.*)|In\s*\[[ \d]*\]:?\s*)$")
_TAGS = re.compile(r"tags=\[(?P<tags>[^\]]*)\]")


def is_script(name: str) -> bool:
    """Whether a file of the plan is a script and no notebook."""
    return name.endswith(".py")


def notebook_of_script(text: str) -> Any:
    """The notebook of a script. What stands before the first mark is a cell too, if it is more than comments."""
    cells: List[Any] = []
    for head, source in _split(text):
        if "[markdown]" in head or "[md]" in head or "[raw]" in head:
            cells.append(nbformat.v4.new_markdown_cell(source))
            continue
        found = _TAGS.search(head)
        tags = [tag.strip(" \"'") for tag in found.group("tags").split(",")] if found else []
        cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags} if tags else {}))
    return nbformat.v4.new_notebook(cells=cells)


def _split(text: str) -> List[Tuple[str, str]]:
    """Pairs of what the mark says and the lines below it."""
    parts: List[Tuple[str, List[str]]] = [("", [])]
    for line in text.split("\n"):
        mark = _MARK.match(line)
        if mark:
            parts.append((mark.group("rest") or "", []))
        else:
            parts[-1][1].append(line)
    kept = parts if len(parts) == 1 or _says_something(parts[0][1]) else parts[1:]
    return [(head, "\n".join(lines).strip("\n") if len(parts) > 1 else "\n".join(lines)) for head, lines in kept]


def _says_something(lines: List[str]) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)
