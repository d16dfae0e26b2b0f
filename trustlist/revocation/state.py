"""The revocations in force at one epoch: two mapped files and what changed since they were written.

Frozen in use: a change makes a new state, so a scan that holds one sees one list from start to end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from healthcert.revocation import HashType

from .delta import REMOVED, Delta, Packed
from .errors import DeltaRefused
from .fingerprint import Fingerprint, foreign_entry, own_entry, shard_entry
from .hashes import is_over, key_of
from .limits import MAX_CLASSES, MAX_OVERLAY, MAX_SHARDS
from .rvh import HashFile
from .shard_id import Shard
from .shards import ShardFile, Standing


class Base(NamedTuple):
    """One generation: what its two files hold, as of `epoch`; what ends before day `horizon` is not in it."""

    own: ShardFile
    foreign: HashFile
    epoch: int
    horizon: int


@dataclass(frozen=True, slots=True)
class State:
    """`bits` and `foreign` are what differs from the base (or was named by a delta); the marks cover all."""

    base: Base
    epoch: int
    horizon: int
    bits: Mapping[Shard, Mapping[int, bool]]
    foreign: Mapping[bytes, int]
    shards: Mapping[Shard, Fingerprint]  # every open shard
    classes: Mapping[int, Fingerprint]  # every last day in force

    @classmethod
    def of(cls, base: Base) -> State:
        """The state the files hold."""
        shards, classes = dict(base.own.fingerprints), dict(base.foreign.fingerprints)
        return cls(base, base.epoch, base.horizon, {}, {}, shards, classes)

    @property
    def directory(self) -> list[Shard]:
        """The open shards, sorted."""
        return sorted(self.shards)

    @property
    def marks(self) -> tuple[Fingerprint, Fingerprint]:
        """The fingerprints of everything own and everything foreign."""
        own = Fingerprint()
        for shard, mark in self.shards.items():
            own = own.merge(mark).add(shard_entry(shard.code))
        foreign = Fingerprint()
        for mark in self.classes.values():
            foreign = foreign.merge(mark)
        return own, foreign

    @property
    def overlay_size(self) -> int:
        """How many positions lie above the files; above FOLD_ABOVE it is time to fold."""
        return sum(map(len, self.bits.values())) + len(self.foreign)

    def standing(self, shard: Shard, index: int) -> Standing:
        """One of our certificates. What is on no list here cannot be decided: neither revoked nor valid."""
        if shard not in self.shards or not 0 <= index < 1 << self.base.own.shard_bits:
            return Standing.CANNOT_DECIDE
        return Standing.REVOKED if self.is_set(shard, index) else Standing.NOT_REVOKED

    def is_set(self, shard: Shard, index: int) -> bool:
        """The bit, whatever list it is on."""
        above = self.bits.get(shard)
        value = None if above is None else above.get(index)
        return bool(self.base.own.bit(shard, index)) if value is None else value

    def is_listed(self, scope: bytes, kind: HashType, digest: bytes, instant: float) -> bool:
        """As `healthcert.revocation.HashedRevocations` says; an entry that has ended revokes nothing."""
        day = self.day_of(key_of(scope, kind, digest))
        return day != REMOVED and not is_over(day, instant)

    def day_of(self, key: bytes) -> int:
        """The last day of a foreign entry; REMOVED: not listed."""
        day = self.foreign.get(key)
        if day is None:
            day = self.base.foreign.day_of(key)
        return REMOVED if day is None or day < self.horizon else day

    def entries(self) -> Iterator[tuple[bytes, int]]:
        """Every foreign (key, last day) in force, in no order. Reads the whole file."""
        for key, day in self.base.foreign.entries():
            if key not in self.foreign and day >= self.horizon:
                yield key, day
        yield from ((key, day) for key, day in self.foreign.items() if day >= self.horizon)

    def apply(self, packed: Packed) -> State:
        """The state a delta leads to, checked. Raises DeltaRefused, FormatError."""
        if packed.from_epoch > self.epoch:
            raise DeltaRefused("delta.gap")
        if packed.to_epoch < self.epoch or packed.horizon < self.horizon:
            raise DeltaRefused("delta.rollback")
        open_ = {shard for shard in self.shards if shard.last_day >= packed.horizon} | packed.opened
        if len(open_) > MAX_SHARDS:
            raise DeltaRefused("delta.directory")
        new = self.after(packed.unpack(sorted(open_), self.base.own.shard_bits))
        if len(new.classes) > MAX_CLASSES or new.overlay_size > MAX_OVERLAY:
            raise DeltaRefused("delta.limit")
        if new.marks != (packed.own, packed.hashes):
            raise DeltaRefused("delta.fingerprint")
        return new

    def after(self, delta: Delta) -> State:
        """The state with a delta's values, unchecked. Every shard of its bits is open."""
        horizon = delta.horizon
        shards = {shard: mark for shard, mark in self.shards.items() if shard.last_day >= horizon}
        bits = {shard: above for shard, above in self.bits.items() if shard.last_day >= horizon}
        for shard in delta.opened:
            shards.setdefault(shard, Fingerprint())
        for shard, changes in delta.bits.items():
            shards[shard] = self._marked(shard, shards[shard], changes)
            bits[shard] = {**bits.get(shard, {}), **changes}
        classes = {day: mark for day, mark in self.classes.items() if day >= horizon}
        for key, day in delta.foreign.items():
            was = self.day_of(key)
            if was == day:
                continue
            if was >= horizon:
                classes[was] = classes[was].drop(foreign_entry(key, was))
            if day != REMOVED:
                classes[day] = classes.get(day, Fingerprint()).add(foreign_entry(key, day))
        classes = {day: mark for day, mark in classes.items() if mark.size}
        foreign = {**self.foreign, **delta.foreign}
        return State(self.base, delta.to_epoch, horizon, bits, foreign, shards, classes)

    def _marked(self, shard: Shard, mark: Fingerprint, changes: Mapping[int, bool]) -> Fingerprint:
        code = shard.code
        for index, value in changes.items():
            if self.is_set(shard, index) != value:
                entry = own_entry(code, index)
                mark = mark.add(entry) if value else mark.drop(entry)
        return mark

    def above(self, base: Base, touched: State) -> State:
        """This state on top of `base`: what is named here or in `touched` and differs from those files."""
        bits: dict[Shard, dict[int, bool]] = {}
        for shard in self.shards:
            for index in {**touched.bits.get(shard, {}), **self.bits.get(shard, {})}:
                value = self.is_set(shard, index)
                if value != bool(base.own.bit(shard, index)):
                    bits.setdefault(shard, {})[index] = value
        bare = State.of(base)
        foreign: dict[bytes, int] = {}
        for key in {**touched.foreign, **self.foreign}:
            day = self.day_of(key)
            if day != bare.day_of(key):
                foreign[key] = day
        return State(base, self.epoch, self.horizon, bits, foreign, self.shards, self.classes)

    def as_delta(self) -> Delta:
        """What leads from the files to this state."""
        opened = frozenset(self.shards.keys() - self.base.own.fingerprints.keys())
        foreign = {key: day if day >= self.horizon else REMOVED for key, day in self.foreign.items()}
        return Delta(self.base.epoch, self.epoch, self.horizon, *self.marks, opened, self.bits, foreign)
