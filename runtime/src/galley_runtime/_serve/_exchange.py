"""One request as the protocols see it, and what they answer."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from galley_runtime._errors import RequestError
from galley_runtime._json import dumps, loads
from galley_runtime._serve._memory import bytes_of_json

__all__ = ["JSON", "REASONS", "Request", "Response", "encode", "json_response"]

JSON = "application/json"
REASONS: Dict[int, str] = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    499: "Client Closed Request",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Request:
    """Header names are in lower case; `path` is still percent-encoded, so that a model's name may hold a slash.

    `reserve(count)` is called before so many bytes are made of the body: it raises TOO_LARGE or BUSY. `gone()`: the
    client has hung up, so that nobody would read the answer.
    """

    __slots__ = ("body", "gone", "headers", "method", "path", "query", "reserve")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        reserve: Callable[[int], None] = lambda count: None,
        gone: Callable[[], bool] = lambda: False,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.reserve = reserve
        self.gone = gone

    def media_type(self) -> Tuple[str, str]:
        """Media type in lower case, and its charset in lower case or ''."""
        parts = self.headers.get("content-type", "").split(";")
        charset = ""
        for part in parts[1:]:
            name, _, value = part.strip().partition("=")
            if name.lower() == "charset":
                charset = value.strip('"').lower()
        return parts[0].strip().lower(), charset

    def json(self, nan: bool = False) -> Any:
        """The body as JSON; `nan` as in `loads`. Raises UNSUPPORTED_TYPE when the headers say that it is something else, INVALID_JSON."""
        media_type, charset = self.media_type()
        if media_type and media_type != JSON and not media_type.endswith("+json"):
            message = f"The content type {media_type} is not read here."
            raise RequestError("UNSUPPORTED_TYPE", message, f"Send Content-Type: {JSON}.")
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise RequestError("UNSUPPORTED_TYPE", f"The charset {charset} is not read.", "Encode the body as UTF-8.")
        self.reserve(bytes_of_json(self.body))
        return loads(self.body, nan=nan)


class Response:
    """`close`: the connection ends after it. `after` is called once it was sent: work that nobody should wait for."""

    __slots__ = ("after", "body", "close", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        content_type: str = JSON,
        headers: Optional[Mapping[str, str]] = None,
        close: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.close = close
        self.after: Optional[Callable[[], None]] = None


def json_response(value: Any, status: int = 200) -> Response:
    return Response(status, dumps(value))


def encode(response: Response, *, head_only: bool, keep_alive: bool, version: int) -> bytes:
    """The bytes on the wire. No `Server` header: who asks does not need to know what to attack."""
    lines = [
        f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}",
        f"Date: {_date(int(time.time()))}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "X-Content-Type-Options: nosniff",
    ]
    for name, value in (response.headers or {}).items():
        lines.append(f"{name}: {value}")
    if not keep_alive:
        lines.append("Connection: close")
    elif version == 0:
        lines.append("Connection: keep-alive")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if head_only else head + response.body


def _date(second: int) -> str:
    """RFC 9110 §5.6.7, without the locale that strftime would ask."""
    t = time.gmtime(second)
    day = f"{_DAYS[t.tm_wday]}, {t.tm_mday:02d} {_MONTHS[t.tm_mon - 1]} {t.tm_year}"
    return f"{day} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} GMT"
