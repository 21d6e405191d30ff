"""The protocols proved by the libraries that speak them: tritonclient, KServe, MLflow and MLServer, from PyPI.

They weigh 600 MB, so this runs in `npm run test:long` only. See clients/README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest
from client_models import replicas_for_clients

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS = Path(__file__).resolve().parent / "clients"
#: MLServer's codecs need an older pandas than the others bring.
SETS = [
    ("http_clients", ["tritonclient[http]==2.73.0", "kserve==0.21.0", "mlflow-skinny==3.17.2", "pandas<3", "scipy"]),
    ("mlserver_client", ["mlserver==1.7.1", "pandas<3"]),
]

pytestmark = pytest.mark.skipif(
    os.environ.get("GALLEY_TEST_LONG") != "1", reason="fetches 600 MB of client libraries; npm run test:long"
)


@pytest.mark.parametrize(("module", "packages"), SETS)
def test_real_clients_are_answered_as_they_expect(module: str, packages: List[str], tmp_path: Path) -> None:
    uv, python = str(ROOT / ".tools/bin/uv"), str(ROOT / ".tools/python/bin/python")
    subprocess.run([uv, "venv", "--quiet", "--python", python, str(tmp_path / "venv")], check=True)
    client = str(tmp_path / "venv/bin/python")
    subprocess.run([uv, "pip", "install", "--quiet", "--python", client, *packages], check=True)
    said = tmp_path / "said"
    said.mkdir()
    with replicas_for_clients(tmp_path / "models", tcp=True) as replicas:
        ports = json.dumps({name: replica.tcp_port for name, replica in replicas.items()})
        command = [client, "conversations.py", module, ports, str(said)]
        spoken = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=300, check=False)
    assert spoken.returncode == 0, spoken.stderr
    assert sorted(spoken.stdout.split()) == sorted(path.stem for path in said.iterdir())
    if os.environ.get("GALLEY_RECORD_CLIENTS") == "1":
        for path in said.iterdir():
            shutil.copy(path, CLIENTS / "recorded" / path.name)
