"""Ascending whole numbers as gaps, seven bits a byte, least significant first (LEB128). One spelling each."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import FormatError
from .limits import MAX_VARINT_BYTES

_MORE, _LOW = 0x80, 0x7F


def write_gaps(values: Iterable[int]) -> bytes:
    """Strictly ascending values from 0 on: the first, then each distance less one."""
    out, before = bytearray(), -1
    for value in values:
        gap = value - before - 1
        before = value
        while gap > _LOW:
            out.append(gap & _LOW | _MORE)
            gap >>= 7
        out.append(gap)
    return bytes(out)


def read_gaps(data: bytes, limit: int) -> list[int]:
    """The inverse; every value is below `limit`. Raises FormatError."""
    values: list[int] = []
    before, gap, shift = -1, 0, 0
    for byte in data:
        gap |= (byte & _LOW) << shift
        shift += 7
        if byte & _MORE:
            if shift >= 7 * MAX_VARINT_BYTES:
                raise FormatError("delta.gaps")
            continue
        if byte == 0 and shift > 7:  # a longer spelling of a smaller number
            raise FormatError("delta.gaps")
        before += gap + 1
        if before >= limit:
            raise FormatError("delta.gaps")
        values.append(before)
        gap = shift = 0
    if shift:
        raise FormatError("delta.gaps")
    return values
