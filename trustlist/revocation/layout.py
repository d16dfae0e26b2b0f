"""What both kinds of file share: mapped read-only, and measured before anything in them is believed."""

from __future__ import annotations

import mmap
from pathlib import Path

from .errors import FormatError
from .fingerprint import MIX_BYTES, Fingerprint

ALIGN = 4_096  # a page: no shard straddles more pages than it must


def map_file(path: Path, at_least: int) -> mmap.mmap:
    """The file's bytes. Raises FormatError if it is absent, unreadable or shorter than `at_least`."""
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as fault:  # ValueError: an empty file cannot be mapped
        raise FormatError("file.unreadable") from fault
    if len(mapped) < at_least:
        raise FormatError("file.short")
    return mapped


def pack_fingerprint(value: Fingerprint) -> bytes:
    """36 bytes: size, mix."""
    return value.size.to_bytes(4, "big") + value.mix.to_bytes(MIX_BYTES, "big")


def read_fingerprint(data: bytes) -> Fingerprint:
    """The inverse."""
    return Fingerprint(int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big"))
