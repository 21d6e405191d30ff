"""A model folder written by the interpreter that will serve it, and the real `galley-runtime serve` on real sockets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

RUNTIME = Path(__file__).resolve().parent.parent
LAUNCHER = RUNTIME / "bin" / "galley-runtime"
DEADLINE_SECONDS = 60.0

#: A predictor as a notebook would have it, in ordinary Python.
SCORER = """
import time

def predictor(rows):
    answers = []
    for row in rows:
        if row["name"] == "boom":
            raise KeyError("no weather for " + row["name"])
        if row["name"] == "exit":
            raise SystemExit(3)
        if row["name"] == "slow":
            time.sleep(1.0)
        answers.append(row["length"] * 2 + (row["width"] or 0))
    return answers

def validator(rows):
    return [row["length"] >= 0 for row in rows]
"""
COLUMNS = [
    {"name": "name", "type": "string", "nullable": False},
    {"name": "length", "type": "number", "nullable": False},
    {"name": "width", "type": "number", "nullable": True},
    {"name": "petals", "type": "integer", "nullable": False},
    {"name": "wild", "type": "boolean", "nullable": False},
]
ROW = {"name": "iris", "length": 2.5, "width": 1.0, "petals": 3, "wild": True}
ANSWER = 6.0


class ModelFolder:
    """`model/`, `rehearsed/` and `app/` under `root`, as the layers of an image lay them out."""

    def __init__(self, root: Path, python: str = sys.executable) -> None:
        self.root = root
        self.python = python
        for name in ("model", "rehearsed", "app"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def write(
        self,
        source: str = SCORER,
        call_form: str = "records",
        columns: Optional[List[Dict[str, Any]]] = None,
        prediction: Optional[Dict[str, Any]] = None,
        example: Optional[Dict[str, Any]] = None,
        golden: Optional[List[Dict[str, Any]]] = None,
        **model: Any,
    ) -> ModelFolder:
        (self.root / "app" / "scorer.py").write_text(source)
        info = {"schema": "galley.dev/model/v1", "callForm": call_form, "columns": None, "classes": None, **model}
        self.put("model/model.json", info)
        code = (
            "import pickle, sys; sys.path.insert(0, sys.argv[1]); import scorer; "
            "content = {'predictor': scorer.predictor, 'validator': getattr(scorer, 'validator', None)}; "
            "pickle.dump(content, open(sys.argv[2], 'wb'))"
        )
        command = [self.python, "-I", "-c", code, str(self.root / "app"), str(self.root / "model" / "model.pkl")]
        subprocess.run(command, check=True, env=clean_environment())
        if columns is not None:
            schema = {"schema": "galley.dev/schema/v1", "callForm": call_form, "columns": columns}
            self.put("rehearsed/schema.json", {**schema, "prediction": prediction, "example": example})
        if golden is not None:
            self.put("rehearsed/golden.json", {"schema": "galley.dev/golden/v1", "requests": golden})
        return self

    def put(self, path: str, value: Any) -> None:
        (self.root / path).write_text(json.dumps(value))

    def arguments(self) -> List[str]:
        return [text for name in ("model", "rehearsed", "app") for text in (f"--{name}", str(self.root / name))]


def iris_folder(root: Path, python: str = sys.executable) -> ModelFolder:
    """Everything that an image has: schema, example, golden requests."""
    example = {"rows": [ROW]}
    golden = [
        {"rows": [ROW], "predictions": [ANSWER], "source": {"notebook": "iris.ipynb", "cell": 1, "tag": "example"}}
    ]
    prediction = {"type": "number", "classes": None}
    return ModelFolder(root, python).write(columns=COLUMNS, prediction=prediction, example=example, golden=golden)


def clean_environment(**more: str) -> Dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **more}


class Replica:
    """The process. Use it in a `with`: it is always stopped, and its sockets always removed."""

    def __init__(self, folder: ModelFolder, *, tcp: bool = False, wait: bool = True, **environment: str) -> None:
        self.sockets = tempfile.mkdtemp(prefix="galley-")  # socket paths have to be short
        self.tcp_port = free_port() if tcp else 0
        self.admin_port = free_port() if tcp else 0
        where = {"GALLEY_SOCKET_DIR": self.sockets, "PORT": "8080"}
        if tcp:
            where = {"PORT": str(self.tcp_port), "GALLEY_ADMIN_PORT": str(self.admin_port)}
        names = {"GALLEY_APPLICATION": "iris", "GALLEY_REVISION": "iris-1", "GALLEY_REPLICA": "r1"}
        self.process = subprocess.Popen(
            [str(LAUNCHER), "serve", *folder.arguments()],
            env=clean_environment(GALLEY_PYTHON=folder.python, **{**where, **names, **environment}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output = ""
        if wait:
            self.wait_ready()

    def __enter__(self) -> Replica:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.ended()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def connect(self, admin: bool = False) -> socket.socket:
        if self.tcp_port:
            return socket.create_connection(("127.0.0.1", self.admin_port if admin else self.tcp_port), timeout=20)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20)
        try:
            sock.connect(os.path.join(self.sockets, "admin.sock" if admin else "8080.sock"))
        except OSError:
            sock.close()
            raise
        return sock

    def client(self, admin: bool = False) -> Client:
        return Client(self.connect(admin))

    def ask(self, method: str, path: str, body: Any = None, admin: bool = False, **headers: str) -> Answer:
        with self.client(admin) as client:
            return client.ask(method, path, body, **headers)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the replica ended with {self.process.returncode}: {self.ended()}")
            try:
                if self.ask("GET", "/healthz").status == 200:
                    return
            except OSError:
                pass
            select_nothing()
        raise AssertionError("the replica is not ready in time")

    def wait_listening(self) -> None:
        """Until somebody answers, ready or not."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the replica ended with {self.process.returncode}: {self.ended()}")
            try:
                self.ask("GET", "/healthz")
                self.ask("GET", "/healthz", admin=True)
                return
            except OSError:
                select_nothing()
        raise AssertionError("the replica does not listen in time")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.ended()
        return self.process.returncode

    def ended(self) -> str:
        """What it wrote, once it has ended."""
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.output += self.process.communicate(timeout=DEADLINE_SECONDS)[0].decode()
        return self.output


class Answer:
    def __init__(self, status: int, headers: Dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """HTTP/1.1 by hand over one connection: no library may mend what the server gets wrong."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Header names come as keywords: `content_type` is Content-Type. Values that are no bytes are sent as JSON."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: iris"]
        if body is not None and "content_type" not in headers:
            lines.append("Content-Type: application/json")
        if body is not None:
            lines.append(f"Content-Length: {len(data)}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + data)
        return self.read(method == "HEAD")

    def read(self, head_only: bool = False) -> Answer:
        while b"\r\n\r\n" not in self._rest:
            self._receive()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        status = int(first.split(" ")[1])
        if status == 100:
            return Answer(status, headers, b"")
        length = 0 if head_only else int(headers["content-length"])
        while len(self._rest) < length:
            self._receive()
        body, self._rest = self._rest[:length], self._rest[length:]
        return Answer(status, headers, body)

    def closed(self) -> bool:
        """Whether the server ends the connection, as it should now."""
        try:
            return self._rest == b"" and self.sock.recv(1) == b""
        except ConnectionError:
            return True

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._rest += data


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def select_nothing() -> None:
    """Gives the processor away between two looks at a state that somebody else brings about."""
    time.sleep(0.01)
