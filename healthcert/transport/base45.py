"""Base45 text to bytes, in time linear in the text.

All triples are computed at once. The digits, one byte each, are read as one large integer whose 24-bit
lanes hold one triple: masking leaves the first, second or third digit of every lane, and one
multiplication per digit place does what a loop would do. A triple is at most
44 + 45*44 + 2025*44 = 91,124 < 2^17, so lanes never spill into each other and the third byte of a lane
is non-zero exactly when the triple exceeds 65,535.
Source: RFC 9285 §4, §6.
"""

from __future__ import annotations

from ..errors import DecodeError
from ..limits import MAX_TEXT_CHARS
from ..verdict import Stage

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_LANES = int.from_bytes(b"\xff\x00\x00" * (MAX_TEXT_CHARS // 3 + 1), "little")
_SPILL = _LANES << 16
_FOREIGN = int.from_bytes(b"\x80" * MAX_TEXT_CHARS, "little")  # the top bit of every digit: 0xFF alone has it
# Division by multiplication. With the reciprocals rounded up, (value * 66,281) >> 27 is value // 2025 for any
# 16-bit value, and (value * 2,913) >> 17 is value // 45 for every value below 2025 (a test goes through
# all of them). The larger product stays below 2^16 * 2^17 = 2^33, so lanes of 40 bits never spill.
_SHIFT_2025, _PER_2025 = 27, 66_281
_SHIFT_45, _PER_45 = 17, 2_913
_WIDE = 5  # bytes a lane
_SIX_BITS = b"\x3f\x00\x00\x00\x00"  # a digit is at most 44
_CHARACTERS = ALPHABET + bytes(256 - len(ALPHABET))
_VALUES = bytes(ALPHABET.index(code) if code in ALPHABET else 0xFF for code in range(256))


def decode(text: str) -> bytes:
    """The bytes `text` stands for. Space is data: nothing is trimmed.

    At most MAX_TEXT_CHARS characters, which the caller has checked.
    Raises DecodeError: `decode.base45_character`, `decode.base45_length`, `decode.base45_overflow`.
    """
    try:
        digits = text.encode("ascii").translate(_VALUES)
    except UnicodeEncodeError:
        raise DecodeError(Stage.BASE45, "decode.base45_character") from None
    number = int.from_bytes(digits, "little")
    if number & _FOREIGN:
        raise DecodeError(Stage.BASE45, "decode.base45_character")
    size = len(digits)
    rest = size % 3
    if rest == 1:
        raise DecodeError(Stage.BASE45, "decode.base45_length")
    total = (number & _LANES) + 45 * (number >> 8 & _LANES) + 2025 * (number >> 16 & _LANES)
    if total & _SPILL:
        raise DecodeError(Stage.BASE45, "decode.base45_overflow")
    lanes = total.to_bytes(size + 1, "little")  # one more, so that two last characters have a whole lane
    out = bytearray((size + 1) // 3 * 2)
    out[0::2] = lanes[1::3]
    out[1::2] = lanes[0:size:3]
    if rest:  # two characters stand for one byte: a lane without a high byte
        if out[-2]:
            raise DecodeError(Stage.BASE45, "decode.base45_overflow")
        del out[-2]
    return bytes(out)


def encode(data: bytes) -> str:
    """The base45 text of `data`; the inverse of `decode`.

    The same way back: each pair of bytes stands in a lane of its own and all pairs are divided at once, by
    multiplying with a reciprocal.
    """
    pairs, rest = divmod(len(data), 2)
    size = _WIDE * pairs
    spread = bytearray(size)
    spread[0::_WIDE] = data[1 : 2 * pairs : 2]
    spread[1::_WIDE] = data[0 : 2 * pairs : 2]
    value = int.from_bytes(spread, "little")
    lanes = int.from_bytes(_SIX_BITS * pairs, "little")
    third = value * _PER_2025 >> _SHIFT_2025 & lanes
    value -= 2025 * third
    second = value * _PER_45 >> _SHIFT_45 & lanes
    first = value - 45 * second
    out = bytearray(3 * pairs)
    for place, digits in enumerate((first, second, third)):
        out[place::3] = digits.to_bytes(size, "little")[0::_WIDE]
    if rest:
        high, low = divmod(data[-1], 45)
        out += bytes((low, high))
    return out.translate(_CHARACTERS).decode("ascii")
