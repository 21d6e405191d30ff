"""`galley-runtime COMMAND [PLAN]`: finds the command's module and hands over. Everything else is imported after that.

Started as `python -I …/galley_runtime COMMAND`, so that the package's own folder comes first in `sys.path`; the
folder above takes its place, at the end: what the user installed or wrote goes before anything of ours.
"""

from __future__ import annotations

import os
import sys

__all__ = ["COMMANDS", "main"]

#: Command → module; each has `main(arguments) -> exit code`.
COMMANDS = {
    "run": "galley_runtime._run",
    "adopt": "galley_runtime._saved",
    "rehearse": "galley_runtime._rehearse",
    "compile": "galley_runtime._compile",
    "serve": "galley_runtime._serve",
    "check": "galley_runtime._check",
    "lab": "galley_runtime._lab",
}
_PYCACHE = "/opt/galley/rehearsed/pycache"


def main(argv: list[str] | None = None) -> int:
    """Exit codes: the command's own; 2 for a command that does not exist or a secret that cannot be read; 70 for a mistake of ours."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in COMMANDS:
        sys.stderr.write("usage: galley-runtime {} [PLAN.json]\n".format("|".join(COMMANDS)))
        return 0 if arguments in (["--help"], ["-h"]) else 2
    command = arguments.pop(0)
    if command in ("serve", "check"):
        # Before anything else is imported: the image carries the bytecode of what will be imported (wire.md, compile).
        sys.dont_write_bytecode = True
        rehearsed = arguments[arguments.index("--rehearsed") + 1 :] if "--rehearsed" in arguments else []
        pycache = os.path.join(rehearsed[0], "pycache") if rehearsed else _PYCACHE
        if os.path.isdir(pycache):
            sys.pycache_prefix = pycache
    from importlib import import_module

    if not _enter_environment():
        return 2
    code: int = import_module(COMMANDS[command]).main(arguments)
    return code


def _enter_environment() -> bool:
    """The secrets that are variables. Only where there are any is anything imported for it."""
    if not os.environ.get("GALLEY_SECRET_ENV"):
        return True
    from galley_runtime._secrets import enter_environment

    try:
        enter_environment()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"a secret cannot be put into the environment: {error}\n")
        return False
    return True


def _find_package() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    sys.path.append(os.path.dirname(here))


if __name__ == "__main__":
    if not __package__:
        _find_package()
    sys.exit(main())
