"""The oldest Python that images may have is 3.8 (`oldestMinor` of the build): no newer syntax may slip in."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from typing import Dict

import pytest
from interpreters import find

SOURCES = Path(__file__).parents[1] / "src"
COMPILE_ALL = """
import sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).rglob("*.py")):
    compile(path.read_text(encoding="utf-8"), str(path), "exec")
    print(path)
"""


def test_every_file_is_in_the_syntax_of_python_3_8() -> None:
    refused: Dict[str, str] = {}
    files = sorted(SOURCES.rglob("*.py"))
    for path in files:
        try:
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 8))
        except SyntaxError as error:
            refused[str(path.relative_to(SOURCES))] = f"line {error.lineno}: {error.msg}"
    assert len(files) > 50
    assert refused == {}


def test_what_is_newer_would_be_found() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("match x:\n    case 1:\n        pass\n", feature_version=(3, 8))


def test_a_real_python_3_8_compiles_every_file() -> None:
    # `feature_version` is best effort, says the documentation of ast.
    python = find(8)
    if python is None:
        pytest.skip("this machine has no Python 3.8")
    said = subprocess.run(
        [python, "-I", "-c", COMPILE_ALL, str(SOURCES)], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert len(said.stdout.splitlines()) > 50
