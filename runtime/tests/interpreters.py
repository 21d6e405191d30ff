"""The Pythons of this machine on which the runtime has to work."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, List, Optional

import pytest

MINORS = (8, 9, 10, 11, 12, 13)


def find(minor: int) -> Optional[str]:
    """`python3.MINOR` of PATH or of pyenv, if it really starts: pyenv's shims exist for versions that are switched off."""
    name = f"python3.{minor}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(name), *(str(path) for path in sorted(versions.glob(f"3.{minor}.*/bin/{name}")))]
    for candidate in candidates:
        if candidate is None:
            continue
        said = subprocess.run(
            [candidate, "-I", "-c", "import sys; print(sys.version_info[1])"], capture_output=True, text=True, check=False
        )
        if said.returncode == 0 and said.stdout.strip() == str(minor):
            return candidate
    return None


def parameters() -> List[Any]:
    """One test parameter per version; those that the machine lacks are skipped by name."""
    found = []
    for minor in MINORS:
        path = find(minor)
        missing = pytest.mark.skip(reason=f"this machine has no Python 3.{minor}")
        found.append(pytest.param(path, id=f"python3.{minor}", marks=() if path else missing))
    return found
