from __future__ import annotations

from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.protocol import Batch, entry_mark
from verifier_service.fleet import counting
from verifier_service.fleet.counting import count
from verifier_service.fleet.models import Stream
from verifier_service.fleet.services import interval_s
from verifier_service.fleet.streams import Decision, Do, decide, mark_after

NOW = datetime(2026, 11, 22, 8, 30, 30, tzinfo=UTC)


def batch(first: int, entries: list[int], gap: int = 0, prev: bytes | None = None) -> Batch:
    return Batch(b"d" * 16, 0, first, tuple(entries), gap, prev)


def held(**numbers: int) -> dict[int, bytes]:
    return {int(seq[1:]): cbor2.dumps(value) for seq, value in numbers.items()}


@pytest.mark.req("K04")
@pytest.mark.parametrize(
    ("sent", "stand", "ours", "expected"),
    [
        (batch(0, [7, 8]), 0, {}, Decision(Do.STORE)),
        (batch(3, [7]), 2, {}, Decision(Do.RESEND)),
        (batch(0, [7, 8]), 2, held(s0=7, s1=8), Decision(Do.HAVE)),
        (batch(0, [7, 8, 9]), 2, held(s0=7, s1=8), Decision(Do.STORE, skip=2)),
        (batch(0, [7, 5]), 2, held(s0=7, s1=8), Decision(Do.FORK, agreed_to=1)),
        (batch(0, [7, 8]), 2, held(s1=8), Decision(Do.FORK, agreed_to=0)),  # a hole of ours
        (batch(2, [9], gap=4), 2, {}, Decision(Do.STORE, gap=4)),
        (batch(0, [9], gap=4), 2, {}, Decision(Do.STORE, gap=2)),
        (batch(0, [8, 9], gap=1), 2, held(s1=8), Decision(Do.STORE, skip=1)),
        (batch(2, []), 2, {}, Decision(Do.HAVE)),
        (batch(2, [], gap=3), 2, {}, Decision(Do.STORE, gap=3)),
    ],
)
def test_the_decision_table(sent: Batch, stand: int, ours: dict[int, bytes], expected: Decision) -> None:
    assert decide(sent, Stream(0, stand, None), sorted(ours.items())) == expected


@pytest.mark.req("K04")
def test_two_histories_that_meet_at_a_number_are_told_apart_by_the_mark() -> None:
    stream = Stream(0, 2, entry_mark(cbor2.dumps(8)))
    assert decide(batch(2, [9], prev=entry_mark(cbor2.dumps(8))), stream, []).do is Do.STORE
    assert decide(batch(2, [9], prev=entry_mark(cbor2.dumps(5))), stream, []) == Decision(
        Do.FORK, agreed_to=1
    )
    assert decide(batch(2, [9]), stream, []).do is Do.STORE


@given(st.integers(0, 30), st.integers(0, 5), st.lists(st.integers(0, 2), max_size=12), st.integers(0, 30),
       st.dictionaries(st.integers(0, 40), st.integers(0, 2).map(cbor2.dumps)))  # fmt: skip
def test_what_is_stored_and_what_was_held_never_overlap(
    first: int, gap: int, entries: list[int], stand: int, ours: dict[int, bytes]
) -> None:
    sent = batch(first, entries, gap)
    made = decide(sent, Stream(0, stand, None), sorted(ours.items()))
    if made.do is Do.STORE:
        kept = len(entries) - made.skip
        assert sent.end - kept == stand + made.gap, (
            "the stream goes on without a step left out or taken twice"
        )
        assert kept + made.gap > 0
    if made.do is Do.FORK:
        assert made.agreed_to < stand


def test_the_mark_is_of_the_last_entry() -> None:
    assert mark_after(batch(0, [1, 2])) == entry_mark(cbor2.dumps(2))
    assert mark_after(batch(0, [], gap=1)) is None


junk = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.floats() | st.binary(max_size=4),
    lambda part: st.lists(part, max_size=5) | st.dictionaries(st.text(max_size=2), part),
    max_leaves=8,
)


@pytest.mark.req("K04")
@given(st.lists(junk, max_size=30))
def test_any_entries_add_up_to_their_number(entries: list[object]) -> None:
    rows = count(entries, NOW)
    assert sum(row[4] for row in rows) == len(entries)
    assert len({row[:4] for row in rows}) == len(rows)


def test_a_flood_of_reasons_is_bounded() -> None:
    now_ms = int(NOW.timestamp() * 1000)
    rows = count([[now_ms - 60_000 * n, 1, [f"r{n}"], "eu-dcc"] for n in range(1000)], NOW)
    assert sum(row[4] for row in rows) == 1000
    assert len(rows) <= counting.MAX_ROWS


def test_a_check_counts_in_its_own_minute_if_that_can_be() -> None:
    def minute(at: datetime) -> datetime:
        return count([[int(at.timestamp() * 1000), 0, [], "eu-dcc"]], NOW)[0][0]

    assert minute(NOW - timedelta(minutes=5)) == NOW.replace(second=0) - timedelta(minutes=5)
    for odd in (NOW + timedelta(hours=1), NOW - timedelta(days=400)):
        assert minute(odd) == NOW.replace(second=0)


def test_the_interval_grows_with_the_wait_and_stays_bounded() -> None:
    assert [interval_s(60, 900, wait) for wait in (0, 0.02, 0.07, 0.12, 60)] == [60, 60, 120, 180, 900]
