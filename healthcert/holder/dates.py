"""Birth dates that are known in part: `1963`, `1963-00`, `1964-01`, or not at all.

Source: eu-dcc-schema 1.3.3 (`dob`); FHIR R4 `date`; Doc 9303 part 3 §4.8 (unknown parts of a birth date).
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import NamedTuple

_ISO = re.compile(r"([0-9]{4})(?:-([0-9X]{2})(?:-([0-9X]{2})(?:[T ].{0,40})?)?)?", re.ASCII)
_UNKNOWN_PARTS = ("00", "XX")
_CENTURY = 100


class Agreement(StrEnum):
    """How two values of one field stand to each other."""

    SAME = "same"
    PARTIAL = "partial"  # agree as far as both are known
    DIFFERS = "differs"
    ABSENT = "absent"  # one side does not have it


class PartialDate(NamedTuple):
    """A calendar date whose finer parts may be unknown (None); a known day implies a known month."""

    year: int | None = None
    month: int | None = None
    day: int | None = None


UNKNOWN_DATE = PartialDate()


def make_date(year: int | None, month: int | None, day: int | None) -> PartialDate:
    """The date without what hangs in the air: a day of no month, a month of no year. Raises ValueError."""
    if year is None:
        return UNKNOWN_DATE
    date(year, 1 if month is None else month, 1 if month is None or day is None else day)
    return PartialDate(year, month, None if month is None else day)


def parse_birth(value: object) -> PartialDate:
    """The date in an ISO 8601 text, a time behind it ignored; UNKNOWN_DATE for anything that is no date."""
    found = _ISO.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 64 else None
    if found is None:
        return UNKNOWN_DATE
    parts = [None if part in (None, *_UNKNOWN_PARTS) else part for part in found.groups()]
    try:
        year, month, day = [None if part is None else int(part) for part in parts]
        return make_date(year, month, day)
    except ValueError:
        return UNKNOWN_DATE


def compare_dates(a: PartialDate, b: PartialDate) -> Agreement:
    """SAME only if both are complete and equal; a part known to both that differs decides."""
    if a.year is None or b.year is None:
        return Agreement.ABSENT
    for left, right in zip(a, b, strict=True):
        if left is None or right is None:
            return Agreement.PARTIAL
        if left != right:
            return Agreement.DIFFERS
    return Agreement.SAME


def is_day_month_swap(a: PartialDate, b: PartialDate) -> bool:
    """True if the two differ only in that day and month changed places: the commonest slip of the pen."""
    return a.day is not None and a.day != a.month and a == PartialDate(b.year, b.day, b.month)


def is_century_apart(a: PartialDate, b: PartialDate) -> bool:
    """True if all that differs is the century, which a two-digit year cannot tell."""
    if a.year is None or b.year is None or abs(a.year - b.year) != _CENTURY:
        return False
    return compare_dates(a._replace(year=b.year), b) is not Agreement.DIFFERS
