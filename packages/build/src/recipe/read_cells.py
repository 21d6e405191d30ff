"""Reads Python sources without running them: what they import, which packages they ask for, whether they bind `requirements`.

Runs on the host with ``python3 -I``; JSON on stdin, JSON on stdout. It only parses (``ast``); the time and memory that a hostile
source can make the parser take are bounded here. 3.8 syntax, standard library only.
"""

import ast
import json
import pkgutil
import re
import resource
import sys
import sysconfig

PIP_LINE = re.compile(r"^\s*(?:%|!)\s*(?:python3?\s+-m\s+)?(?:uv\s+)?pip3?\s+install\s+(.*)$")
MAGIC_LINE = re.compile(r"^(\s*)[%!?]")
ASSIGNED_MAGIC = re.compile(r"^(\s*[\w, ]+=\s*)[%!].*$")


def plain_python(source):
    """The cell with magics made harmless, and the arguments of its ``%pip install`` lines."""
    if source.lstrip().startswith("%%"):
        first, _, rest = source.lstrip().partition("\n")
        word = first.split()[0]
        return (plain_python(rest) if word in ("%%time", "%%timeit", "%%capture", "%%prun") else ("", []))
    lines, installs = [], []
    for line in source.split("\n"):
        found = PIP_LINE.match(line)
        if found:
            installs.append(found.group(1))
        line = ASSIGNED_MAGIC.sub(r"\1None", line)
        lines.append(MAGIC_LINE.sub(r"\1pass #", line))
    return "\n".join(lines), installs


def read(source):
    plain, installs = plain_python(source)
    result = {"imports": [], "installs": installs}
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        result["error"] = "%s: %s" % (type(error).__name__, error)
        return result
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    result["imports"] = sorted(names)
    result["binds"] = sorted(bound_names(tree))
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == "requirements" for target in targets) and node.value is not None:
            result["bound"] = True
            try:
                value = ast.literal_eval(node.value)
                json.dumps(value)
                result["requirements"] = value
            except (ValueError, TypeError, RecursionError, MemoryError) as error:
                result["requirementsError"] = str(error)
    return result


def bound_names(tree):
    """What the statements at the top of a module bind, also below ``if`` and ``with``."""
    names, waiting = set(), list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                names.add(node.id)
        elif not isinstance(node, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return names


def standard_library():
    names = getattr(sys, "stdlib_module_names", None)  # 3.10 and later
    if names is None:
        names = set(sys.builtin_module_names) | {m.name for m in pkgutil.iter_modules([sysconfig.get_path("stdlib")])}
    return sorted(names)


def main():
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    sources = json.load(sys.stdin)
    json.dump({"sources": [read(source) for source in sources], "standardLibrary": standard_library()}, sys.stdout)


main()
