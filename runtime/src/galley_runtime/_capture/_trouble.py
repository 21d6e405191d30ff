"""What a cell missed: files that are not there, hosts that were refused. Read from the exceptions themselves, so that
the build can say which rule kept a file back, or which host to allow."""

from __future__ import annotations

import os
import re
from typing import Any, Iterator, List, Optional, Tuple

__all__ = ["missing_files", "refused_hosts"]

_DEPTH = 20
_NOT_FOUND = re.compile(r"^(?P<path>[^\n]{1,500}?) (?:not found|does not exist)\.?$")
#: libpq: connection to server at "db" (10.0.0.1), port 5432 failed
_LIBPQ = re.compile(r'server at "(?P<host>[^"]+)".{0,80}?port (?P<port>\d+)', re.DOTALL)
#: urllib3 and requests: HTTPSConnectionPool(host='example.org', port=443)
_POOL = re.compile(r"host='(?P<host>[^']+)', port=(?P<port>\d+)")
_URL = re.compile(r"^(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/@]*@)?(?P<host>\[[^\]]+\]|[^/:?#]+)(?::(?P<port>\d+))?")
_PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
_PORTS = {"http": 80, "https": 443, "ftp": 21}


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    waiting: List[Optional[BaseException]] = [error]
    seen: List[BaseException] = []
    while waiting and len(seen) < _DEPTH:
        current = waiting.pop(0)
        if current is None or any(current is known for known in seen):
            continue
        seen.append(current)
        yield current
        reason = getattr(current, "reason", None)
        waiting += [current.__cause__, current.__context__]
        waiting += [item for item in (reason, *current.args) if isinstance(item, BaseException)]


def missing_files(error: Optional[BaseException], app_dir: str) -> List[str]:
    """Paths below the application's folder that were looked for in vain, relative to it, with `/`."""
    paths: List[str] = []
    for current in _chain(error):
        if not isinstance(current, FileNotFoundError):
            continue
        name: Any = current.filename
        if name is None:
            match = _NOT_FOUND.match(str(current))
            name = match.group("path") if match else None
        try:
            path = os.path.relpath(os.path.join(app_dir, os.fsdecode(name)), app_dir) if name is not None else ".."
        except (TypeError, ValueError):
            continue
        if path != "." and not path.startswith("..") and path not in paths:
            paths.append(path.replace(os.sep, "/"))
    return paths


def refused_hosts(error: Optional[BaseException]) -> List[str]:
    """`host:port` of connections that failed, as far as the exceptions show it."""
    hosts: List[str] = []
    for current in _chain(error):
        if not _is_network(current):
            continue
        for host, port in _places(current):
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            if place not in hosts:
                hosts.append(place)
    return hosts


def _is_network(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "HTTPError" in names:  # the host answered, unless it was our proxy that did
        status = getattr(error, "code", None) or getattr(getattr(error, "response", None), "status_code", None)
        return status in (403, 407) and any(os.environ.get(name) for name in _PROXIES)
    networks = {"ConnectionError", "gaierror", "timeout", "TimeoutError", "URLError", "OperationalError"}
    return bool(names & networks) or "Tunnel connection failed" in str(error) or "Proxy" in type(error).__name__


def _places(error: BaseException) -> Iterator[Tuple[str, int]]:
    request = getattr(error, "request", None)
    for url in (getattr(error, "url", None), getattr(request, "url", None)):
        match = _URL.match(str(url)) if url is not None else None
        if match:
            port = int(match.group("port") or _PORTS.get(match.group("scheme"), 0))
            yield match.group("host").strip("[]"), port
            return
    for pattern in (_POOL, _LIBPQ):
        match = pattern.search(str(error))
        if match:
            yield match.group("host"), int(match.group("port"))
            return
    yield from _in_frames(error)


def _in_frames(error: BaseException) -> Iterator[Tuple[str, int]]:
    """The address is in no message of the socket module, but in the variables of its frames."""
    place: Optional[Tuple[Any, Any]] = None
    trace = error.__traceback__
    while trace is not None:
        local = trace.tb_frame.f_locals
        connection = local.get("self")
        if trace.tb_frame.f_code.co_name == "create_connection" and place is None:
            address = local.get("address")
            place = tuple(address[:2]) if isinstance(address, tuple) else None
        elif connection is not None and getattr(connection, "_tunnel_host", None):
            place = (connection._tunnel_host, getattr(connection, "_tunnel_port", None) or 443)
        elif trace.tb_frame.f_code.co_name == "getaddrinfo" and place is None:
            place = (local.get("host"), local.get("port"))
        trace = trace.tb_next
    if place and isinstance(place[0], str) and str(place[1]).isdigit():
        yield place[0], int(place[1])
