"""Our own certificates: one bit each, a mapped file per generation.

    magic 'CXOB' | version u16 | log2 of the bits of a shard u16 | generation u64 | shards u32
    directory, sorted, a row each: issuer 16 s | month u32 | serial u32 | set bits u32 | mix 32 s
    zeros up to a multiple of 4096 | the shards' bits, least significant first

Numbers are big-endian. Exact: one bit, one certificate. What is not in here cannot be decided.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path

from .errors import FormatError
from .fingerprint import Fingerprint
from .layout import ALIGN, map_file, pack_fingerprint, read_fingerprint
from .limits import MAX_SHARDS, SHARD_BITS
from .shard_id import Shard, shard_from_code

MAGIC, VERSION = b"CXOB", 1
_HEADER = struct.Struct(">4sHHQI")
_CODE, _ROW = 24, 60


class Standing(Enum):
    """What the lists say about one certificate of ours."""

    NOT_REVOKED = "not_revoked"
    REVOKED = "revoked"
    CANNOT_DECIDE = "cannot_decide"


class ShardFile:
    """One generation, mapped. Any number of readers; nothing in it ever changes."""

    __slots__ = ("_data", "_offsets", "fingerprints", "generation", "shard_bits")

    def __init__(self, path: Path) -> None:
        """Raises FormatError."""
        self._data = map_file(path, _HEADER.size)
        magic, version, bits, generation, count = _HEADER.unpack_from(self._data)
        if magic != MAGIC or version != VERSION or not 3 <= bits <= SHARD_BITS or count > MAX_SHARDS:
            raise FormatError("shards.header")
        size, first = 1 << bits >> 3, _first(count)
        if len(self._data) != first + count * size:
            raise FormatError("shards.length")
        self.generation, self.shard_bits = int(generation), int(bits)
        self._offsets: dict[Shard, int] = {}
        self.fingerprints: dict[Shard, Fingerprint] = {}
        before = b""
        for number in range(count):
            row = self._row(number)
            code = row[:_CODE]
            if code <= before:
                raise FormatError("shards.order")
            before = code
            shard = shard_from_code(code)
            self._offsets[shard] = first + number * size
            self.fingerprints[shard] = read_fingerprint(row[_CODE:])

    def _row(self, number: int) -> bytes:
        begins = _HEADER.size + number * _ROW
        return self._data[begins : begins + _ROW]

    def bit(self, shard: Shard, index: int) -> bool | None:
        """Whether the bit is set; None: no such shard or index."""
        offset = self._offsets.get(shard)
        if offset is None or not 0 <= index < 1 << self.shard_bits:
            return None
        return bool(self._data[offset + (index >> 3)] >> (index & 7) & 1)

    def bits_of(self, shard: Shard) -> bytes:
        """All bits of a shard; of one that is not here, all zero."""
        size, offset = 1 << self.shard_bits >> 3, self._offsets.get(shard)
        return bytes(size) if offset is None else self._data[offset : offset + size]


def _first(count: int) -> int:
    return -(-(_HEADER.size + count * _ROW) // ALIGN) * ALIGN


def changed(bits: bytes, changes: Mapping[int, bool]) -> bytes:
    """The bits of a shard with some of them set or cleared."""
    new = bytearray(bits)
    for index, value in changes.items():
        if value:
            new[index >> 3] |= 1 << (index & 7)
        else:
            new[index >> 3] &= ~(1 << (index & 7))
    return bytes(new)


def indices_of(bits: bytes) -> Iterator[int]:
    """Every set bit, ascending."""
    for place, value in enumerate(bits):
        if value:
            yield from (place << 3 | bit for bit in range(8) if value >> bit & 1)


def write_shards(
    generation: int, shard_bits: int, rows: Collection[tuple[Shard, Fingerprint]], bits: Iterable[bytes]
) -> Iterator[bytes]:
    """The bytes of a file: `rows` sorted by shard, `bits` of each in the same order."""
    head = _HEADER.pack(MAGIC, VERSION, shard_bits, generation, len(rows))
    head += b"".join(shard.code + pack_fingerprint(mark) for shard, mark in rows)
    yield head.ljust(_first(len(rows)), b"\0")
    yield from bits
