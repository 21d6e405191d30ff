"""`galley-runtime lab`: see README.md."""

from __future__ import annotations

import os
import sys
from typing import List

__all__ = ["main"]


def main(arguments: List[str]) -> int:
    """Becomes JupyterLab; `arguments` are handed on to it. Returns only where it cannot: 2."""
    from galley_runtime._lab._own_environment import lay_out
    from galley_runtime._lab._places import find_places
    from galley_runtime._lab._server import TOOLS_PYTHON, server_command, server_environment

    if not os.path.exists(TOOLS_PYTHON):
        sys.stderr.write("this image has no JupyterLab: build it with galley build --workbench\n")
        return 2
    try:
        places = find_places(os.environ)
        python = lay_out(places)
    except OSError as error:
        sys.stderr.write(f"no folder to work in: {error}\n")
        return 2
    os.umask(0o002)
    command = server_command(places, os.environ, arguments)
    os.execve(TOOLS_PYTHON, command, server_environment(places, os.environ, python))
