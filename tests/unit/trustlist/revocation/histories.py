"""What the tests of the chain share: a plain model, an empty first generation, and a disk that fails."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from trustlist.revocation.delta import REMOVED, Delta
from trustlist.revocation.files import Files
from trustlist.revocation.manifest import Manifest, Part
from trustlist.revocation.rvh import HashFile, write_hashes
from trustlist.revocation.shard_id import Shard
from trustlist.revocation.shards import ShardFile, write_shards
from trustlist.revocation.state import Base, State
from trustlist.revocation.tiers import Chain, difference

BITS, PREFIX = 5, 8  # small shards and a small table: the same code, 4,000 times less of it
MONTHS = [12 * 2026 + month for month in range(4)]
SHARDS = [Shard("VN", month, serial) for month in MONTHS for serial in (0, 1)]
KEYS = [bytes([number % 7]) + number.to_bytes(9, "big") for number in range(24)]
DAYS = [20_460, 20_500, 20_530, 20_560, 20_600, 2**32 - 1]
HORIZONS = [20_450, 20_480, 20_500, 20_501, 20_520, 20_550, 20_580]


class PowerCut(BaseException):
    """Nothing after this instant happens."""


class CutDisk(Files):
    """Power goes at the n-th write, sync or rename; what was not synced is half there, renames are undone."""

    def __init__(self, at: int) -> None:
        self.left = at
        self._synced: dict[Path, int] = {}
        self._renames: list[tuple[Path, Path, bytes | None]] = []

    def put(self, file: BinaryIO, data: bytes) -> None:
        path = Path(file.name)
        self._synced.setdefault(path, file.tell())
        if self._is_now():
            file.write(data[: len(data) // 2])
            file.flush()
            self._cut()
        super().put(file, data)

    def sync(self, file: BinaryIO) -> None:
        file.flush()  # without fsync: the tests have no power to lose, and the disk is busy enough
        if self._is_now():
            self._cut()
        self._synced.pop(Path(file.name), None)

    def rename(self, old: Path, new: Path) -> None:
        if self._is_now():
            self._cut()
        self._renames.append((old, new, new.read_bytes() if new.exists() else None))
        super().rename(old, new)
        if old in self._synced:
            self._synced[new] = self._synced.pop(old)  # renamed before it was synced

    def sync_folder(self, folder: Path) -> None:
        if self._is_now():
            self._cut()
        self._renames.clear()

    def _is_now(self) -> bool:
        self.left -= 1
        return self.left < 0

    def _cut(self) -> None:
        self.lose()
        raise PowerCut

    def lose(self) -> None:
        """What a cut of power takes: half of what was not synced, and the names of an unsynced folder."""
        for path, length in self._synced.items():
            if path.exists():
                grown = path.stat().st_size - length
                os.truncate(path, length + grown // 2)
        for old, new, before in reversed(self._renames):
            new.replace(old)
            if before is not None:
                new.write_bytes(before)


class QuickFiles(Files):
    """As the real thing, without waiting for the disk."""

    def sync(self, file: BinaryIO) -> None:
        file.flush()

    def sync_folder(self, folder: Path) -> None:
        pass


@dataclass
class Model:
    """What is revoked, as plainly as it can be said."""

    horizon: int = HORIZONS[0]
    own: dict[Shard, set[int]] = field(default_factory=dict)
    foreign: dict[bytes, int] = field(default_factory=dict)

    def expire(self) -> None:
        self.own = {shard: on for shard, on in self.own.items() if shard.last_day >= self.horizon}
        self.foreign = {key: day for key, day in self.foreign.items() if day >= self.horizon}

    def copy(self) -> Model:
        return Model(self.horizon, {shard: set(on) for shard, on in self.own.items()}, dict(self.foreign))


def model_of(state: State) -> Model:
    """Everything a state says, asked bit by bit and key by key."""
    own = {
        shard: {index for index in range(1 << BITS) if state.is_set(shard, index)} for shard in state.shards
    }
    foreign = {key: state.day_of(key) for key in KEYS if state.day_of(key) != REMOVED}
    assert dict(state.entries()) == foreign
    return Model(state.horizon, own, foreign)


def first_generation(folder: Path, shard_bits: int = BITS, prefix: int = PREFIX) -> tuple[Base, bytes]:
    """An empty generation 0 of epoch 0 and its manifest, written into `folder`."""
    own = b"".join(write_shards(0, shard_bits, [], []))
    foreign = b"".join(write_hashes(0, prefix, [], [0] * (1 << prefix), []))
    (folder / "own-0").write_bytes(own)
    (folder / "foreign-0").write_bytes(foreign)
    manifest = Manifest(0, 0, HORIZONS[0], Part.of(own), Part.of(foreign), None)
    return Base(
        ShardFile(folder / "own-0"), HashFile(folder / "foreign-0"), 0, HORIZONS[0]
    ), manifest.encode()


def random_step(rng: random.Random, model: Model, state: State) -> Delta:
    """Change the model at random; the difference that publishes it."""
    if rng.random() < 0.2:
        model.horizon = max(model.horizon, rng.choice(HORIZONS))
    candidates = [shard for shard in SHARDS if shard.last_day >= model.horizon]
    opened = rng.sample(candidates, min(len(candidates), rng.randint(0, 2)))
    model.expire()
    for shard in opened:
        model.own.setdefault(shard, set())
    bits: dict[Shard, dict[int, bool]] = {}
    for shard in rng.sample(sorted(model.own), min(len(model.own), rng.randint(0, 3))):
        for index in rng.sample(range(1 << BITS), rng.randint(1, 5)):
            value = rng.random() < 0.6
            bits.setdefault(shard, {})[index] = value
            (model.own[shard].add if value else model.own[shard].discard)(index)
    foreign: dict[bytes, int] = {}
    for key in rng.sample(KEYS, rng.randint(0, 6)):
        day = rng.choice([*DAYS, REMOVED])
        foreign[key] = day
        model.foreign.pop(key, None)
        if day >= model.horizon:
            model.foreign[key] = day
    return difference(state, opened=opened, bits=bits, foreign=foreign, horizon=model.horizon)


@dataclass
class History:
    """A publisher with a random past; `models` by epoch, from the first on."""

    rng: random.Random
    chain: Chain
    folder: Path
    now: float = 0.0
    model: Model = field(default_factory=Model)
    models: dict[int, Model] = field(default_factory=dict)

    def cut(self) -> None:
        self.now += self.rng.choice([60, 60, 600, 3_600, 40_000])
        self.chain.cut(random_step(self.rng, self.model, self.chain.state), self.now)
        self.models[self.chain.state.epoch] = self.model.copy()

    def deltas(self) -> Iterator[tuple[int, bytes]]:
        """(from epoch, bytes) of every tier."""
        for offer, data in self.chain.tiers(self.now).values():
            yield offer.from_epoch, data
