"""Reads setup.py and setup.cfg without running them: what `setup()` would be called with, as far as the text says it.

Runs on the host with ``python3 -I``; JSON on stdin ({"setup.py": text, "setup.cfg": text}), JSON on stdout. It only parses. A
value that is computed is listed under "computed" and left out. 3.8 syntax, standard library only.
"""

import ast
import configparser
import json
import resource
import sys

WANTED = ("name", "install_requires", "python_requires", "extras_require")


def literal(node, constants):
    """The value of an expression of literals and of names that the module binds once to such; ValueError otherwise."""
    if isinstance(node, ast.Name) and node.id in constants:
        return constants[node.id]
    if isinstance(node, (ast.List, ast.Tuple)):
        return [literal(item, constants) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {literal(key, constants): literal(value, constants) for key, value in zip(node.keys, node.values)}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return literal(node.left, constants) + literal(node.right, constants)
    return ast.literal_eval(node)


def read_script(source):
    result, computed = {}, []
    tree = ast.parse(source)
    constants, rebound = {}, set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in constants:
                rebound.add(name)
            try:
                constants[name] = literal(node.value, constants)
            except Exception:
                rebound.add(name)
    # `requires.append(…)` or `requires += …` later: the text no longer says what is in it.
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            rebound.add(node.target.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in ("append", "extend", "insert", "remove"):
            rebound.add(node.value.id)
    for name in rebound:
        constants.pop(name, None)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called != "setup":
            continue
        for keyword in node.keywords:
            if keyword.arg is None:
                computed.extend(WANTED)
            elif keyword.arg in WANTED:
                try:
                    result[keyword.arg] = literal(keyword.value, constants)
                except Exception:
                    computed.append(keyword.arg)
    return result, computed


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def read_config(text):
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    result = {}
    if parser.has_option("metadata", "name"):
        result["name"] = parser.get("metadata", "name").strip()
    if parser.has_option("options", "python_requires"):
        result["python_requires"] = parser.get("options", "python_requires").strip()
    if parser.has_option("options", "install_requires"):
        said = parser.get("options", "install_requires").strip()
        result["install_requires"] = said if said.startswith("file:") else lines(said)
    if parser.has_section("options.extras_require"):
        result["extras_require"] = {key: lines(value) for key, value in parser.items("options.extras_require")}
    computed = [key for key, value in result.items() if isinstance(value, str) and value.startswith(("file:", "attr:"))]
    return result, computed


def main():
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    files = json.load(sys.stdin)
    result, computed, errors = {}, [], []
    for name, reader in (("setup.cfg", read_config), ("setup.py", read_script)):
        if name not in files:
            continue
        try:
            found, unknown = reader(files[name])
            json.dumps(found)
        except Exception as error:
            errors.append("%s: %s" % (name, error))
            continue
        result.update(found)  # what setup() is called with wins, as in setuptools
        computed.extend(unknown)
    for name in computed:
        result.pop(name, None)
    json.dump({"values": result, "computed": sorted(set(computed)), "errors": errors}, sys.stdout)


main()
