"""Time that somebody signed: `x-issued`, the floor below which no clock is believed, and what it may not do.

The floor comes from signed metadata alone. A network clock is never asked: one answer "year 9999" would
bar a device for ever (uptane-standard #31). A stolen timestamp key moves it at most `MAX_STEP` an accepted
update, and the next root, which states the time with the root's signatures, puts it right again.
Source: notes/distribution-and-fleet §2.3, §6.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import TrustlistError

FIELD = "x-issued"
MAX_STEP = timedelta(hours=48)
# Signing takes minutes, approvals are signed hours before; a timestamp lives its 24 h and not longer.
LIFETIME_SLACK = timedelta(hours=1)
# A clock may be this much before the floor without a word: the publisher's own clock runs a little ahead.
CLOCK_SLACK = timedelta(minutes=5)


def write_instant(moment: datetime) -> str:
    """RFC 3339, UTC, whole seconds. Raises ValueError on a naive moment."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def issued_of(fields: Mapping[str, Any]) -> datetime:
    """The moment signed metadata state as theirs. TrustlistError `time.unsigned` when none."""
    return read_instant(fields.get(FIELD))


def read_instant(told: object) -> datetime:
    """The moment `write_instant` wrote, and nothing looser. Raises TrustlistError `time.unsigned`."""
    if isinstance(told, str) and len(told) == len("2026-01-01T00:00:00Z"):
        try:
            return datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    raise TrustlistError("time.unsigned", f"the metadata carry no readable {FIELD}")


def check_lifetime(issued: datetime, expires: datetime, lifetime: timedelta) -> None:
    """Raises TrustlistError `time.lifetime`: whoever holds one key must not make it outlive its role."""
    if expires < issued or expires - issued > lifetime + LIFETIME_SLACK:
        raise TrustlistError("time.lifetime", "the metadata live longer than their role may")


def at_least(now: datetime, floor: datetime) -> datetime:
    """The moment to judge by: the clock, but never before the floor."""
    return max(now, floor)


def next_floor(floor: datetime, issued: datetime) -> datetime:
    """The floor after an accepted update: never back, at most `MAX_STEP` forward."""
    return max(floor, min(issued, floor + MAX_STEP))


def credited(issued: datetime, now: datetime, floor: datetime) -> datetime:
    """The issue time ages are measured from: a date in the future buys no freshness."""
    return min(issued, at_least(now, floor))


def is_behind(now: datetime, floor: datetime) -> bool:
    """Whether the clock stands where it cannot be."""
    return now < floor - CLOCK_SLACK
