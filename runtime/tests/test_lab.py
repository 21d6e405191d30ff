"""A person's own environment over the image's, and how JupyterLab is started."""

import os
import subprocess
import sys

import pytest
from galley_runtime._lab._own_environment import lay_out
from galley_runtime._lab._places import Places, find_places
from galley_runtime._lab._server import server_command, server_environment

VERSION = "python{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def places(tmp_path):
    for name in ("kept", "running"):
        (tmp_path / name).mkdir()
    return Places(str(tmp_path / "kept"), str(tmp_path / "running"))


@pytest.fixture
def image(tmp_path):
    """An environment as images have it, with one package and a path file; and tools with something in the place of pip."""
    packages = tmp_path / "env" / "lib" / VERSION / "site-packages"
    (packages / "of_the_image").mkdir(parents=True)
    (packages / "of_the_image" / "__init__.py").write_text("VERSION = 'image'\n")
    (packages / "beside.pth").write_text(str(tmp_path / "beside") + "\n")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "by_path_file.py").write_text("")
    (tmp_path / "env" / "bin").mkdir()
    (tmp_path / "env" / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (tmp_path / "env" / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(sys.executable))}\n")
    pip = tmp_path / "tools" / "lib" / VERSION / "site-packages" / "pip"
    pip.mkdir(parents=True)
    (pip / "__init__.py").write_text("")
    (pip / "__main__.py").write_text("import sys; print('pip', sys.prefix, *sys.argv[1:])\n")
    return str(tmp_path / "env"), str(tmp_path / "tools")


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    return result.stdout.strip()


def test_the_own_environment_sees_the_packages_of_the_image_and_comes_before_them(places, image):
    python = lay_out(places, *image)
    script = "import by_path_file, of_the_image, sys; print(of_the_image.VERSION, sys.prefix)"
    prefix = os.path.dirname(os.path.dirname(python))
    assert run(python, "-c", script) == f"image {prefix}"
    own = os.path.join(prefix, "lib", VERSION, "site-packages", "of_the_image.py")
    with open(own, "w", encoding="utf-8") as file:
        file.write("VERSION = 'own'\n")
    assert run(python, "-c", script) == f"own {prefix}"
    assert not os.access(os.path.join(image[0], "lib", VERSION, "site-packages", "pip"), os.F_OK)


def test_pip_is_in_the_own_environment_under_both_of_its_names(places, image):
    python = lay_out(places, *image)
    prefix = os.path.dirname(os.path.dirname(python))
    assert run(python, "-m", "pip", "list") == f"pip {prefix} list"
    assert run(os.path.join(prefix, "bin", "pip"), "install", "x") == f"pip {prefix} install x"


def test_what_is_there_is_taken_as_it_is_and_half_of_one_is_made_anew(places, image):
    prefix = os.path.dirname(os.path.dirname(lay_out(places, *image)))
    installed = os.path.join(prefix, "lib", VERSION, "site-packages", "installed.py")
    with open(installed, "w", encoding="utf-8"):
        pass
    lay_out(places, *image)
    assert os.path.exists(installed)
    os.remove(os.path.join(prefix, ".galley-ready"))
    lay_out(places, *image)
    assert not os.path.exists(installed)


def test_a_folder_that_cannot_be_written_is_replaced_by_one_that_does_not_last(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").write_text("")
    places = find_places({"GALLEY_LAB_DIR": str(tmp_path / "file" / "below")})
    assert os.path.isdir(places.kept)
    assert places.kept.startswith(places.running)


def test_the_server_imports_nothing_of_the_folder_and_its_token_is_in_no_argument(places):
    environment = {"PORT": "8899", "JUPYTER_TOKEN": "s3cret", "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin"}
    command = server_command(places, environment, ["--ServerApp.base_url=/x/"])
    assert command[1] == "-I"
    assert "--ServerApp.port=8899" in command
    assert command[-1] == "--ServerApp.base_url=/x/"
    assert not any("s3cret" in part for part in command)
    inside = server_environment(places, environment, "/kept/python3.11/bin/python")
    assert inside["PATH"] == "/kept/python3.11/bin:/usr/bin"
    assert "PYTHONDONTWRITEBYTECODE" not in inside


def test_where_an_engine_gives_a_socket_no_port_is_opened(places):
    command = server_command(places, {"PORT": "8888", "GALLEY_SOCKET_DIR": "/run/galley"}, [])
    assert "--ServerApp.sock=/run/galley/8888.sock" in command
    assert not any(part.startswith("--ServerApp.ip") for part in command)
