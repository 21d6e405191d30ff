"""`galley-runtime compile` on real modules, without importing one of them."""

import importlib.util
import json
import os
import subprocess
import sys
import venv

from running import PACKAGE


def write_files(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def compile_modules(folder, modules, files, app=None):
    """In an environment of its own that has these files, with the repository `app` as working directory."""
    venv.create(folder / "env", symlinks=True)
    (site,) = (folder / "env" / "lib").glob("python3*/site-packages")
    write_files(site, files)
    out, plan = folder / "out", folder / "modules.json"
    value = {"schema": "galley.dev/modules/v1", "modules": modules, "appDir": str(app), "outDir": str(out)}
    plan.write_text(json.dumps(value))
    command = [str(folder / "env/bin/python"), "-I", str(PACKAGE), "compile", str(plan)]
    return subprocess.run(command, cwd=app, capture_output=True, text=True, check=False), site, out


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
    ended, site, out = compile_modules(tmp_path, names, files)
    assert ended.returncode == 0, ended.stderr
    assert not [path for path in site.rglob("*.ran")]
    compiled = [site / "package/__init__.py", site / "package/inner.py", site / "namespace/deep/leaf.py"]
    for source in [*compiled, importlib.util.find_spec("json.decoder").origin]:
        assert os.path.exists(cached(out, source)), source
    assert len(list(out.rglob("*.pyc"))) == 4
    assert [json.loads(line)["state"] for line in ended.stdout.splitlines()] == ["started", "done"]


def test_the_bytecode_is_used_without_asking_the_source(tmp_path):
    ended, site, out = compile_modules(tmp_path, ["taught"], {"taught.py": "value = 'compiled'"})
    assert ended.returncode == 0, ended.stderr
    (site / "taught.py").write_text("value = 'source!!'")
    script = "import taught; print(taught.value)"
    command = [sys.executable, "-X", f"pycache_prefix={out / 'pycache'}", "-c", script]
    said = subprocess.run(command, cwd=site, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "compiled"


def test_modules_of_the_repository_stay_without(tmp_path):
    app = tmp_path / "app"
    write_files(app, {"helper.py": "x = 1", "src/features.py": "x = 1", "package/more.py": "x = 1"})
    names = ["helper", "src.features", "package", "package.more"]
    ended, site, out = compile_modules(tmp_path, names, {"package/__init__.py": ""}, app)
    assert ended.returncode == 0, ended.stderr
    assert [str(path) for path in out.rglob("*.pyc")] == [cached(out, site / "package/__init__.py")]


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
