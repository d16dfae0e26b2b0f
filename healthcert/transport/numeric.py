"""The digits of a SMART Health Card code to the text they stand for; chunks joined in any order.

Two digits are one character, its code less 45. All pairs are read at once, as if they were hexadecimal: the
byte with the tens in its upper and the units in its lower half is then looked up.
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
_DIGITS = "0123456789"
_JWS = frozenset(ALPHABET + b".")
# By pair read as hexadecimal: 0x45 is 45, 0x5A no pair of digits.
_CHARACTERS = bytes(
    10 * tens + units + _OFFSET if max(tens, units) < 10 and 10 * tens + units + _OFFSET in _JWS else 0xFF
    for tens in range(16)
    for units in range(16)
)
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
    try:
        text = bytes.fromhex(digits).translate(_CHARACTERS)
    except ValueError:
        raise _fault(digits) from None
    if _FOREIGN in text or 2 * len(text) != len(digits):  # fromhex passes over whitespace
        raise _fault(digits)
    return text.decode("ascii")


def _fault(digits: str) -> DecodeError:
    """What is wrong with digits that could not be read."""
    word = "character" if digits.strip(_DIGITS) else "odd" if len(digits) % 2 else "pair"
    return DecodeError(Stage.BASE45, f"decode.numeric_{word}")
