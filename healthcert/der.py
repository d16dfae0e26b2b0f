"""Distinguished Encoding Rules, walked before anything is believed about the content.

Two readers that disagree about a length read two certificates in the same bytes; so lengths are definite
and minimal, every element ends inside its parent, and nothing stands behind the last one.
Source: ITU-T X.690 §8.1, §10.1, §10.2.
"""

from __future__ import annotations

from .limits import MAX_DER_DEPTH

_CONSTRUCTED = 0x20
_UNIVERSAL_LIMIT = 0x40  # class bits 00
_SEQUENCE, _SET = 0x30, 0x31
_MAX_LENGTH_BYTES = 4  # 4 GiB: far beyond every limit on what is read


class DerError(ValueError):
    """The bytes are not one DER element."""


def element(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """(tag byte, start of the content, end of the content) of the element at `position`.

    Raises DerError when it does not lie before `end` whole.
    """
    start = position + 2
    if start > end:
        raise DerError("truncated")
    tag, length = data[position], data[position + 1]
    if tag & 0x1F == 0x1F:
        raise DerError("long tag")  # nothing X.509 defines has one
    if length >= 0x80:
        count = length & 0x7F
        start += count
        if not 0 < count <= _MAX_LENGTH_BYTES or start > end:
            raise DerError("length")
        length = int.from_bytes(data[start - count : start], "big")
        if length < 0x80 or length >> 8 * (count - 1) == 0:
            raise DerError("length")
    if start + length > end:
        raise DerError("truncated")
    return tag, start, start + length


def check(data: bytes) -> None:
    """Raises DerError unless `data` is exactly one element, well-formed through every level."""
    position, ends = 0, [len(data)]
    while ends:
        tag, start, end = element(data, position, ends[-1])
        if len(ends) == 1 and end != len(data):
            raise DerError("trailing")
        if tag & _CONSTRUCTED:
            if tag < _UNIVERSAL_LIMIT and tag not in (_SEQUENCE, _SET):
                raise DerError("constructed string")
            if len(ends) > MAX_DER_DEPTH:
                raise DerError("too deep")
            ends.append(end)
            position = start
        else:
            position = end
        while ends and position == ends[-1]:
            ends.pop()


def children(data: bytes) -> list[bytes]:
    """The elements inside the one element `data`, each whole with its head. Raises DerError."""
    _, position, end = element(data, 0, len(data))
    found = []
    while position < end:
        _, _, behind = element(data, position, end)
        found.append(data[position:behind])
        position = behind
    return found


def content(data: bytes) -> bytes:
    """The content of the one element `data`. Raises DerError."""
    _, start, end = element(data, 0, len(data))
    return data[start:end]
