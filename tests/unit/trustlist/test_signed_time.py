"""The floor of time: forward in bounded steps, never back, never from the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustlist import signed_time
from trustlist.errors import TrustlistError

FLOOR = datetime(2026, 11, 1, tzinfo=UTC)
moments = st.integers(0, 253_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.mark.req("K02")
@given(issued=moments)
def test_one_update_moves_the_floor_forward_and_by_two_days_at_most(issued: datetime) -> None:
    moved = signed_time.next_floor(FLOOR, issued)
    assert FLOOR <= moved <= FLOOR + timedelta(hours=48)
    assert moved in (FLOOR, issued, FLOOR + timedelta(hours=48))


@pytest.mark.req("K02")
@given(issued=moments, now=moments)
def test_a_date_in_the_future_buys_no_freshness(issued: datetime, now: datetime) -> None:
    assert signed_time.credited(issued, now, FLOOR) <= max(now, FLOOR)


@pytest.mark.parametrize(
    "told", [None, 5, "", "2026-11-25", "2026-11-25T00:00:00+07:00", "2026-13-25T00:00:00Z", "x" * 20]
)
def test_metadata_without_a_readable_time_are_refused(told: object) -> None:
    with pytest.raises(TrustlistError, match=r"time\.unsigned"):
        signed_time.issued_of({signed_time.FIELD: told})


@given(moment=moments)
def test_what_was_written_is_read_again(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert signed_time.read_instant(signed_time.write_instant(moment)) == whole
