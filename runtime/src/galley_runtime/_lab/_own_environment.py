"""A person's own environment: a venv that lies over the image's, so that `%pip install` changes neither image nor host.

It sees the packages of the image through a path file, which `include-system-site-packages` cannot give: that means the interpreter's own
packages, and the image's are in a venv themselves. pip finds what the image has, and replaces it by installing into this one, which comes first.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import List

from galley_runtime._lab._places import Places

__all__ = ["IMAGE_ENVIRONMENT", "TOOLS", "lay_out", "own_environment"]

IMAGE_ENVIRONMENT = "/opt/galley/env"
TOOLS = "/opt/galley/tools"
_PATH_FILE = "galley-image.pth"
_PYTHON = "python{}.{}".format(*sys.version_info[:2])


def own_environment(places: Places) -> str:
    """Another Python has other packages: each version has a folder of its own."""
    return os.path.join(places.kept, _PYTHON)


def lay_out(places: Places, image: str = IMAGE_ENVIRONMENT, tools: str = TOOLS) -> str:
    """Makes the environment unless it is there, and returns its interpreter. What a person broke in it, they mend or reset."""
    prefix = own_environment(places)
    python = os.path.join(prefix, "bin", "python")
    ready = os.path.join(prefix, ".galley-ready")
    packages = _packages_of(prefix)
    if os.path.exists(ready):
        return python
    # Half of one, of a start that was killed.
    shutil.rmtree(prefix, ignore_errors=True)
    os.makedirs(os.path.join(prefix, "bin"))
    os.makedirs(packages)
    with open(os.path.join(image, "pyvenv.cfg"), encoding="utf-8") as source:
        config = source.read()
    _write(os.path.join(prefix, "pyvenv.cfg"), config)
    interpreter = os.path.realpath(os.path.join(image, "bin", "python"))
    for name in ("python", "python3", _PYTHON):
        os.symlink(interpreter, os.path.join(prefix, "bin", name))
    # Not the bare path: path files of the image's packages count too.
    _write(os.path.join(packages, _PATH_FILE), f"import site; site.addsitedir({_packages_of(image)!r})\n")
    _copy_pip(_packages_of(tools), packages)
    for name in ("pip", "pip3"):
        _write(os.path.join(prefix, "bin", name), f'#!/bin/sh\nexec "{python}" -m pip "$@"\n', 0o755)
    _write(ready, "")
    return python


def _packages_of(prefix: str) -> str:
    return os.path.join(prefix, "lib", _PYTHON, "site-packages")


def _copy_pip(source: str, target: str) -> None:
    """The tools' own pip, as `python -m venv` lays one in: it may then be upgraded like any package."""
    for name in os.listdir(source):
        if name == "pip" or (name.startswith("pip-") and name.endswith(".dist-info")):
            shutil.copytree(os.path.join(source, name), os.path.join(target, name), ignore=_without_bytecode)


def _without_bytecode(_folder: str, names: List[str]) -> List[str]:
    return [name for name in names if name == "__pycache__"]


def _write(path: str, text: str, mode: int = 0o644) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
