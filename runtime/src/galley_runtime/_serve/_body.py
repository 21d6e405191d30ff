"""The body of a request: so many bytes, or chunks, then perhaps unpacked; never more than the limit at any point."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Callable, Optional

from galley_runtime._errors import RequestError

if TYPE_CHECKING:
    from galley_runtime._serve._head import Head
    from galley_runtime._serve._stream import Stream

__all__ = ["decoded", "read_body"]

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\Z")
_CHUNK_LINE_MAX = 256
_TRAILER_MAX = 8 * 1024


def read_body(stream: Stream, head: Head, limit: int, reserve: Callable[[int], None]) -> bytes:
    """The bytes as sent. Raises TOO_LARGE before reading when the length says so, TIMED_OUT, BAD_REQUEST.

    `reserve(total)` is called before so many bytes in all are taken into memory.
    """
    if head.chunked:
        return _read_chunks(stream, limit, reserve)
    length = head.length or 0
    if length > limit:
        raise _too_large(limit, length)
    reserve(length)
    return stream.take(length)


def _read_chunks(stream: Stream, limit: int, reserve: Callable[[int], None]) -> bytes:
    parts = []
    total = 0
    while True:
        match = _CHUNK_SIZE.match(stream.line(_CHUNK_LINE_MAX))
        if match is None:
            raise RequestError("BAD_REQUEST", "The size of a chunk is not a hexadecimal number.")
        size = int(match.group(1), 16)
        if size == 0:
            break
        total += size
        if total > limit:
            raise _too_large(limit)
        reserve(total)
        parts.append(stream.take(size))
        if stream.take(2) != b"\r\n":
            raise RequestError("BAD_REQUEST", "A chunk is longer than its size says.")
    left = _TRAILER_MAX
    while True:  # trailers say nothing that we act upon
        line = stream.line(left)
        if not line:
            return b"".join(parts)
        left -= len(line) + 2


def decoded(body: bytes, encoding: Optional[str], limit: int) -> bytes:
    """The body without its Content-Encoding. A small body that unpacks to a large one is refused at the limit."""
    if not encoding or encoding.lower() == "identity":
        return body
    kind = encoding.lower()
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise RequestError("UNSUPPORTED_TYPE", f"The content encoding {kind} is not read.", "Use gzip or none.")
    # 47: gzip or zlib, by their header; clients mean zlib when they say deflate (RFC 9110 §8.4.1.2).
    unpacker = zlib.decompressobj(47)
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise RequestError("BAD_REQUEST", f"The body is not {kind}, as its Content-Encoding says.") from None
    if len(content) > limit:
        raise _too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise RequestError("BAD_REQUEST", f"The {kind} body is cut off, or something follows it.")
    return content


def _too_large(limit: int, length: Optional[int] = None) -> RequestError:
    said = "more than" if length is None else f"{length:,} bytes, which is more than"
    hint = "Send the rows in several requests, or raise GALLEY_BODY_BYTES_MAX."
    return RequestError("TOO_LARGE", f"The body has {said} the {limit:,} bytes that the service takes.", hint)
