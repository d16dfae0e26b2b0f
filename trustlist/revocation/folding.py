"""A state written as the next generation: the same bytes everywhere, so nobody needs to download them."""

from __future__ import annotations

from collections.abc import Iterator

from .rvh import write_hashes
from .shards import changed, write_shards
from .state import State

_PIECE = 256  # prefixes written at once: 175 KB at 5 million entries


def own_file(state: State, generation: int) -> Iterator[bytes]:
    """The bytes of the file of our own certificates, in pieces of one shard."""
    base, directory = state.base.own, state.directory
    rows = [(shard, state.shards[shard]) for shard in directory]
    bits = (changed(base.bits_of(shard), state.bits.get(shard, {})) for shard in directory)
    return write_shards(generation, base.shard_bits, rows, bits)


def foreign_file(state: State, generation: int) -> Iterator[bytes]:
    """The bytes of the file of foreign hashes, piece by piece: sizes first, then the records."""
    base = state.base.foreign
    fold = _Buckets(state)
    prefixes = range(1 << base.prefix_bits)
    sizes = [fold.size(prefix) for prefix in prefixes]
    classes = sorted(state.classes.items())
    pieces = (b"".join(map(fold.records, prefixes[at : at + _PIECE])) for at in prefixes[::_PIECE])
    return write_hashes(generation, base.prefix_bits, classes, sizes, pieces)


class _Buckets:
    """Old buckets with the changes merged in. An unchanged one is copied, its classes renumbered."""

    def __init__(self, state: State) -> None:
        self._base, self._horizon = state.base.foreign, state.horizon
        self._prefix = self._base.prefix_bits >> 3
        old = list(self._base.fingerprints)
        self._old = old
        self._new = {day: number for number, day in enumerate(sorted(state.classes))}
        # A class that is empty now has no number; its last entries are among the changes or over.
        self._renumber = bytes(self._new.get(day, 0) for day in old).ljust(256, b"\0")
        self._over = frozenset(number for number, day in enumerate(old) if day < self._horizon)
        self._changes: dict[int, dict[bytes, int]] = {}
        for key, day in state.foreign.items():
            prefix = int.from_bytes(key[: self._prefix], "big")
            self._changes.setdefault(prefix, {})[key[self._prefix :]] = day

    def size(self, prefix: int) -> int:
        if prefix in self._changes:
            return len(self.records(prefix)) // self._base.record_bytes
        size = self._base.bucket_size(prefix)
        if self._over:
            classes = self._base.bucket(prefix)[self._base.record_bytes - 1 :: self._base.record_bytes]
            size -= sum(map(classes.count, self._over))
        return size

    def records(self, prefix: int) -> bytes:
        width = self._base.record_bytes
        old, changes = self._base.bucket(prefix), self._changes.get(prefix)
        if changes is None:
            return self._renumbered(old, width)
        merged = {
            old[begins : begins + width - 1]: self._old[old[begins + width - 1]]
            for begins in range(0, len(old), width)
        }
        merged.update(changes)
        kept = sorted((suffix, day) for suffix, day in merged.items() if day >= self._horizon)
        return b"".join(suffix + bytes((self._new[day],)) for suffix, day in kept)

    def _renumbered(self, old: bytes, width: int) -> bytes:
        """Records nothing changed in: without those that are over."""
        classes = old[width - 1 :: width]
        if any(number in classes for number in self._over):
            old = b"".join(
                old[place * width : place * width + width]
                for place, number in enumerate(classes)
                if number not in self._over
            )
            classes = old[width - 1 :: width]
        new = bytearray(old)
        new[width - 1 :: width] = classes.translate(self._renumber)
        return bytes(new)
