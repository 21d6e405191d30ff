"""`galley-runtime compile` on real modules, without importing one of them."""

import importlib.util
import json
import os
import subprocess
import sys

from running import PACKAGE


def compile_modules(folder, modules, files):
    app, out = folder / "app", folder / "out"
    for name, text in files.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(text)
    plan = folder / "modules.json"
    value = {"schema": "galley.dev/modules/v1", "modules": modules, "appDir": str(app), "outDir": str(out)}
    plan.write_text(json.dumps(value))
    command = [sys.executable, "-I", str(PACKAGE), "compile", str(plan)]
    return subprocess.run(command, capture_output=True, text=True, check=False), app, out


def cached(out, source):
    """Where an interpreter with this prefix looks, asked from one."""
    script = "import importlib.util, sys; print(importlib.util.cache_from_source(sys.argv[1]))"
    command = [sys.executable, "-X", f"pycache_prefix={out / 'pycache'}", "-c", script, str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_modules_are_compiled_where_the_interpreter_looks_and_never_run(tmp_path):
    bomb = "open(__file__ + '.ran', 'w'); raise SystemExit(3)"
    files = {
        "package/__init__.py": bomb,
        "package/inner.py": "value = 7",
        "namespace/deep/leaf.py": "value = 8",
        "broken.py": "this is no Python",
    }
    names = ["package", "package.inner", "namespace.deep.leaf", "broken", "json.decoder", "sys", "no.such", "../x", 3]
    ended, app, out = compile_modules(tmp_path, names, files)
    assert ended.returncode == 0, ended.stderr
    assert not [path for path in app.rglob("*.ran")]
    compiled = [app / "package/__init__.py", app / "package/inner.py", app / "namespace/deep/leaf.py"]
    for source in [*compiled, importlib.util.find_spec("json.decoder").origin]:
        assert os.path.exists(cached(out, source)), source
    assert len(list(out.rglob("*.pyc"))) == 4
    assert [json.loads(line)["state"] for line in ended.stdout.splitlines()] == ["started", "done"]


def test_the_bytecode_is_used_without_asking_the_source(tmp_path):
    ended, app, out = compile_modules(tmp_path, ["taught"], {"taught.py": "value = 'compiled'"})
    assert ended.returncode == 0, ended.stderr
    (app / "taught.py").write_text("value = 'source!!'")
    script = "import taught; print(taught.value)"
    command = [sys.executable, "-X", f"pycache_prefix={out / 'pycache'}", "-c", script]
    said = subprocess.run(command, cwd=app, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "compiled"


def test_many_modules_are_shared_out_and_all_compiled(tmp_path):
    names = [f"module_{number}" for number in range(250)]
    ended, _, out = compile_modules(tmp_path, names, {f"{name}.py": "x = 1" for name in names})
    assert ended.returncode == 0, ended.stderr
    assert len(list(out.rglob("*.pyc"))) == 250


def test_a_list_that_cannot_be_read_is_refused_with_its_path(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-I", str(PACKAGE), "compile", str(tmp_path / "none.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2 and "none.json" in ended.stderr
