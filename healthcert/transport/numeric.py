"""The digits of a SMART Health Card code to the text they stand for; chunks joined in any order.

Two digits are one character, its code less 45. All pairs are computed at once: the tens and the units, one
byte each, are read as two large integers. A lane holds at most 99, so lanes never spill into each other.
Source: SMART Health Cards Framework 1.4.0, "Encoding QRs" and "Chunking Larger SHCs" (deprecated, still met).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import DecodeError
from ..limits import MAX_CARD_CHUNKS
from ..verdict import Stage
from .base64url import ALPHABET

PREFIX = "shc:/"
_OFFSET = 45
_FOREIGN = b"\xff"
_VALUES = bytes(code - 48 if 48 <= code < 58 else 0xFF for code in range(256))  # of the digits "0" to "9"
_JWS = frozenset(ALPHABET + b".")
_CHARACTERS = bytes(value + _OFFSET if value + _OFFSET in _JWS else 0xFF for value in range(256))
_CHUNK = re.compile(r"shc:/([1-9][0-9]{0,2})/([1-9][0-9]{0,2})/")


class Missing(NamedTuple):
    """Chunks of a card of `total` of which only `seen` (from 1, in order) are here."""

    total: int
    seen: tuple[int, ...]

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers still to be shown, in order."""
        return tuple(number for number in range(1, self.total + 1) if number not in self.seen)


def assemble(texts: Iterable[str]) -> str | Missing:
    """The JWS text in one code, or in the codes of one set given in any order and as often as one likes.

    Raises DecodeError at Stage.BASE45: `decode.numeric_character`, `decode.numeric_odd`,
    `decode.numeric_pair`, `decode.chunk_number` (number or total beyond bounds), `decode.chunk_mixed`
    (codes of different sets).
    """
    found: dict[int, str] = {}
    total = 0
    for text in texts:
        number, of, digits = _split(text)
        if (total and of != total) or found.get(number, digits) != digits:
            raise DecodeError(Stage.BASE45, "decode.chunk_mixed")
        found[number] = digits
        total = of
    if len(found) < total:
        for digits in found.values():  # a damaged chunk is said at once, not after the last one
            _decode(digits)
        return Missing(total, tuple(sorted(found)))
    return "".join(_decode(found[number]) for number in range(1, total + 1))


def _split(text: str) -> tuple[int, int, str]:
    """(number, total, digits) of one code; a code without numbers is the first of one."""
    if not text.startswith(PREFIX):
        raise DecodeError(Stage.BASE45, "decode.numeric_character")
    chunk = _CHUNK.match(text)
    if chunk is None:
        return 1, 1, text[len(PREFIX) :]
    number, total = int(chunk[1]), int(chunk[2])
    if not number <= total <= MAX_CARD_CHUNKS:
        raise DecodeError(Stage.BASE45, "decode.chunk_number")
    return number, total, text[chunk.end() :]


def _decode(digits: str) -> str:
    values = digits.encode("ascii", "replace").translate(_VALUES)
    if _FOREIGN in values:
        raise DecodeError(Stage.BASE45, "decode.numeric_character")
    if len(values) % 2:
        raise DecodeError(Stage.BASE45, "decode.numeric_odd")
    pairs = 10 * int.from_bytes(values[::2]) + int.from_bytes(values[1::2])
    text = pairs.to_bytes(len(values) // 2).translate(_CHARACTERS)
    if _FOREIGN in text:
        raise DecodeError(Stage.BASE45, "decode.numeric_pair")
    return text.decode("ascii")
