"""Tags of a cell: from its metadata, or from a first line `# galley: test`, for those whose editor shows no tags.

`# galley: fallback` marks a line for the path monitor and is no tag, so only known words count.
"""

from __future__ import annotations

import re
from typing import Any, Tuple

__all__ = ["tags_of"]

_KNOWN = ("parameters", "test", "example", "skip", "raises-exception")
_LINE = re.compile(r"^\s*#\s*galley:\s*(?P<tags>[a-z, -]+?)\s*$")


def tags_of(cell: Any) -> Tuple[str, ...]:
    """Known tags of a code cell, in the order of DESIGN.md §4."""
    given = cell.get("metadata", {}).get("tags", [])
    found = {tag for tag in given if isinstance(tag, str)} if isinstance(given, list) else set()
    match = _LINE.match(cell.get("source", "").lstrip("\n").partition("\n")[0])
    if match:
        found.update(tag.strip() for tag in match.group("tags").split(","))
    return tuple(tag for tag in _KNOWN if tag in found)
