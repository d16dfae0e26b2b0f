"""Publisher and kiosk: which delta is taken, which is refused, and what a second person must agree to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from healthcert.revocation import HashType
from tests.unit.trustlist.revocation.histories import (
    DAYS,
    HORIZONS,
    KEYS,
    SHARDS,
    CutDisk,
    PowerCut,
    QuickFiles,
    first_generation,
)
from trustlist.revocation import store as store_module
from trustlist.revocation.delta import REMOVED, Delta, encode
from trustlist.revocation.errors import DeltaRefused, FormatError, GuardError
from trustlist.revocation.fingerprint import Fingerprint
from trustlist.revocation.guards import (
    KnownForeign,
    KnownOwn,
    check_delta,
    foreign_changes,
    self_test,
    unrevoked,
)
from trustlist.revocation.hashes import key_of
from trustlist.revocation.limits import CHANGES_ALONE, FOREVER, UNREVOKED_ALONE
from trustlist.revocation.shard_id import Shard
from trustlist.revocation.shards import Standing
from trustlist.revocation.state import State
from trustlist.revocation.store import RevocationStore
from trustlist.revocation.tiers import Chain, Offer, choose, difference

pytestmark = pytest.mark.req("K05")
LIST = SHARDS[0]


def publish(chain: Chain, at: float, **changes: object) -> bytes:
    """One cut, and the smallest tier."""
    chain.cut(difference(chain.state, **changes), at)  # type: ignore[arg-type]
    return chain.tiers(at)["15m"][1]


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    (tmp_path / "publisher").mkdir()
    return Chain(first_generation(tmp_path / "publisher")[0])


@pytest.fixture
def kiosk(tmp_path: Path) -> RevocationStore:
    (tmp_path / "kiosk").mkdir()
    _, manifest = first_generation(tmp_path / "kiosk")
    store = RevocationStore(tmp_path / "kiosk", QuickFiles())
    store.install(
        manifest, *([(tmp_path / "kiosk" / f"{name}-0").read_bytes()] for name in ("own", "foreign"))
    )
    return store


def now(store: RevocationStore) -> State:
    state = store.state
    assert state is not None
    return state


def test_what_was_revoked_can_be_taken_back_also_by_one_who_joined_between(
    chain: Chain, kiosk: RevocationStore
) -> None:
    publish(chain, 0, opened=[LIST])
    kiosk.apply(publish(chain, 60, bits={LIST: {3: True}}, foreign={KEYS[0]: FOREVER}))
    assert now(kiosk).standing(LIST, 3) is Standing.REVOKED
    # Back to what it was before: the two ends are equal, the kiosk in the middle is not.
    kiosk.apply(publish(chain, 120, bits={LIST: {3: False}}, foreign={KEYS[0]: REMOVED}))
    assert now(kiosk).standing(LIST, 3) is Standing.NOT_REVOKED
    assert now(kiosk).day_of(KEYS[0]) == REMOVED


def test_a_month_that_is_over_leaves_with_its_lists_and_never_comes_back(
    chain: Chain, kiosk: RevocationStore
) -> None:
    publish(chain, 0, opened=SHARDS, bits={LIST: {1: True}}, foreign={KEYS[0]: DAYS[0], KEYS[1]: FOREVER})
    later = publish(chain, 60, horizon=LIST.last_day + 1, foreign={KEYS[2]: DAYS[0]})
    kiosk.apply(later)
    assert now(kiosk).standing(LIST, 1) is Standing.CANNOT_DECIDE
    assert now(kiosk).standing(SHARDS[-1], 1) is Standing.NOT_REVOKED
    assert [now(kiosk).day_of(key) for key in KEYS[:3]] == [REMOVED, FOREVER, REMOVED]
    with pytest.raises(ValueError, match="no such shard"):
        difference(chain.state, opened=[SHARDS[2]], bits={Shard("VN", LIST.month + 9, 0): {1: True}})
    with pytest.raises(ValueError, match="never goes back"):
        difference(chain.state, horizon=HORIZONS[0])
    assert not difference(chain.state, opened=[LIST], bits={LIST: {1: True}}).opened


def test_a_cut_without_a_change_is_published_too(chain: Chain, kiosk: RevocationStore) -> None:
    kiosk.apply(publish(chain, 0))
    assert now(kiosk).epoch == 1


def test_deltas_from_above_backwards_or_to_something_else_are_refused_and_change_nothing(
    chain: Chain, kiosk: RevocationStore
) -> None:
    first = publish(chain, 0, opened=[LIST], bits={LIST: {1: True}})
    kiosk.apply(publish(chain, 100, bits={LIST: {2: True}}))
    before = now(kiosk)
    publish(chain, 200, bits={LIST: {3: True}})
    late = publish(chain, 5_000, bits={LIST: {4: True}})
    step = difference(before, bits={LIST: {5: True}})
    lies = {
        "delta.gap": late,
        "delta.rollback": first,
        "delta.fingerprint": encode(replace(step, own=Fingerprint(9, 9)), before.directory, 5),
        "delta.directory": encode(step, [*before.directory, SHARDS[1]], 5),
    }
    for code, delta in lies.items():
        with pytest.raises((DeltaRefused, FormatError)) as refused:
            kiosk.apply(delta)
        assert refused.value.code == code
        assert now(kiosk) is before


def test_the_smallest_delta_that_covers_the_epoch_is_chosen() -> None:
    offers = [Offer("15m", 90, 100, 10), Offer("2h", 50, 100, 60), Offer("base", 0, 100, 900)]
    assert [choose(offers, epoch) for epoch in (95, 90, 89, 3)] == [
        offers[0],
        offers[0],
        offers[1],
        offers[2],
    ]
    assert choose(offers, 100) is None
    assert choose([], 5) is None
    with pytest.raises(DeltaRefused, match="rollback"):
        choose(offers, 101)
    with pytest.raises(DeltaRefused, match="gap"):
        choose(offers[:2], 10)


def test_after_a_wrong_fingerprint_the_chain_starts_again_from_the_files(
    chain: Chain, kiosk: RevocationStore
) -> None:
    kiosk.apply(publish(chain, 0, opened=[LIST]))
    publish(chain, 60, bits={LIST: {2: True}})
    whole = chain.tiers(60)["base"][1]
    kiosk.restart(whole)
    assert now(kiosk).standing(LIST, 2) is Standing.REVOKED
    assert now(RevocationStore(kiosk._folder)).marks == chain.state.marks
    older = encode(Delta(0, 1, HORIZONS[0], Fingerprint(), Fingerprint()), [], 5)
    with pytest.raises(DeltaRefused, match="rollback"):
        kiosk.restart(older)


def test_a_full_journal_is_written_anew_and_a_power_cut_meanwhile_loses_nothing(
    chain: Chain, kiosk: RevocationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_JOURNAL_BYTES", 400)
    folder = kiosk._folder
    rewrites = 0
    for number in range(12):
        delta = publish(chain, 60.0 * number, opened=[LIST], bits={LIST: {number: True}})
        before = now(RevocationStore(folder)).marks
        for at in range(4):
            broken = RevocationStore(folder, CutDisk(at))
            try:
                broken.apply(delta)
            except PowerCut:
                assert now(RevocationStore(folder)).marks in (before, chain.state.marks)
        size = (folder / "journal-0").stat().st_size
        RevocationStore(folder, QuickFiles()).apply(delta)
        rewrites += (folder / "journal-0").stat().st_size < size
        assert now(RevocationStore(folder)).marks == chain.state.marks
        assert (folder / "journal-0").stat().st_size <= 400


def test_a_full_disk_leaves_the_old_state_and_the_next_delta_still_lands(
    chain: Chain, kiosk: RevocationStore
) -> None:
    class Full(QuickFiles):
        def put(self, file: object, data: bytes) -> None:
            file.write(data[:20])  # type: ignore[attr-defined]
            raise OSError(28, "no space")

    delta = publish(chain, 0, opened=[LIST], bits={LIST: {1: True}})
    good, kiosk._files = kiosk._files, Full()
    with pytest.raises(OSError, match="no space"):
        kiosk.apply(delta)
    assert now(kiosk).epoch == 0
    kiosk._files = good
    kiosk.apply(delta)
    assert now(RevocationStore(kiosk._folder)).epoch == 1


def test_a_damaged_folder_is_told_and_can_be_installed_again(kiosk: RevocationStore, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    _, manifest = first_generation(tmp_path / "again")
    parts = [[(tmp_path / "again" / f"{name}-0").read_bytes()] for name in ("own", "foreign")]
    (kiosk._folder / "own-0").write_bytes(b"short")
    broken = RevocationStore(kiosk._folder, QuickFiles())
    assert (broken.fault, broken.state) == ("file.length", None)
    with pytest.raises(DeltaRefused, match="empty"):
        broken.apply(b"")
    broken.install(manifest, *parts)
    assert broken.fault is None
    assert now(RevocationStore(kiosk._folder)).epoch == 0


def test_other_bytes_than_the_manifests_are_never_taken(
    chain: Chain, kiosk: RevocationStore, tmp_path: Path
) -> None:
    kiosk.apply(publish(chain, 0, opened=[LIST], bits={LIST: {1: True}}))
    manifest, fold = chain.next_generation()
    wrong = manifest._replace(foreign=manifest.foreign._replace(sha256=bytes(32)))
    with pytest.raises(FormatError, match=r"fold\.mismatch"):
        kiosk.fold(wrong.encode(), fold)
    with pytest.raises(FormatError, match=r"fold\.not_next"):
        kiosk.fold(manifest._replace(generation=5).encode(), fold)
    with pytest.raises(FormatError, match=r"fold\.not_next"):
        kiosk.fold(manifest.encode(), fold + b"\0")
    endless = iter(lambda: b"x" * 1_000, None)
    with pytest.raises(FormatError, match=r"fold\.mismatch"):
        kiosk.install(manifest.encode(), endless, [])
    assert kiosk.generation == 0
    kiosk.fold(manifest.encode(), fold)
    assert kiosk.generation == 1
    assert now(RevocationStore(kiosk._folder)).standing(LIST, 1) is Standing.REVOKED
    with pytest.raises(DeltaRefused, match="rollback"):
        kiosk.install(manifest._replace(generation=0).encode(), [], [])


def test_a_failed_or_empty_list_takes_nothing_back(chain: Chain) -> None:
    publish(chain, 0, foreign={KEYS[0]: FOREVER, KEYS[1]: FOREVER})
    assert foreign_changes(chain.state, None) == {}
    assert foreign_changes(chain.state, {}) == {}
    assert foreign_changes(chain.state, {KEYS[1]: FOREVER, KEYS[2]: 21_000}) == {
        KEYS[0]: REMOVED,
        KEYS[2]: 21_000,
    }


def _delta(cleared: int, added: int) -> Delta:
    keys = {number.to_bytes(10, "big"): FOREVER for number in range(added)}
    return Delta(
        0, 1, 0, Fingerprint(), Fingerprint(), frozenset(), {LIST: dict.fromkeys(range(cleared), False)}, keys
    )


@pytest.mark.parametrize(
    ("cleared", "added", "people"),
    [
        (UNREVOKED_ALONE, 0, 0),
        (UNREVOKED_ALONE + 1, 0, 2),
        (0, CHANGES_ALONE, 0),
        (0, CHANGES_ALONE + 1, 2),
        (1_000, CHANGES_ALONE - 1_000 + 1, 2),
    ],
)
def test_a_large_change_needs_two_people(cleared: int, added: int, people: int) -> None:
    delta = _delta(cleared, added)
    assert unrevoked(delta) == cleared
    if people:
        for agreed in ([], ["lan"], ["lan", "lan"]):
            with pytest.raises(GuardError, match="second_person"):
                check_delta(delta, agreed)
    check_delta(delta, ["lan", "minh"] if people else [])


def test_a_generation_that_answers_wrongly_for_a_known_certificate_does_not_go_live(chain: Chain) -> None:
    digest, other = bytes(16), b"\1" * 16
    key = key_of(b"DE", HashType.UCI, digest)
    publish(chain, 0, opened=[LIST], bits={LIST: {1: True}}, foreign={key: FOREVER})
    own = [KnownOwn(LIST, 1, True), KnownOwn(LIST, 2, False)]
    foreign = [
        KnownForeign(b"DE", HashType.UCI, digest, True),
        KnownForeign(b"DE", HashType.UCI, other, False),
    ]
    self_test(chain.state, own, foreign, 0.0)
    for bad_own, bad_foreign in (
        ([own[0], own[1]._replace(revoked=False, place=1)], foreign),
        ([own[0], own[1]._replace(shard=SHARDS[1])], foreign),
        (own, [foreign[0]._replace(scope=b"AT"), foreign[1]]),
    ):
        with pytest.raises(GuardError, match=r"guard\.self_test"):
            self_test(chain.state, bad_own, bad_foreign, 0.0)
    with pytest.raises(GuardError, match="no_self_test"):
        self_test(chain.state, own[:1], foreign, 0.0)


def test_each_tier_reaches_back_as_far_as_its_name_says(chain: Chain) -> None:
    for at in (0, 60, 90_000, 93_700, 100_001, 106_301):
        publish(chain, at)
    tiers = chain.tiers(107_200)
    assert {name: offer[:3] for name, (offer, _) in tiers.items()} == {
        "15m": ("15m", 5, 6),
        "2h": ("2h", 4, 6),
        "26h": ("26h", 2, 6),
        "base": ("base", 0, 6),
    }


def test_what_was_taken_back_after_a_generation_stays_so_for_a_kiosk_that_folds_late(
    chain: Chain, kiosk: RevocationStore, tmp_path: Path
) -> None:
    publisher = RevocationStore(tmp_path / "publisher", QuickFiles())
    publisher.install(
        (kiosk._folder / "current").read_bytes(),
        *([(kiosk._folder / f"{name}-0").read_bytes()] for name in ("own", "foreign")),
    )
    steps = [
        {"opened": [LIST]},
        {"bits": {LIST: {3: True}}, "foreign": {KEYS[0]: FOREVER}},
        {"bits": {LIST: {3: False}}, "foreign": {KEYS[0]: REMOVED}},
    ]
    made = []
    for number, step in enumerate(steps):
        kiosk.apply(publish(chain, 60.0 * number, **step))
        if number < 2:
            manifest, fold = chain.next_generation()
            made.append((manifest.encode(), fold))
            chain.rebase(publisher.fold(*made[-1]).base)
    for pair in made:
        kiosk.fold(*pair)
        assert now(kiosk).standing(LIST, 3) is Standing.NOT_REVOKED
        assert now(kiosk).day_of(KEYS[0]) == REMOVED
        assert now(RevocationStore(kiosk._folder)).marks == chain.state.marks
    assert kiosk.generation == 2


def test_a_rotten_record_of_the_journal_is_as_if_it_were_not_there(
    chain: Chain, kiosk: RevocationStore
) -> None:
    kiosk.apply(publish(chain, 0, opened=[LIST]))
    path = kiosk._folder / "journal-0"
    begins = path.stat().st_size
    kiosk.apply(publish(chain, 60, bits={LIST: {1: True}}))
    good = path.read_bytes()
    for place in range(begins, len(good)):
        path.write_bytes(good[:place] + bytes((good[place] ^ 1,)) + good[place + 1 :])
        read = now(RevocationStore(kiosk._folder))
        assert (read.epoch, read.horizon) == (1, HORIZONS[0])
