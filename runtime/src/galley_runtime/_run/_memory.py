"""Whether the kernel's death was about memory, as the control group tells it."""

from __future__ import annotations

import os
import re

__all__ = ["memory_story"]

_FILES = (
    ("memory.events", "memory.max"),  # version 2
    ("memory/memory.oom_control", "memory/memory.limit_in_bytes"),  # version 1
)


def memory_story(root: str = "/sys/fs/cgroup") -> str:
    """A sentence when the group saw a kill for memory; empty when it saw none or cannot be read."""
    for events, limit in _FILES:
        try:
            with open(os.path.join(root, events), encoding="ascii") as file:
                match = re.search(r"^oom_kill (\d+)", file.read(), re.MULTILINE)
            with open(os.path.join(root, limit), encoding="ascii") as file:
                most = file.read().strip()
        except (OSError, ValueError):
            continue
        if match and int(match.group(1)) > 0:
            size = f" of {int(most) / 2**20:.0f} MiB" if most.isdigit() and int(most) < 2**60 else ""
            return f"The cell used more memory than the limit{size}."
        return ""
    return ""
