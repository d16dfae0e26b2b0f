"""How many doses a person was given: at least, and at most.

One dose is often told twice: by two formats, by a re-issue with a corrected date, by a pharmacy and a
register. So there are two counts. `at_least` counts what cannot be one dose told twice: the highest number an
issuer gave, or days further apart than a date is put right by. `at_most` counts every different day. Where
something else follows from the one than from the other, nobody can know.
Source: requirement K02; product information (shortest primary schedules: Abdala 14 days, CoronaVac 14 days)
and CDC's four days of grace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from ..rules.products import Product, by_code, by_name
from .when import Days, add_days, days_of

MAX_DOSES = 20  # the most anybody was ever given is 9; more is a misreading
MIN_GAP_DAYS = 14 - 4  # two doses of one series are at least so far apart; less may be a date put right
DAY_SLACK = 1  # somewhere on Earth it is tomorrow


class Dose(NamedTuple):
    """What counting needs to know of one entry; equal ones are one record shown twice."""

    number: int | None
    total: int | None
    days: Days | None
    product: Product | None


def read_doses(entries: Iterable[Mapping[str, Any]]) -> tuple[Dose, ...]:
    """The different records among entries of `claims["vaccinations"]`, in an order of their own."""
    found = {
        Dose(count(e.get("dose")), count(e.get("doses_total")), days_of(e.get("date")), product_of(e))
        for e in entries
    }
    return tuple(sorted(found, key=_rank))


def is_in_future(entry: Mapping[str, Any], today: date) -> bool:
    """Whether a dose is dated later than today wherever on Earth one stands."""
    days = days_of(entry.get("date"))
    return days is not None and days.first > add_days(today, DAY_SLACK)


def at_least(doses: Iterable[Dose]) -> int | None:
    """Doses given for certain; None where neither a number nor a day tells any."""
    doses = tuple(doses)
    numbers = [dose.number for dose in doses if dose.number is not None]
    apart = _apart(doses, MIN_GAP_DAYS, by_number=True)
    most = max([*numbers, apart], default=0)
    return min(most, MAX_DOSES) or None


def at_most(doses: Iterable[Dose]) -> int:
    """Doses given if every record with a day (or product) of its own is a dose of its own."""
    doses = tuple(doses)
    numbers = [dose.number for dose in doses if dose.number is not None]
    numbered = [dose.days for dose in doses if dose.number is not None and dose.days is not None]
    others = [
        dose
        for dose in doses
        if dose.number is None and not (dose.days and any(_overlap(dose.days, days) for days in numbered))
    ]
    bare = sum(dose.days is None for dose in others)
    days_of_all = _apart(doses, 1, by_number=False) + bare
    beside_the_numbers = max(numbers, default=0) + _apart(others, 1, by_number=False) + bare
    return min(max(days_of_all, beside_the_numbers), MAX_DOSES)


def product_of(entry: Mapping[str, Any]) -> Product | None:
    """The product of an entry by its code, else by its name."""
    code = entry.get("product")
    return (by_code(code) or by_name(code)) if isinstance(code, str) else None


def count(value: object) -> int | None:
    """A whole number from 1 to 99; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 99:
        return None
    return int(value) if int(value) == value else None


def _apart(doses: Iterable[Dose], gap: int, *, by_number: bool) -> int:
    """The most records that pairwise lie `gap` days apart; `by_number`: two of one number are never two."""
    taken, numbers, last = 0, set[int](), None
    dated = [(dose.days, dose.number) for dose in doses if dose.days is not None]
    for days, number in sorted(dated, key=lambda one: (one[0].last, one[0].first, one[1] or 0)):
        if last is not None and days.first.toordinal() < last + gap:
            continue
        if by_number and number is not None:
            if number in numbers:
                continue
            numbers.add(number)
        taken, last = taken + 1, days.last.toordinal()
    return taken


def _overlap(a: Days, b: Days) -> bool:
    return a.first <= b.last and b.first <= a.last


def _rank(dose: Dose) -> tuple[date, date, int, int, str]:
    days = dose.days or Days(date.max, date.max)
    code = dose.product.code if dose.product else ""
    return days.last, days.first, dose.number or 0, dose.total or 0, code
