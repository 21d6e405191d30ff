"""Reads which modules a pickle (or a file of joblib) names, without unpickling it: opcodes are read, nothing is looked up or called.

Runs on the host with ``python3 -I``: the file by path, or on stdin; JSON on stdout. A hostile file can neither run anything nor make
this take much: every argument is bounded, only short texts, numbers and tuples of them are kept, and time and memory are limited.
Standard library only, 3.8 syntax.
"""

import json
import os
import re
import resource
import sys
from _compat_pickle import IMPORT_MAPPING

# `-I` leaves the script's own folder out.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from pickle_bytes import CPU_SECONDS, CannotTell, NotPickle, open_bytes  # noqa: E402
from pickle_reader import Reader  # noqa: E402

MODULES_MAX = 1000
MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


class Found:
    """What one file told, nested pickles included."""

    def __init__(self):
        self.modules = {}
        self.main = []
        self.sklearn = None
        self.frames = False

    def name(self, module, name, protocol):
        if protocol < 3:
            module = IMPORT_MAPPING.get(module, module)
        if not MODULE.fullmatch(module):
            raise NotPickle("it names a module %r" % module[:80])
        if module == "__main__":
            if name not in self.main and len(self.main) < 20:
                self.main.append(name)
            return
        if module not in self.modules and len(self.modules) >= MODULES_MAX:
            raise CannotTell("it names more than %d modules" % MODULES_MAX)
        self.modules[module] = True


def read(file):
    found = Found()
    answer = {}
    try:
        Reader(open_bytes(file), found).run()
    except NotPickle as error:
        answer["broken"] = str(error)
    except (CannotTell, MemoryError, RecursionError) as error:
        answer["unclear"] = str(error) or type(error).__name__
    return {
        **answer,
        "modules": sorted(found.modules),
        "main": found.main,
        "sklearn": found.sklearn,
        "frames": found.frames,
    }


def main():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS + 5, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    file = open(sys.argv[1], "rb") if len(sys.argv) > 1 else sys.stdin.buffer
    json.dump(read(file), sys.stdout)


main()
