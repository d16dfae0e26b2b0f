"""Inflate, bounded while inflating: a bomb costs no more memory than the bound.

Source: RFC 1950; hcert-spec §4.2.1 (ZLIB is mandatory).
"""

from __future__ import annotations

import zlib

from ..errors import DecodeError
from ..limits import MAX_INFLATED_BYTES
from ..verdict import Stage


def inflate(data: bytes) -> bytes:
    """The bytes inside one complete zlib stream with nothing behind it.

    Raises DecodeError: `decode.zlib`, `decode.zlib_too_large`, `decode.zlib_truncated`,
    `decode.zlib_trailing`.
    """
    stream = zlib.decompressobj()
    try:
        out = stream.decompress(data, MAX_INFLATED_BYTES + 1)
    except zlib.error:
        raise DecodeError(Stage.ZLIB, "decode.zlib") from None
    if len(out) > MAX_INFLATED_BYTES:
        raise DecodeError(Stage.ZLIB, "decode.zlib_too_large")
    if not stream.eof:
        raise DecodeError(Stage.ZLIB, "decode.zlib_truncated")
    if stream.unused_data:
        raise DecodeError(Stage.ZLIB, "decode.zlib_trailing")
    return out
