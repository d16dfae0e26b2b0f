"""Base45 text to bytes, in time linear in the text.

All triples are computed at once: the three digits of every triple are spread over 32-bit lanes of three
large integers, and one multiplication per digit place does what a loop would do. A triple is at most
44 + 45*44 + 2025*44 = 91,124 < 2^17, so lanes never spill into each other and the third byte of a lane
is non-zero exactly when the triple exceeds 65,535.
Source: RFC 9285 §4, §6.
"""

from __future__ import annotations

from ..errors import DecodeError
from ..verdict import Stage

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = bytes(max(ALPHABET.find(code), 0) for code in range(256))


def decode(text: str) -> bytes:
    """The bytes `text` stands for. Space is data: nothing is trimmed.

    Raises DecodeError: `decode.base45_character`, `decode.base45_length`, `decode.base45_overflow`.
    """
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        raise DecodeError(Stage.BASE45, "decode.base45_character") from None
    if raw.translate(None, ALPHABET):
        raise DecodeError(Stage.BASE45, "decode.base45_character")
    triples, rest = divmod(len(raw), 3)
    if rest == 1:
        raise DecodeError(Stage.BASE45, "decode.base45_length")
    digits = raw.translate(_VALUES)
    end = 3 * triples
    total = 0
    for place, weight in enumerate((1, 45, 2025)):
        lanes = bytearray(4 * triples)
        lanes[0::4] = digits[place:end:3]
        total += weight * int.from_bytes(lanes, "little")
    words = total.to_bytes(4 * triples, "little")
    if words[2::4].strip(b"\0"):
        raise DecodeError(Stage.BASE45, "decode.base45_overflow")
    out = bytearray(2 * triples)
    out[0::2] = words[1::4]
    out[1::2] = words[0::4]
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
