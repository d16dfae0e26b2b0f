"""Targets travel compressed; what they unpack to is signed with them and bounded while unpacking.

The client of python-tuf asks for no content encoding, so the file itself is the compressed one.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any

from .errors import TrustlistError

GZIP, PLAIN = "gzip", "plain"
_WINDOW = 16 + zlib.MAX_WBITS  # a gzip header


def pack(data: bytes, *, compress: bool) -> tuple[bytes, dict[str, Any]]:
    """(bytes to publish, custom field). The same input gives the same bytes: nothing of the clock enters."""
    if not compress:
        return data, {"encoding": PLAIN, "unpacked": len(data)}
    return gzip.compress(data, 9, mtime=0), {"encoding": GZIP, "unpacked": len(data)}


def unpacked_length(custom: object, limit: int) -> int:
    """The signed length after unpacking. TrustlistError `target.limit` above `limit` or when absent."""
    length = custom.get("unpacked") if isinstance(custom, dict) else None
    if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= limit:
        raise TrustlistError("target.limit", "no unpacked length, or one above the limit of its role")
    return length


def unpack(data: bytes, custom: Any, limit: int) -> bytes:
    """The content of a published file, never more than signed. Raises TrustlistError."""
    length = unpacked_length(custom, limit)
    if custom.get("encoding") == PLAIN:
        content = data
    elif custom.get("encoding") == GZIP:
        content = _inflate(data, length)
    else:
        raise TrustlistError("target.encoding", "unknown encoding")
    if len(content) != length:
        raise TrustlistError("target.limit", "the content is not as long as signed")
    return content


def _inflate(data: bytes, length: int) -> bytes:
    """At most `length` + 1 bytes come out, whatever went in."""
    stream = zlib.decompressobj(_WINDOW)
    try:
        content = stream.decompress(data, length + 1)
    except zlib.error as fault:
        raise TrustlistError("target.encoding", "not gzip") from fault
    if not stream.eof or stream.unused_data:
        raise TrustlistError("target.limit", "more content than signed")
    return content
