"""When something happened, as exactly as a certificate says it: spans of moments and spans of days.

Certificates tell a year, a month, a day, a time without a zone or a time with one. What is not told is never
guessed: a span holds every moment (or day) that can be meant, and whoever asks takes the less favourable end.
Source: FHIR R4 date and dateTime; eu-dcc-schema 1.3.3 (`dt`, `sc`); RFC 3339.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

MAX_MOMENT_CHARS = 48  # the longest a SMART Health Card may hold has 44
EASTMOST, WESTMOST = timedelta(hours=14), timedelta(hours=-12)  # the zones in use on Earth
_MOMENT = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})([Tt ].*)?)?)?", re.ASCII)
_ONE_DAY = timedelta(days=1)
# datetime ends at the years 1 and 9999; a day inside them every shift by a zone stays representable
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class Days(NamedTuple):
    """The first and the last day on which it can have been."""

    first: date
    last: date


class Span(NamedTuple):
    """The earliest and the latest moment (UTC) at which it can have been; `timed`: a time of day is told."""

    earliest: datetime
    latest: datetime
    timed: bool = True


def days_of(value: object) -> Days | None:
    """The days a text can mean on anybody's calendar; None if it is no date.

    A day stays that day. A time with a zone is some day between the zones of the Earth, because the same
    event may stand elsewhere by another zone. A day whose time cannot be read stays that day.
    """
    found = _parts(value)
    if found is None:
        return None
    days, time = found
    moment = _aware(time) if time else None
    if moment is None:
        return days
    return Days((moment + WESTMOST).date(), (moment + EASTMOST).date())


def written_days(value: object) -> Days | None:
    """The day, or every day of the month or year, as it is written; a time behind it is passed over."""
    found = _parts(value)
    return None if found is None else found[0]


def span_of(value: object) -> Span | None:
    """The moments a text can mean, in any zone of the Earth if it names none; None if it is no date."""
    found = _parts(value)
    if found is None:
        return None
    days, time = found
    if time is None:
        return Span(_in_zone(days.first, EASTMOST), _in_zone(days.last, WESTMOST) + _ONE_DAY, timed=False)
    moment = _aware(time)
    if moment is not None:
        return Span(moment, moment)
    try:
        local = datetime.fromisoformat(time).replace(tzinfo=UTC)
    except ValueError:
        return None
    local = _inside(local)
    return Span(local - EASTMOST, local - WESTMOST)


def local_day(now: datetime, zone: tzinfo) -> date:
    """The calendar day of an aware moment in `zone`."""
    return _inside(now).astimezone(zone).date()


def add_days(day: date, number: int) -> date:
    """`day` shifted by whole days; where the calendar ends it stays at that end."""
    try:
        return day + timedelta(days=number)
    except OverflowError:
        return date.max if number > 0 else date.min


def _parts(value: object) -> tuple[Days, str | None] | None:
    """The days as written, and the whole text if it tells a time."""
    text = value.strip() if isinstance(value, str) and len(value) <= MAX_MOMENT_CHARS else ""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, time = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        last = (
            first if day else date(first.year, int(month or 12), monthrange(first.year, int(month or 12))[1])
        )
    except ValueError:
        return None
    return Days(first, last), text if time else None


def _aware(text: str) -> datetime | None:
    """The moment of a text that names its zone, in UTC; None for every other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else _inside(moment)


def _in_zone(day: date, offset: timedelta) -> datetime:
    """The beginning of a day in a zone, in UTC."""
    return _inside(datetime(day.year, day.month, day.day, tzinfo=timezone(offset)))


def _inside(moment: datetime) -> datetime:
    """The moment in UTC, moved into the years that can be computed with."""
    return min(max(moment, _FIRST), _LAST).astimezone(UTC)
