"""Any history of cuts: by whichever tiers it went, through power cuts, a kiosk says what the publisher says."""

from __future__ import annotations

import random
import shutil
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
HISTORIES, CUTS, FOLD_AFTER = 500, 6, 3
EVERY_WRITE = 10  # each tenth history is cut at every single write, the others at one of them
FAR = 10_000  # more writes than anything here makes


class Publisher(History):
    """With the files of each generation, and the manifests and fold deltas it handed out."""

    def fold(self) -> tuple[bytes, bytes]:
        manifest, fold = self.chain.next_generation()
        store = RevocationStore(self.folder, QuickFiles())
        store.fold(manifest.encode(), fold)
        state = store.state
        assert state is not None
        self.chain.rebase(state.base)
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
        counting = CutDisk(FAR)
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as name:
            trial = self.copy(Path(name) / "trial")
            deed(RevocationStore(trial, counting))
            after = RevocationStore(trial).state
            writes = FAR - counting.left
            for at in range(writes) if self.every else [self.rng.randrange(writes)]:
                again = self.copy(Path(name) / f"cut-{at}")
                with pytest.raises(PowerCut):
                    deed(RevocationStore(again, CutDisk(at)))
                self.cuts += 1
                survivor = RevocationStore(again)
                assert survivor.fault is None
                left = survivor.state
                assert same(left, before) or same(left, after)
                if not same(left, after):
                    deed(RevocationStore(again, QuickFiles()))
                assert same(RevocationStore(again).state, after)
        deed(RevocationStore(self.folder, QuickFiles()))
        return after

    def copy(self, to: Path) -> Path:
        shutil.copytree(self.folder, to)
        return to


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
    for seed in numbers:
        with tempfile.TemporaryDirectory(dir=tmp) as name:
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
            for epoch, state in states.items():
                if epoch >= start_epoch:
                    assert state.apply(decode(data)).marks == newest.marks
                else:
                    with pytest.raises(DeltaRefused, match="gap"):
                        state.apply(decode(data))
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
def test_500_histories_end_where_the_publisher_is_by_every_path_and_through_power_cuts(
    tmp_path: Path,
) -> None:
    assert histories(range(HISTORIES), tmp_path, EVERY_WRITE) > 2 * HISTORIES


@pytest.mark.night
@pytest.mark.timeout(7_200)
def test_10000_histories_with_a_cut_at_every_write(tmp_path: Path) -> None:
    assert histories(range(HISTORIES, HISTORIES + 10_000), tmp_path, 1) > 0
