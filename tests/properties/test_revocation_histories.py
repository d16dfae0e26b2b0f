"""Any history: by whichever tiers it went, through power cuts, a kiosk says what the publisher says."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.trustlist.revocation.histories import (
    CutDisk,
    History,
    PowerCut,
    QuickFiles,
    first_generation,
    model_of,
)
from trustlist.revocation.delta import decode
from trustlist.revocation.errors import DeltaRefused
from trustlist.revocation.state import State
from trustlist.revocation.store import RevocationStore
from trustlist.revocation.tiers import Chain, choose

pytestmark = pytest.mark.req("K05")
HISTORIES, PARTS, CUTS, FOLD_AFTER = 500, 4, 5, 2
EVERY_WRITE = 25  # each of 25 history is cut at every single write, the others at one of them
FAR = 10_000  # more writes than anything here makes


class Publisher(History):
    """With the files of each generation, and the manifests and fold deltas it handed out."""

    def fold(self) -> tuple[bytes, bytes]:
        manifest, fold = self.chain.next_generation()
        self.cut()  # life goes on while the files are written
        store = RevocationStore(self.folder, QuickFiles())
        self.chain.rebase(store.fold(manifest.encode(), fold).base)
        base = self.chain.tiers(self.now)["base"][0]
        assert (base.from_epoch, base.to_epoch) == (manifest.epoch, self.chain.state.epoch)
        assert model_of(self.chain.state) == self.models[base.to_epoch]
        return manifest.encode(), fold


def start(seed: int, tmp: Path) -> tuple[Publisher, bytes, list[bytes]]:
    (folder := tmp / f"publisher-{seed}").mkdir()
    base, manifest = first_generation(folder)
    parts = [(folder / "own-0").read_bytes(), (folder / "foreign-0").read_bytes()]
    RevocationStore(folder, QuickFiles()).install(manifest, [parts[0]], [parts[1]])
    publisher = Publisher(random.Random(seed), Chain(base), folder)
    publisher.models[0] = model_of(State.of(base))
    return publisher, manifest, parts


@dataclass
class Kiosk:
    """A folder, and what is done to it: each deed once with the power cut, then once more."""

    folder: Path
    rng: random.Random
    every: bool
    cuts: int = 0

    def do(self, deed: Callable[[RevocationStore], object]) -> State | None:
        """Do it; wherever the power is cut, the old or the new is there afterwards."""
        before = RevocationStore(self.folder).state
        kept = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        counting = CutDisk(FAR)
        deed(RevocationStore(self.folder, counting))
        after = RevocationStore(self.folder).state
        writes = FAR - counting.left
        counting.lose()  # nothing of what is done may wait for a later sync
        assert same(RevocationStore(self.folder).state, after)
        for at in range(writes) if self.every else [self.rng.randrange(writes)]:
            self.lay_out(kept)
            with pytest.raises(PowerCut):
                deed(RevocationStore(self.scratch, CutDisk(at)))
            self.cuts += 1
            survivor = RevocationStore(self.scratch)
            assert survivor.fault is None
            assert same(survivor.state, before) or same(survivor.state, after)
            if not same(survivor.state, after):
                deed(RevocationStore(self.scratch, QuickFiles()))
                assert same(RevocationStore(self.scratch).state, after)
        return after

    @property
    def scratch(self) -> Path:
        return self.folder.with_name("scratch")

    def lay_out(self, files: dict[str, bytes]) -> None:
        """Make the scratch folder hold exactly these."""
        self.scratch.mkdir(exist_ok=True)
        for path in self.scratch.iterdir():
            path.unlink()
        for name, data in files.items():
            (self.scratch / name).write_bytes(data)


def same(one: State | None, other: State | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.epoch, one.horizon, one.marks, one.base.own.generation) == (
        other.epoch,
        other.horizon,
        other.marks,
        other.base.own.generation,
    )


def poll(publisher: Publisher, kiosk: Kiosk) -> State | None:
    """Take the tier a kiosk would take; None: none covers its epoch."""
    tiers = publisher.chain.tiers(publisher.now)
    state = RevocationStore(kiosk.folder).state
    assert state is not None
    try:
        offer = choose([each for each, _ in tiers.values()], state.epoch)
    except DeltaRefused:
        return None
    if offer is None:
        return state
    reached = kiosk.do(lambda store: store.apply(tiers[offer.name][1]))
    assert reached is not None
    return reached


def histories(numbers: range, tmp: Path, every: int) -> int:
    """Run them; how many cuts of power there were."""
    cuts = 0
    memory = Path("/dev/shm")  # noqa: S108 - thousands of small files: spare the disk where that is possible
    for seed in numbers:
        with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp) as name:
            cuts += one_history(seed, Path(name), seed % every == 0)
    return cuts


def one_history(seed: int, tmp: Path, every: bool) -> int:
    publisher, manifest, parts = start(seed, tmp)
    rng = random.Random(~seed)
    (folder := tmp / "kiosk").mkdir()
    kiosk = Kiosk(folder, rng, every)
    first = kiosk.do(lambda store: store.install(manifest, parts[:1], parts[1:]))
    assert first is not None
    states = {0: first}
    generation: tuple[bytes, bytes] | None = None
    for number in range(CUTS):
        publisher.cut()
        newest = publisher.chain.state
        assert model_of(newest) == publisher.models[newest.epoch]
        for start_epoch, data in publisher.deltas():
            packed = decode(data)
            for epoch, state in states.items():
                if epoch >= start_epoch:
                    assert state.apply(packed).marks == newest.marks
                else:
                    with pytest.raises(DeltaRefused, match="gap"):
                        state.apply(packed)
        if rng.random() < 0.5:
            reached = poll(publisher, kiosk)
            if reached is None:
                assert generation is not None  # it slept through the newest generation: it must fold first
            else:
                assert model_of(reached) == publisher.models[newest.epoch]
                states[newest.epoch] = reached
        if number == FOLD_AFTER:
            generation = publisher.fold()
    assert generation is not None
    made = kiosk.do(lambda store: store.fold(*generation))
    assert made is not None
    for name in ("own-1", "foreign-1"):
        assert (folder / name).read_bytes() == (publisher.folder / name).read_bytes()
    assert model_of(made) == publisher.models[made.epoch]
    last = poll(publisher, kiosk)
    assert last is not None
    assert model_of(last) == publisher.models[publisher.chain.state.epoch]
    return kiosk.cuts


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_500_histories_end_where_the_publisher_is_by_every_path_and_through_power_cuts(
    part: int, tmp_path: Path
) -> None:
    size = HISTORIES // PARTS
    assert histories(range(part * size, (part + 1) * size), tmp_path, EVERY_WRITE) > 2 * size


@pytest.mark.night
@pytest.mark.timeout(7_200)
def test_10000_histories_with_a_cut_at_every_write(tmp_path: Path) -> None:
    assert histories(range(HISTORIES, HISTORIES + 10_000), tmp_path, 1) > 0
