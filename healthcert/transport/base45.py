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
_FOREIGN = b"\xff"
_VALUES = bytes(ALPHABET.index(code) if code in ALPHABET else 0xFF for code in range(256))


def decode(text: str) -> bytes:
    """The bytes `text` stands for. Space is data: nothing is trimmed.

    At most MAX_TEXT_CHARS characters, which the caller has checked.
    Raises DecodeError: `decode.base45_character`, `decode.base45_length`, `decode.base45_overflow`.
    """
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        raise DecodeError(Stage.BASE45, "decode.base45_character") from None
    digits = raw.translate(_VALUES)
    if _FOREIGN in digits:
        raise DecodeError(Stage.BASE45, "decode.base45_character")
    triples, rest = divmod(len(raw), 3)
    if rest == 1:
        raise DecodeError(Stage.BASE45, "decode.base45_length")
    end = 3 * triples
    number = int.from_bytes(digits[:end], "little")
    total = (number & _LANES) + 45 * (number >> 8 & _LANES) + 2025 * (number >> 16 & _LANES)
    if total & _SPILL:
        raise DecodeError(Stage.BASE45, "decode.base45_overflow")
    lanes = total.to_bytes(end, "little")
    out = bytearray(2 * triples)
    out[0::2] = lanes[1::3]
    out[1::2] = lanes[0::3]
    if rest:
        last = digits[end] + 45 * digits[end + 1]
        if last > 255:
            raise DecodeError(Stage.BASE45, "decode.base45_overflow")
        out.append(last)
    return bytes(out)


def encode(data: bytes) -> str:
    """The base45 text of `data`; the inverse of `decode`."""
    out = bytearray()
    for start in range(0, len(data) - 1, 2):
        value = data[start] * 256 + data[start + 1]
        out += bytes((ALPHABET[value % 45], ALPHABET[value // 45 % 45], ALPHABET[value // 2025]))
    if len(data) % 2:
        out += bytes((ALPHABET[data[-1] % 45], ALPHABET[data[-1] // 45]))
    return out.decode("ascii")
