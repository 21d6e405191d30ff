"""The head of an HTTP/1.1 request, read in exactly one way or not at all (RFC 9112).

Whatever two implementations could read differently is refused: bare line feeds, folded headers, spaces before a colon,
a length said twice, a length beside chunks. Request smuggling is made of that, and the gateway is such a second reader.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from galley_runtime._errors import RequestError

__all__ = ["Head", "parse_head"]

_HEADERS_MAX = 100
_TARGET_MAX = 8 * 1024
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) ([\x21-\x7e]+) HTTP/1\.([01])\Z")
#: Blanks around the value are cut off afterwards: a pattern that does it tries every way to share them out, for hours.
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)\Z")
_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
#: Headers where a second one means that two readers may disagree.
_SINGLE = frozenset(
    (
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "inference-header-content-length",
        "transfer-encoding",
    )
)


class Head:
    """What stands before the body. Header names are in lower case."""

    __slots__ = ("chunked", "headers", "keep_alive", "length", "method", "path", "query", "version")

    def __init__(self, method: str, target: str, version: int, headers: Dict[str, str]) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.version = version
        self.headers = headers
        self.chunked, self.length = _framing(version, headers)
        connection = headers.get("connection", "").lower()
        tokens = [token.strip() for token in connection.split(",")] if connection else []
        self.keep_alive = "close" not in tokens if version == 1 else "keep-alive" in tokens

    @property
    def expects_continue(self) -> bool:
        return "expect" in self.headers and self.version == 1


def parse_head(raw: bytes) -> Head:
    """`raw` ends before the empty line. Raises BAD_REQUEST."""
    lines = raw.split(b"\r\n")
    match = _REQUEST_LINE.match(lines[0])
    if match is None:
        raise _bad("The request line is not METHOD TARGET HTTP/1.1.")
    if len(lines) > _HEADERS_MAX + 1:
        raise _bad(f"The request has more than {_HEADERS_MAX} headers.")
    headers = _headers(lines[1:])
    version = int(match.group(3))
    if version == 1 and "host" not in headers:
        raise _bad("The request has no Host header.")
    expect = headers.get("expect")
    if expect is not None and expect.lower() != "100-continue":
        raise _bad("The request expects something else than 100-continue.")
    return Head(match.group(1).decode("ascii"), _target(match.group(2).decode("ascii")), version, headers)


def _headers(lines: List[bytes]) -> Dict[str, str]:
    headers: Dict[str, str] = {}
    for line in lines:
        match = _HEADER.match(line)
        if match is None:
            raise _bad("A header is not NAME: VALUE on one line.")
        name = match.group(1).decode("ascii").lower()
        value = match.group(2).strip(b" \t").decode("latin-1")
        if name in headers:
            if name in _SINGLE:
                raise _bad(f"The header {name} is there twice.")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _target(target: str) -> str:
    if len(target) > _TARGET_MAX:
        raise _bad("The target is too long.")
    if not target.startswith("/"):
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise _bad("The target is not a path.")
        target = target[absolute.end() :]
        target = target if target.startswith("/") else "/" + target
    return target.partition("#")[0]


def _framing(version: int, headers: Dict[str, str]) -> Tuple[bool, Optional[int]]:
    """Whether the body is chunked, and its length where that is said."""
    encoding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if encoding is not None:
        if length is not None:
            raise _bad("The request has both Content-Length and Transfer-Encoding.")
        if version == 0 or encoding.lower() != "chunked":
            raise _bad("The request has a Transfer-Encoding other than chunked.")
        return True, None
    if length is None:
        return False, None
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise _bad("Content-Length is not a number of bytes.")
    return False, int(length)


def _bad(message: str) -> RequestError:
    return RequestError("BAD_REQUEST", message, "Use an HTTP/1.1 client.")
