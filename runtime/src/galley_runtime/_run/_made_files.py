"""Files that a run made or changed under the application's directory: they travel in the model layer."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

__all__ = ["Made", "Snapshot", "copy_made", "snapshot"]

_IGNORED = {"__pycache__", ".ipynb_checkpoints", ".git", ".cache", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
_BYTES_MAX = 1 << 30
_FILES_MAX = 10_000
#: Larger files count as changed by time and size alone.
_HASHED_MAX = 16 << 20

_Seen = Tuple[int, int, Optional[str]]
#: Path → size, time and hash of a file, as it was.
Snapshot = Dict[str, _Seen]


class Made(NamedTuple):
    """Paths relative to the application, with `/`. `left_out`: no regular file, or over the limits."""

    files: List[str]
    left_out: List[str]


def snapshot(app_dir: str) -> Snapshot:
    """Size, time and hash of every file before the run."""
    seen: Snapshot = {}
    for path, info in _walk(app_dir):
        seen[path] = (info.st_size, info.st_mtime_ns, _hash(os.path.join(app_dir, path), info))
    return seen


def copy_made(app_dir: str, before: Snapshot, target: str) -> Made:
    """Copies what is new or has other content to `target`, within 1 GiB and 10,000 files."""
    made = Made([], [])
    room = _BYTES_MAX
    for path, info in _walk(app_dir):
        if _unchanged(app_dir, path, info, before.get(path)):
            continue
        if not stat.S_ISREG(info.st_mode) or info.st_size > room or len(made.files) >= _FILES_MAX:
            made.left_out.append(path)
            continue
        room -= info.st_size
        destination = os.path.join(target, path)
        os.makedirs(os.path.dirname(destination), exist_ok=True)
        shutil.copyfile(os.path.join(app_dir, path), destination, follow_symlinks=False)
        shutil.copymode(os.path.join(app_dir, path), destination)
        made.files.append(path)
    return made


def _walk(app_dir: str) -> Iterator[Tuple[str, os.stat_result]]:
    for folder, folders, files in os.walk(app_dir):
        folders[:] = sorted(name for name in folders if name not in _IGNORED)
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(files + links):
            path = os.path.join(folder, name)
            try:
                yield os.path.relpath(path, app_dir).replace(os.sep, "/"), os.lstat(path)
            except FileNotFoundError:
                continue  # made and removed while we look


def _unchanged(app_dir: str, path: str, info: os.stat_result, known: Optional[_Seen]) -> bool:
    if known is None or known[0] != info.st_size:
        return False
    if known[1] == info.st_mtime_ns:
        return True
    return known[2] is not None and known[2] == _hash(os.path.join(app_dir, path), info)


def _hash(path: str, info: os.stat_result) -> Optional[str]:
    if stat.S_ISLNK(info.st_mode):
        return os.readlink(path)
    if not stat.S_ISREG(info.st_mode) or info.st_size > _HASHED_MAX:
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None
