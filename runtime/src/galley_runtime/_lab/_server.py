"""How JupyterLab is started: on a socket where an engine gives one, else on a port; its token never in its arguments."""

from __future__ import annotations

import json
import os
import sys
from typing import Dict, List, Mapping

from galley_runtime._lab._own_environment import IMAGE_ENVIRONMENT, TOOLS
from galley_runtime._lab._places import Places

__all__ = ["TOOLS_PYTHON", "server_command", "server_environment"]

TOOLS_PYTHON = f"{TOOLS}/bin/python"
_APP = "/home/galley/app"
#: A page that asks whether news may be fetched, and a server that does; neither can reach anything from a workload.
_DISABLED = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
#: There is one kernel: a notebook that names none need not ask for it. A person's own settings rank above these.
_SETTINGS = {"@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True}}


def server_command(places: Places, environment: Mapping[str, str], arguments: List[str]) -> List[str]:
    """The argv. `-I`: neither the repository's folder nor PYTHONPATH decides what the server imports."""
    port = environment.get("PORT", "8888")
    sockets = environment.get("GALLEY_SOCKET_DIR")
    if sockets:
        where = [f"--ServerApp.sock={sockets}/{port}.sock"]
    else:
        where = ["--ServerApp.ip=0.0.0.0", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    cache = os.path.join(places.kept, "pycache")
    return [
        *[TOOLS_PYTHON, "-I", "-X", f"pycache_prefix={cache}", "-m", "jupyterlab"],
        *["--no-browser", "--allow-root", f"--ServerApp.root_dir={_APP}"],
        # It would install into the tools' environment, which is the image's.
        "--LabApp.extension_manager=readonly",
        *where,
        *arguments,
    ]


def server_environment(places: Places, environment: Mapping[str, str], python: str) -> Dict[str, str]:
    """Of the server, and of its kernels and terminals, which have it from the server."""
    prefix = os.path.dirname(os.path.dirname(python))
    share = os.path.join(places.running, "share")
    _write_json(os.path.join(share, "kernels", "python3", "kernel.json"), _kernel(python))
    config = os.path.join(places.kept, "jupyter")
    _write_json(os.path.join(config, "labconfig", "page_config.json"), _DISABLED)
    _write_json(os.path.join(config, "labconfig", "default_setting_overrides.json"), _SETTINGS)
    made = {
        "PATH": os.pathsep.join([os.path.join(prefix, "bin"), environment.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": prefix,
        # First the kernel of the person's environment; then front ends that were installed there or came with the image.
        "JUPYTER_PATH": os.pathsep.join([share, f"{prefix}/share/jupyter", f"{IMAGE_ENVIRONMENT}/share/jupyter"]),
        "JUPYTER_CONFIG_DIR": config,
        "JUPYTER_DATA_DIR": os.path.join(places.kept, "share"),
        "JUPYTER_RUNTIME_DIR": os.path.join(places.running, "runtime"),
        "IPYTHONDIR": os.path.join(places.kept, "ipython"),
        # Kept, and not beside the sources: a folder of notebooks stays as it was, and what was installed starts fast.
        "PYTHONPYCACHEPREFIX": os.path.join(places.kept, "pycache"),
        # Programs look their user up by name, and an arbitrary user id has none.
        "USER": environment.get("USER") or "galley",
        "SHELL": "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh",
        # It would look for a newer pip in an index that is a mirror of one moment.
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    result = {**environment, **made}
    result.pop("PYTHONDONTWRITEBYTECODE", None)
    return result


def _kernel(python: str) -> Dict[str, object]:
    return {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        # As every other installation calls it: a notebook that is saved here keeps the name that it had.
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "metadata": {"debugger": True},
    }


def _write_json(path: str, value: object) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)
