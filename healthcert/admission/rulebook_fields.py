"""How the values of a rulebook are read from JSON: one function a kind of value, each raising ValueError.

Source: ISO 8601 (days), ISO 3166-1 alpha-2 (countries), the IANA time zone database (zones).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from ..model import FORMATS
from .recognition import HOST, Agreement, Portal

MAX_AGREEMENTS = 1_000  # 250 countries, each renewed three times
MAX_PERIODS = 200  # a change every week for four years
MAX_TEST_AGE_H = 24.0 * 366
MAX_DAYS = 366
KINDS = ("vaccination", "test", "recovery", "declaration")
HOME_ZONE = "Asia/Ho_Chi_Minh"
# Where a machine has no zone data: Viet Nam has kept this offset, without summer time, since 13 June 1975.
_WITHOUT_ZONE_DATA = {HOME_ZONE: timezone(timedelta(hours=7), HOME_ZONE)}


@dataclass(frozen=True, slots=True)
class Period:
    """What is asked between two days, both included: of every group at least one kind. Empty: nothing."""

    since: date
    until: date | None
    require: tuple[tuple[str, ...], ...]

    def holds(self, today: date) -> bool:
        """Whether `today` lies inside."""
        return self.since <= today and (self.until is None or today <= self.until)


def read_text(value: Any) -> str:
    """A short text."""
    if not isinstance(value, str) or not 0 < len(value) <= 80:
        raise ValueError("a short text is expected")
    return value


def read_country(value: Any) -> str:
    """A country code."""
    if not isinstance(value, str) or len(value) != 2 or not value.isupper():
        raise ValueError("a country code of two letters is expected")
    return value


def read_kinds(value: Any) -> tuple[str, ...]:
    """A list of kinds of evidence."""
    if not isinstance(value, list) or not all(kind in KINDS for kind in value):
        raise ValueError(f"a list of {', '.join(KINDS)} is expected")
    return tuple(value)


def read_flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false is expected")
    return value


def read_days(value: Any) -> int:
    """A whole number of days."""
    if type(value) is not int or not 0 <= value <= MAX_DAYS:
        raise ValueError(f"a whole number of days up to {MAX_DAYS} is expected")
    return value


def read_test_ages(value: Any) -> Mapping[str, float] | None:
    """Hours by test type; None: this gate takes no test."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError("an object of test type and hours is expected")
    for hours in value.values():
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= MAX_TEST_AGE_H:
            raise ValueError("hours are a positive number")
    return {str(kind): float(hours) for kind, hours in value.items()}


def _last_day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(value)


def read_periods(value: Any) -> tuple[Period, ...]:
    """Periods in the order of their days; no two hold on one day."""
    if not isinstance(value, list) or len(value) > MAX_PERIODS:
        raise ValueError("a list of periods is expected")
    found = []
    for entry in value:
        if set(entry) != {"since", "until", "require"}:
            raise ValueError("a period has since, until and require")
        groups = tuple(read_kinds(group) for group in entry["require"])
        found.append(Period(date.fromisoformat(entry["since"]), _last_day(entry["until"]), groups))
    found.sort(key=lambda period: period.since)
    for earlier, later in pairwise(found):
        if earlier.until is None or earlier.until >= later.since:
            raise ValueError(f"two periods hold on {later.since}")
    return tuple(found)


def read_agreements(value: Any) -> tuple[Agreement, ...] | None:
    """The list of recognition; None: every issuer of the trust list counts."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_AGREEMENTS:
        raise ValueError("a list of agreements is expected")
    return tuple(_agreement(entry) for entry in value)


def read_portal(entry: Any) -> Portal:
    """One portal."""
    if set(entry) != {"country", "portal"} or not HOST.fullmatch(entry["portal"]):
        raise ValueError("a portal has country and portal, a host name")
    return Portal(read_country(entry["country"]), entry["portal"])


def _agreement(entry: Any) -> Agreement:
    if not set(entry) <= {"country", "since", "until", "formats", "name"}:
        raise ValueError("unknown key of an agreement")
    formats = frozenset(entry.get("formats") or ())
    if not formats <= set(FORMATS):
        raise ValueError("unknown format of an agreement")
    return Agreement(
        read_country(entry["country"]),
        date.fromisoformat(entry["since"]),
        _last_day(entry.get("until")),
        formats,
    )


def read_zone(value: Any) -> tzinfo:
    """A time zone by its IANA name."""
    if not isinstance(value, str) or len(value) > 80:
        raise ValueError("the IANA name of a time zone is expected")
    try:
        return ZoneInfo(value)
    except (ValueError, KeyError, OSError) as fault:
        if value in _WITHOUT_ZONE_DATA:
            return _WITHOUT_ZONE_DATA[value]
        raise ValueError(f"unknown time zone {value!r}") from fault
