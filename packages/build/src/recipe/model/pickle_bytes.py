"""The bytes of a pickle, decompressed in bounded pieces, and the errors of reading it."""

import bz2
import lzma
import time
import zlib

CHUNK = 1 << 20
#: Longer texts are passed over: no name of a module or a class is.
TEXT_MAX = 300
CPU_SECONDS = 15
#: Of another compressor: the file cannot be read with what every Python has.
LZ4 = b"\x04\x22\x4d\x18"


class NotPickle(Exception):
    """The bytes are no pickle, or end before it does."""


class CannotTell(Exception):
    """It may be one, and is beyond what is read here."""


class Bytes:
    """The file, decompressed in bounded pieces. `size`: how many bytes were taken so far."""

    def __init__(self, pieces):
        self._pieces = pieces
        self._held = b""
        self._at = 0
        self.size = 0

    def read(self, count):
        """Exactly so many bytes, which are few."""
        while len(self._held) - self._at < count:
            piece = next(self._pieces, None)
            if piece is None:
                raise NotPickle("it ends at byte %d, in the middle" % (self.size + len(self._held) - self._at))
            self._held, self._at = self._held[self._at :] + piece, 0
        taken = self._held[self._at : self._at + count]
        self._at += count
        self.size += count
        return taken

    def skip(self, count):
        while count > 0:
            check_time()
            step = min(count, CHUNK)
            self.read(step)
            count -= step

    def text(self, count):
        """A text of so many bytes; None: it is long, and was passed over."""
        if count > TEXT_MAX:
            self.skip(count)
            return None
        return self.read(count).decode("utf-8", "replace")

    def line(self):
        taken = bytearray()
        while True:
            byte = self.read(1)
            if byte == b"\n":
                return taken.decode("utf-8", "replace") if len(taken) <= TEXT_MAX else None
            if len(taken) <= TEXT_MAX:
                taken += byte

    def number(self, count, signed=False):
        return int.from_bytes(self.read(count), "little", signed=signed)


def check_time():
    if time.process_time() > CPU_SECONDS:
        raise CannotTell("it takes longer than %d s to read" % CPU_SECONDS)


def plain(file, head):
    yield head
    while True:
        piece = file.read(CHUNK)
        if not piece:
            return
        yield piece


def decompressed(file, head, decompress, broken):
    """Pieces of bounded size, however well they were compressed."""
    fed = head
    try:
        while True:
            piece = decompress(fed, CHUNK)
            if piece:
                yield piece
            if decompress.__self__.eof:
                return
            fed = waiting(decompress.__self__)
            if not piece and not fed:
                fed = file.read(CHUNK)
                if not fed:
                    return
    except broken as error:
        raise NotPickle("it cannot be decompressed: %s" % error)


def waiting(decompressor):
    """What a decompressor of zlib hands back because the piece was full; the others keep it."""
    left = getattr(decompressor, "unconsumed_tail", None)
    return b"" if left is None else left


def open_bytes(file):
    head = file.read(CHUNK)
    if head[:4] == LZ4:
        raise CannotTell("it is compressed with lz4")
    if head[:2] == b"\x1f\x8b" or head[:1] == b"\x78":
        return Bytes(decompressed(file, head, zlib.decompressobj(47).decompress, zlib.error))
    if head[:3] == b"BZh":
        return Bytes(decompressed(file, head, bz2.BZ2Decompressor().decompress, (OSError, ValueError)))
    if head[:6] == b"\xfd7zXZ\x00" or head[:3] == b"\x5d\x00\x00":
        unpacker = lzma.LZMADecompressor(memlimit=256 << 20)
        return Bytes(decompressed(file, head, unpacker.decompress, lzma.LZMAError))
    return Bytes(plain(file, head))
