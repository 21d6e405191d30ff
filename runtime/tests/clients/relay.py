"""A relay between a client library and the service that writes down what both said, byte for byte."""

from __future__ import annotations

import json
import select
import socket
import threading
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

__all__ = ["Relay", "write"]


class Relay:
    """Listens on `port` while it is open. An exchange ends when the client speaks again after it was answered."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(8)
        self.port: int = self._socket.getsockname()[1]
        #: One list per connection; request and answer as text of one character a byte.
        self.connections: List[List[Dict[str, str]]] = []
        self._threads: List[threading.Thread] = []

    def __enter__(self) -> Relay:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            exchanges: List[Dict[str, str]] = []
            self.connections.append(exchanges)
            self._start(self._carry, client, exchanges)

    def _carry(self, client: socket.socket, exchanges: List[Dict[str, str]]) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    said = data.decode("latin-1")
                    if source is client:
                        if not exchanges or exchanges[-1]["answer"]:
                            exchanges.append({"request": "", "answer": ""})
                        exchanges[-1]["request"] += said
                    else:
                        exchanges[-1]["answer"] += said
                    (server if source is client else client).sendall(data)


def write(path: str, client: str, model: str, relay: Relay) -> None:
    """What one conversation said, without the port that nobody will have again."""
    exchanges = [exchange for connection in relay.connections for exchange in connection]
    for exchange in exchanges:
        exchange["request"] = exchange["request"].replace(f"127.0.0.1:{relay.port}", "127.0.0.1:8080")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"client": client, "model": model, "exchanges": exchanges}, file, indent=2)
        file.write("\n")
