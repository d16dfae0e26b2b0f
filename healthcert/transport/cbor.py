"""A small CBOR reader for what arrives unsigned: no tag has an effect, nothing is allocated on a promise.

`cbor2` resolves tags while reading (regular expressions, shared references, big numbers), forgives
duplicate keys and trailing bytes. This reader does none of that, so it reads the COSE envelope, and the
few signed payloads that hold anything beyond plain JSON types.
Source: RFC 8949 §3, §5.6 (duplicate keys make a map invalid).
"""

from __future__ import annotations

import struct
from typing import Any

from ..limits import MAX_CBOR_DEPTH, MAX_CBOR_ITEMS

_FLOATS = {25: ("!e", 2), 26: ("!f", 4), 27: ("!d", 8)}
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None, 23: None}
_BREAK = 0xFF


class CborError(ValueError):
    """The bytes are not CBOR, or CBOR beyond our bounds; `args[0]` is one of the words used below."""


class Reader:
    """Reads items one after the other from `data`, from `position` on."""

    __slots__ = ("data", "items", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.items = 0

    def head(self) -> tuple[int, int, int | None]:
        """(major type, additional information, argument; None = indefinite length)."""
        try:
            initial = self.data[self.position]
        except IndexError:
            raise CborError("truncated") from None
        major, info = initial >> 5, initial & 31
        self.position += 1
        if info < 24:
            return major, info, info
        if info < 28:
            size = 1 << (info - 24)
            return major, info, int.from_bytes(self._take(size), "big")
        if info == 31 and major in (2, 3, 4, 5):
            return major, info, None
        raise CborError("malformed")

    def at_end(self) -> bool:
        """True when nothing is left."""
        return self.position == len(self.data)

    def byte_string(self) -> bytes:
        """The next item, which must be a byte string of definite length. Raises CborError."""
        major, _, argument = self.head()
        if major != 2 or argument is None:
            raise CborError("malformed")
        return self._take(argument)

    def item(self, depth: int = 0) -> Any:
        """The next item. Tags are read through: the tagged value stands for itself.

        Raises CborError: truncated, malformed, too_deep, too_many, duplicate_key, text.
        """
        if depth > MAX_CBOR_DEPTH:
            raise CborError("too_deep")
        self.items += 1
        if self.items > MAX_CBOR_ITEMS:
            raise CborError("too_many")
        major, info, argument = self.head()
        if major == 0:
            return argument
        if major == 1:
            return -1 - (argument or 0)
        if major == 2:
            return self._take(argument) if argument is not None else b"".join(self._chunks(2))
        if major == 3:
            return self._text(argument)
        if major == 4:
            return self._array(argument, depth)
        if major == 5:
            return self._map(argument, depth)
        if major == 6:
            return self.item(depth + 1)
        return self._simple(info, argument)

    def _take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.data):
            raise CborError("truncated")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def _chunks(self, kind: int) -> list[bytes]:
        chunks: list[bytes] = []
        while not self._at_break():
            major, _, argument = self.head()
            if major != kind or argument is None:
                raise CborError("malformed")
            self.items += 1
            if self.items > MAX_CBOR_ITEMS:
                raise CborError("too_many")
            chunks.append(self._take(argument))
        return chunks

    def _at_break(self) -> bool:
        if self.at_end():
            raise CborError("truncated")
        if self.data[self.position] == _BREAK:
            self.position += 1
            return True
        return False

    def _text(self, size: int | None) -> str:
        raw = [self._take(size)] if size is not None else self._chunks(3)
        try:
            return "".join(chunk.decode("utf-8") for chunk in raw)
        except UnicodeDecodeError:
            raise CborError("text") from None

    def _array(self, size: int | None, depth: int) -> list[Any]:
        if size is None:
            values = []
            while not self._at_break():
                values.append(self.item(depth + 1))
            return values
        self._promise(size)
        return [self.item(depth + 1) for _ in range(size)]

    def _map(self, size: int | None, depth: int) -> dict[int | str | bytes, Any]:
        if size is not None:
            self._promise(2 * size)
        out: dict[int | str | bytes, Any] = {}
        left = size
        while not self._at_break() if left is None else left > 0:
            key = self.item(depth + 1)
            if type(key) not in (int, str, bytes):
                raise CborError("malformed")
            if key in out:
                raise CborError("duplicate_key")
            out[key] = self.item(depth + 1)
            if left is not None:
                left -= 1
        return out

    def _promise(self, items: int) -> None:
        # every item takes at least one byte: a larger promise cannot be kept
        if items > len(self.data) - self.position:
            raise CborError("truncated")

    def _simple(self, info: int, argument: int | None) -> Any:
        if info in _FLOATS:
            layout, size = _FLOATS[info]
            return struct.unpack(layout, self.data[self.position - size : self.position])[0]
        if info in _SIMPLE and argument is not None:
            return _SIMPLE[info]
        raise CborError("malformed")
