"""Inflate, bounded while inflating: a bomb costs no more memory than the bound.

Source: RFC 1950; hcert-spec §4.2.1 (ZLIB is mandatory). RFC 1951 for what has no zlib header.
"""

from __future__ import annotations

import zlib

from ..errors import DecodeError
from ..limits import MAX_INFLATED_BYTES
from ..verdict import Stage

_RAW = -zlib.MAX_WBITS  # negative: a bare deflate stream, no header and no checksum


def inflate(data: bytes) -> bytes:
    """The bytes inside one complete zlib stream with nothing behind it.

    Raises DecodeError: `decode.zlib`, `decode.zlib_too_large`, `decode.zlib_truncated`,
    `decode.zlib_trailing`.
    """
    return _bounded(data, zlib.MAX_WBITS, MAX_INFLATED_BYTES)


def inflate_raw(data: bytes, limit: int) -> bytes:
    """At most `limit` bytes out of one complete raw deflate stream; raises as `inflate` does."""
    return _bounded(data, _RAW, limit)


def _bounded(data: bytes, window_bits: int, limit: int) -> bytes:
    stream = zlib.decompressobj(window_bits)
    try:
        out = stream.decompress(data, limit + 1)
    except zlib.error:
        raise DecodeError(Stage.ZLIB, "decode.zlib") from None
    if len(out) > limit:
        raise DecodeError(Stage.ZLIB, "decode.zlib_too_large")
    if not stream.eof:
        raise DecodeError(Stage.ZLIB, "decode.zlib_truncated")
    if stream.unused_data:
        raise DecodeError(Stage.ZLIB, "decode.zlib_trailing")
    return out
