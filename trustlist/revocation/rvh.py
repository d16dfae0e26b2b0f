"""Foreign certificates: sorted 80-bit keys with the day each lasts until, a mapped file per generation.

    magic 'CXRV' | version u16 | bytes of a key u8 | bits of the prefix u8 | generation u64 | entries u32
    | classes u16, then a row each, sorted: day u32 | entries u32 | mix 32 s
    2^prefix + 1 offsets u32 | records, sorted: the key without its prefix | class u8

Numbers are big-endian. A look-up reads two offsets and bisects one bucket: one or two pages of the file.
"""

from __future__ import annotations

import operator
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from .errors import FormatError
from .fingerprint import Fingerprint
from .layout import map_file, pack_fingerprint, read_fingerprint
from .limits import FOREVER, KEY_BYTES, MAX_CLASSES, MAX_FOREIGN, PREFIX_BITS

MAGIC, VERSION = b"CXRV", 1
_HEADER = struct.Struct(">4sHBBQIH")
_PAIR = struct.Struct(">II")
_ROW = 40
_ALL_CLASSES = 256


class HashFile:
    """One generation, mapped. Any number of readers; nothing in it ever changes."""

    __slots__ = (
        "_data",
        "_days",
        "_first",
        "_prefix",
        "_record",
        "_table",
        "count",
        "fingerprints",
        "generation",
    )

    def __init__(self, path: Path) -> None:
        """Raises FormatError."""
        self._data = map_file(path, _HEADER.size)
        magic, version, kept, prefix_bits, generation, count, classes = _HEADER.unpack_from(self._data)
        if (magic, version, kept) != (MAGIC, VERSION, KEY_BYTES) or prefix_bits not in (8, PREFIX_BITS):
            raise FormatError("hashes.header")
        if count > MAX_FOREIGN or classes > MAX_CLASSES:
            raise FormatError("hashes.limit")
        self.generation, self.count = int(generation), int(count)
        self._prefix = int(prefix_bits) >> 3
        self._record = KEY_BYTES - self._prefix + 1
        self._table = _HEADER.size + classes * _ROW
        self._first = self._table + 4 * ((1 << prefix_bits) + 1)
        if len(self._data) != self._first + count * self._record:
            raise FormatError("hashes.length")
        self.fingerprints = self._classes(classes)
        days = list(self.fingerprints)
        # A class without a row cannot be in a file whose hash was right; if it is, it never ends.
        self._days = days + [FOREVER] * (_ALL_CLASSES - len(days))
        self._check_table()

    @property
    def prefix_bits(self) -> int:
        """8 or 16."""
        return self._prefix << 3

    @property
    def record_bytes(self) -> int:
        """The rest of a key, and its class."""
        return self._record

    def _classes(self, classes: int) -> dict[int, Fingerprint]:
        found: dict[int, Fingerprint] = {}
        before = -1
        for number in range(classes):
            begins = _HEADER.size + number * _ROW
            row = self._data[begins : begins + _ROW]
            day = int.from_bytes(row[:4], "big")
            if day <= before:
                raise FormatError("hashes.classes")
            before = day
            found[day] = read_fingerprint(row[4:])
        if sum(mark.size for mark in found.values()) != self.count:
            raise FormatError("hashes.classes")
        return found

    def _check_table(self) -> None:
        """Offsets that never fall and end at the count: then no look-up leaves the file."""
        offsets = array("I", self._data[self._table : self._first])
        if sys.byteorder == "little":
            offsets.byteswap()
        if offsets[0] != 0 or offsets[-1] != self.count or not all(map(operator.le, offsets, offsets[1:])):
            raise FormatError("hashes.table")

    def day_of(self, key: bytes) -> int | None:
        """The day the entry lasts until; None: not listed."""
        width, data = self._record, self._data
        low, high = _PAIR.unpack_from(data, self._table + 4 * int.from_bytes(key[: self._prefix], "big"))
        suffix = key[self._prefix :]
        size = width - 1
        while low < high:
            middle = (low + high) >> 1
            begins = self._first + middle * width
            found = data[begins : begins + size]
            if found < suffix:
                low = middle + 1
            elif found > suffix:
                high = middle
            else:
                return int(self._days[data[begins + size]])
        return None

    def bucket(self, prefix: int) -> bytes:
        """The records of one prefix."""
        low, high = _PAIR.unpack_from(self._data, self._table + 4 * prefix)
        return self._data[self._first + low * self._record : self._first + high * self._record]

    def bucket_size(self, prefix: int) -> int:
        """How many records one prefix has."""
        low, high = _PAIR.unpack_from(self._data, self._table + 4 * prefix)
        return int(high - low)

    def entries(self) -> Iterator[tuple[bytes, int]]:
        """Every (key, day), sorted by key."""
        width = self._record
        for prefix in range(1 << self.prefix_bits):
            head, records = prefix.to_bytes(self._prefix, "big"), self.bucket(prefix)
            for begins in range(0, len(records), width):
                key = head + records[begins : begins + width - 1]
                yield key, self._days[records[begins + width - 1]]


def write_hashes(
    generation: int,
    prefix_bits: int,
    classes: Sequence[tuple[int, Fingerprint]],
    sizes: Sequence[int],
    buckets: Iterable[bytes],
) -> Iterator[bytes]:
    """The bytes of a file: `classes` sorted by day, how many records each prefix has, and the records.

    Raises FormatError beyond the limits.
    """
    count = sum(sizes)
    if len(classes) > MAX_CLASSES or count > MAX_FOREIGN:
        raise FormatError("hashes.limit")
    yield _HEADER.pack(MAGIC, VERSION, KEY_BYTES, prefix_bits, generation, count, len(classes))
    yield b"".join(day.to_bytes(4, "big") + pack_fingerprint(mark) for day, mark in classes)
    offsets = array("I", accumulate(sizes, initial=0))
    if sys.byteorder == "little":
        offsets.byteswap()
    yield offsets.tobytes()
    yield from buckets
