"""What leads from older states to a newer one: every position that changed, with the value it has now.

Built from differences of published states, never from a log of events. A cumulative delta names a position
also when it was changed and changed back: a kiosk that joined in between needs to hear of it. Values are
absolute, so a delta leads to the same state from every epoch it covers.

Canonical CBOR, a map: 0 version | 1 from | 2 to | 3 horizon (day) | 4 open shards afterwards
| 5 shards opened (24 bytes each) | 6 bits set | 7 bits cleared (gaps; a position is the shard's place in the
sorted directory afterwards, times its bits, plus the index) | 8 foreign added (day: sorted keys)
| 9 removed (sorted keys)
| 10 own and 11 foreign fingerprint afterwards. Shards and foreign entries that end before the horizon leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cbor2

from healthcert.transport.cbor import CborError, Reader

from .errors import FormatError
from .fingerprint import MIX_BYTES, Fingerprint
from .layout import pack_fingerprint, read_fingerprint
from .limits import (
    FOREVER,
    KEY_BYTES,
    MAX_CLASSES,
    MAX_DELTA_BYTES,
    MAX_DELTA_ENTRIES,
    MAX_EPOCH,
    MAX_SHARDS,
    SHARD_BITS,
)
from .shard_id import Shard, shard_from_code
from .varint import read_gaps, write_gaps

VERSION = 1
REMOVED = -1
_CODE = 24
_MARK = 4 + MIX_BYTES


@dataclass(frozen=True, slots=True)
class Delta:
    """`bits`: shard, index -> set; `foreign`: key -> last day, or REMOVED."""

    from_epoch: int
    to_epoch: int
    horizon: int
    own: Fingerprint
    hashes: Fingerprint
    opened: frozenset[Shard] = frozenset()
    bits: Mapping[Shard, Mapping[int, bool]] = field(default_factory=dict)
    foreign: Mapping[bytes, int] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """How many positions are named."""
        return sum(map(len, self.bits.values())) + len(self.foreign)


@dataclass(frozen=True, slots=True)
class Packed:
    """A delta as received, wholly parsed; its positions mean something only beside a directory."""

    from_epoch: int
    to_epoch: int
    horizon: int
    own: Fingerprint
    hashes: Fingerprint
    shards: int
    opened: frozenset[Shard]
    set_: Sequence[int]
    cleared: Sequence[int]
    foreign: Mapping[bytes, int]

    def unpack(self, directory: Sequence[Shard], shard_bits: int) -> Delta:
        """With names for positions; `directory` is sorted and as it is afterwards. Raises FormatError."""
        if len(directory) != self.shards:
            raise FormatError("delta.directory")
        bits: dict[Shard, dict[int, bool]] = {}
        mask = (1 << shard_bits) - 1
        for positions, value in ((self.set_, True), (self.cleared, False)):
            for position in positions:
                place = position >> shard_bits
                if place >= len(directory):
                    raise FormatError("delta.position")
                bits.setdefault(directory[place], {})[position & mask] = value
        epochs = (self.from_epoch, self.to_epoch, self.horizon)
        return Delta(*epochs, self.own, self.hashes, self.opened, bits, self.foreign)


def compose(first: Delta, then: Delta) -> Delta:
    """The one delta that does what both do in turn; covers whoever either covers."""
    if then.from_epoch > first.to_epoch:
        raise ValueError("a gap between deltas")
    horizon = then.horizon
    bits: dict[Shard, Mapping[int, bool]] = {}
    for shard in {**first.bits, **then.bits}:
        if shard.last_day >= horizon:
            bits[shard] = {**first.bits.get(shard, {}), **then.bits.get(shard, {})}
    foreign = {
        key: day if day >= horizon else REMOVED for key, day in {**first.foreign, **then.foreign}.items()
    }
    opened = frozenset(shard for shard in first.opened | then.opened if shard.last_day >= horizon)
    epochs = (min(first.from_epoch, then.from_epoch), then.to_epoch, horizon)
    return Delta(*epochs, then.own, then.hashes, opened, bits, foreign)


def encode(delta: Delta, directory: Sequence[Shard], shard_bits: int) -> bytes:
    """The published bytes; `directory` as of `to_epoch`. Raises FormatError beyond the limits."""
    places = {shard: place << shard_bits for place, shard in enumerate(directory)}
    positions: dict[bool, list[int]] = {True: [], False: []}
    for shard, changes in delta.bits.items():
        for index, value in changes.items():
            positions[value].append(places[shard] + index)
    days: dict[int, list[bytes]] = {}
    for key, day in delta.foreign.items():
        days.setdefault(day, []).append(key)
    removed = days.pop(REMOVED, [])
    wire = {
        0: VERSION,
        1: delta.from_epoch,
        2: delta.to_epoch,
        3: delta.horizon,
        4: len(directory),
        5: b"".join(sorted(shard.code for shard in delta.opened)),
        6: write_gaps(sorted(positions[True])),
        7: write_gaps(sorted(positions[False])),
        8: {day: b"".join(sorted(keys)) for day, keys in days.items()},
        9: b"".join(sorted(removed)),
        10: pack_fingerprint(delta.own),
        11: pack_fingerprint(delta.hashes),
    }
    data: bytes = cbor2.dumps(wire, canonical=True)
    if len(data) > MAX_DELTA_BYTES or delta.changes > MAX_DELTA_ENTRIES or len(days) > MAX_CLASSES:
        raise FormatError("delta.limit")
    return data


def decode(data: bytes) -> Packed:
    """Parse a delta wholly. Raises FormatError; costs at most in proportion to its size."""
    wire = _wire(data)
    first, last, horizon = (
        _number(wire[place], top) for place, top in ((1, MAX_EPOCH), (2, MAX_EPOCH), (3, FOREVER))
    )
    shards = _number(wire[4], MAX_SHARDS)
    if first > last:
        raise FormatError("delta.epochs")
    opened = frozenset(map(shard_from_code, _rows(wire[5], _CODE)))
    if len(opened) > MAX_SHARDS or any(shard.last_day < horizon for shard in opened):
        raise FormatError("delta.opened")
    limit = MAX_SHARDS << SHARD_BITS
    on, off = (read_gaps(_bytes(wire[place]), limit) for place in (6, 7))
    foreign = _foreign(wire[8], wire[9], horizon)
    if len(on) + len(off) + len(foreign) > MAX_DELTA_ENTRIES or not set(on).isdisjoint(off):
        raise FormatError("delta.limit")
    own, hashes = (_mark(wire[place]) for place in (10, 11))
    return Packed(first, last, horizon, own, hashes, shards, opened, on, off, foreign)


def _wire(data: bytes) -> Mapping[Any, Any]:
    if len(data) > MAX_DELTA_BYTES:
        raise FormatError("delta.limit")
    reader = Reader(data)
    try:
        wire = reader.item()
    except CborError as fault:
        raise FormatError("delta.cbor") from fault
    if not isinstance(wire, dict) or set(wire) != set(range(12)) or type(wire[0]) is not int:
        raise FormatError("delta.shape")
    if wire[0] != VERSION:
        raise FormatError("delta.version")
    if not reader.at_end() or cbor2.dumps(wire, canonical=True) != data:
        raise FormatError("delta.not_canonical")
    return wire


def _foreign(added: object, removed: object, horizon: int) -> dict[bytes, int]:
    if not isinstance(added, dict) or len(added) > MAX_CLASSES:
        raise FormatError("delta.classes")
    foreign = dict.fromkeys(_rows(removed, KEY_BYTES), REMOVED)
    for day, keys in added.items():
        ends = _number(day, FOREVER)
        if ends < horizon or not keys:
            raise FormatError("delta.classes")
        rows = _rows(keys, KEY_BYTES)
        together = len(foreign) + len(rows)
        foreign.update(dict.fromkeys(rows, ends))
        if len(foreign) != together:
            raise FormatError("delta.keys")
    return foreign


def _rows(data: object, size: int) -> list[bytes]:
    """Rows of `size` bytes, strictly ascending."""
    raw = _bytes(data)
    rows = [raw[begins : begins + size] for begins in range(0, len(raw), size)]
    if len(raw) % size or any(one >= other for one, other in pairwise(rows)):
        raise FormatError("delta.rows")
    return rows


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise FormatError("delta.shape")
    return value


def _number(value: object, top: int) -> int:
    if type(value) is not int or not 0 <= value <= top:
        raise FormatError("delta.number")
    return value


def _mark(value: object) -> Fingerprint:
    raw = _bytes(value)
    if len(raw) != _MARK:
        raise FormatError("delta.fingerprint")
    return read_fingerprint(raw)


def span(deltas: Iterable[Delta]) -> Delta:
    """Several deltas in turn as one. Raises ValueError if there is none."""
    whole: Delta | None = None
    for delta in deltas:
        whole = delta if whole is None else compose(whole, delta)
    if whole is None:
        raise ValueError("no delta")
    return whole
