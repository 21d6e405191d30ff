"""`galley-runtime serve`: the life of one replica, from its sockets to its last answer.

The sockets open first and say NOT_READY while the model loads: a client that comes early gets an answer and not a
refused connection, and whoever waits for us sees the difference between slow and dead.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, List, Mapping, Optional

from galley_runtime._admin import Admin
from galley_runtime._errors import ModelError, PlanError
from galley_runtime._model import Model, enter_app, load, read_json
from galley_runtime._schema import Schema
from galley_runtime._serve._door import mode_of
from galley_runtime._serve._event_time import EventTimes, event_times_of
from galley_runtime._serve._golden import check_golden
from galley_runtime._serve._limits import Limits, limits_of
from galley_runtime._serve._listener import Listener, bind_tcp, bind_unix
from galley_runtime._serve._log import Log
from galley_runtime._serve._memory import memory_for_requests
from galley_runtime._serve._metrics import Metrics
from galley_runtime._serve._places import Places, places_of
from galley_runtime._serve._router import Router
from galley_runtime._serve._scoring import Scoring
from galley_runtime._serve._service import Service
from galley_runtime._serve._switch import switched_on
from galley_runtime._serve._watch import Watch, profile_model, watch_of

if TYPE_CHECKING:
    from galley_runtime._serve._standby import Standby

__all__ = ["EXIT_GOLDEN", "EXIT_MODEL", "EXIT_SOCKET", "EXIT_USAGE", "load_model", "serve"]

EXIT_USAGE = 2
EXIT_GOLDEN = 21
EXIT_MODEL = 30
EXIT_SOCKET = 31

_ADMIN_PORT = 9090
_ADMIN_LIMITS = Limits(connections=16, body_bytes=1024)


class _Stopped(BaseException):
    """SIGTERM while the model loads. Not an Exception: the user's code must not catch it by accident."""


def serve(arguments: List[str]) -> int:
    """0 when told to stop. 2: usage or environment, 21: golden, 30: model, 31: sockets; stderr says why."""
    environment = os.environ
    log = Log()
    try:
        places, limits = places_of(arguments), limits_of(environment)
        event_times = event_times_of(environment)
        mode_of(environment)  # a mode that there is not ends the replica before it opens a socket
        pickled_args = switched_on(environment, "GALLEY_PICKLED_ARGS")
    except (PlanError, ModelError) as error:
        log(f"{error.message} {error.hint}")
        return EXIT_USAGE
    service = Service(
        environment.get("GALLEY_APPLICATION") or "model", environment.get("GALLEY_REVISION", ""), pickled_args
    )
    if pickled_args:
        log("GALLEY_PICKLED_ARGS=1: whoever may send a request to /predict may run code in this replica")
    return _Replica(service, places, limits, event_times, environment, log).run()


class _Replica:
    def __init__(
        self,
        service: Service,
        places: Places,
        limits: Limits,
        event_times: EventTimes,
        environment: Mapping[str, str],
        log: Log,
    ) -> None:
        self._service = service
        self._places = places
        self._limits = limits
        self._event_times = event_times
        self._environment = environment
        self._log = log
        self._stop = threading.Event()
        self._loading = True
        self._metrics = Metrics()
        identity = {
            "replica": environment.get("GALLEY_REPLICA") or socket.gethostname(),
            "boot": os.urandom(16).hex(),
            "revision": self._service.revision,
        }
        self._identity = identity
        self._watch = Watch(None, identity, log)
        self._standby: Optional[Standby] = None

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            listener, admin = self._listen()
        except (OSError, ValueError) as error:
            self._log(f"cannot listen: {error}")
            return EXIT_SOCKET
        listener.start()
        admin.start()
        try:
            self._open(listener)
        except _Stopped:
            pass
        except ModelError as error:
            self._log(f"{error.message} {error.hint}")
            if error.__cause__ is not None:
                cause = error.__cause__
                self._log("".join(traceback.format_exception(type(cause), cause, cause.__traceback__)))
            return EXIT_GOLDEN if error.code == "GOLDEN_DIFFERS" else EXIT_MODEL
        self._stop.wait()
        return self._close(listener, admin)

    def _listen(self) -> "tuple[Listener, Listener]":
        port = int(self._environment.get("PORT") or 8080)
        folder = self._environment.get("GALLEY_SOCKET_DIR")
        if folder:
            sockets = (bind_unix(os.path.join(folder, f"{port}.sock")), bind_unix(os.path.join(folder, "admin.sock")))
        else:
            admin_port = self._environment.get("GALLEY_ADMIN_PORT") or _ADMIN_PORT
            sockets = (bind_tcp(port), bind_tcp(int(admin_port)))
        router = Router(self._service, self._metrics, self._log)
        admin = Admin(self._service, self._metrics, lambda: self._watch, self._log)
        listener = Listener(sockets[0], router, self._limits, router.refuse)
        self._metrics.gauge("galley_connections", "Open connections.", lambda: listener.connections)
        self._metrics.gauge("galley_ready", "1 when predictions may be asked for.", lambda: self._service.ready)
        self._metrics.gauge("galley_waiting", "Requests in line for the predictor.", self._waiting)
        self._metrics.gauge("galley_monitor_errors", "Failures of the monitor itself.", lambda: self._watch.errors)
        if self._environment.get("GALLEY_AWAIT_REHEARSED") == "1":
            from galley_runtime._serve._standby import STANDBY_LIMITS, Standby

            self._standby = Standby(admin)
            return listener, Listener(sockets[1], self._standby, STANDBY_LIMITS)
        return listener, Listener(sockets[1], admin, _ADMIN_LIMITS)

    def _open(self, listener: Listener) -> None:
        """Loads, replays the golden requests, and opens the door. The first of them also warms up what loads when it is used."""
        places = self._places
        model = load_model(places)
        if self._standby is not None:
            places = places._replace(rehearsed=self._standby.wait())
            model.use(_schema_of(places) or model.schema)
        watch = watch_of(places.rehearsed, places.model, self._identity, self._log)
        profile_model(watch, model, _cells_of(places), places.app, self._log)
        prove = self._environment.get("GALLEY_GOLDEN", "check") != "warm"
        check_golden(model, read_json(os.path.join(places.rehearsed, "golden.json")), prove, self._log)
        self._watch = watch
        limits = self._limits
        scoring = Scoring(
            model, watch, self._metrics, self._log, limits, self._event_times, mode_of(self._environment)
        )
        # What was loaded stays: the collector need not look at it again, request after request.
        gc.freeze()
        listener.budget.resize(memory_for_requests(self._environment))
        self._loading = False
        self._service.open(scoring)

    def _waiting(self) -> int:
        return self._service.scoring.gate.waiting if self._service.ready else 0

    def _on_signal(self, number: int, frame: object) -> None:
        self._service.stopping = True
        self._stop.set()
        if self._loading:
            self._loading = False
            raise _Stopped

    def _close(self, listener: Listener, admin: Listener) -> int:
        cut = listener.stop(self._limits.stop_seconds)
        if cut:
            self._log(f"{cut} requests did not end within {self._limits.stop_seconds:g} s and were cut")
        self._watch.close()
        admin.stop(1.0)
        sys.stderr.flush()
        if cut:  # threads that are still in the user's code would be torn down under its feet
            os._exit(0)
        return 0


def _cells_of(places: Places) -> Any:
    """Only the monitor needs them, so a broken file is no reason not to serve."""
    try:
        return read_json(os.path.join(places.model, "cells.json"))
    except ModelError:
        return None


def load_model(places: Places) -> Model:
    """Schema and model as the image has them, in the repository's folder. Raises ModelError."""
    try:
        enter_app(places.app)
    except OSError as error:
        raise ModelError(
            f"{places.app} cannot be entered: {error.strerror}.", "Build the application again."
        ) from error
    return load(places.model, _schema_of(places))


def _schema_of(places: Places) -> Optional[Schema]:
    content = read_json(os.path.join(places.rehearsed, "schema.json"))
    try:
        return None if content is None else Schema.from_json(content)
    except (KeyError, TypeError) as error:
        raise ModelError(f"schema.json cannot be followed: {error!r}.", "Build the application again.") from error
