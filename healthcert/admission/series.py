"""Is the primary series complete? Counted over all certificates of one person.

By product (the default): complete when as many doses were given as the product's own series asks, because
"yellow = one dose, green = two" is wrong for Jcovden (one) and Abdala (three). The literal rule stays as a
named option. Where an issuer says a shorter series was complete (1/1 after a recovery, as in the Union), a
policy decides whether that counts.
Source: requirement K02; notes/certificates-other-formats-and-vietnam §3.5-3.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from ..rules.products import Product, by_code, by_name

MAX_DOSES = 20  # the most anybody was ever given is 9; more is a misreading
LITERAL_SERIES = 2


class SeriesRule(StrEnum):
    """How the needed number of doses is found."""

    PRODUCT = "product"
    LITERAL = "literal"  # two doses, whatever the product


class SeriesState(StrEnum):
    """Where a person stands."""

    NONE = "none"
    STARTED = "started"
    COMPLETE = "complete"
    WAITING = "waiting"  # complete, but the last dose is younger than the policy's wait
    UNKNOWN = "unknown"


class Series(NamedTuple):
    """State, doses given and needed; None where nothing tells."""

    state: SeriesState
    given: int | None = None
    needed: int | None = None


def judge_series(
    vaccinations: Iterable[Mapping[str, Any]],
    today: date,
    *,
    rule: SeriesRule = SeriesRule.PRODUCT,
    accept_shortened: bool = True,
    wait_days: int = 0,
) -> Series:
    """The state of a series from entries of `claims["vaccinations"]`, of one or several certificates."""
    entries = [entry for entry in vaccinations if isinstance(entry, Mapping)]
    if not entries:
        return Series(SeriesState.NONE)
    given = _given(entries)
    if given is None:
        return Series(SeriesState.UNKNOWN)
    needed = LITERAL_SERIES if rule is SeriesRule.LITERAL else _needed(entries)
    if needed is None:
        return Series(SeriesState.UNKNOWN, given)
    if given < needed and not (accept_shortened and rule is SeriesRule.PRODUCT and _shortened(entries)):
        return Series(SeriesState.STARTED, given, needed)
    if wait_days and not _waited(entries, today, wait_days):
        return Series(SeriesState.WAITING, given, needed)
    return Series(SeriesState.COMPLETE, given, needed)


def _given(entries: list[Mapping[str, Any]]) -> int | None:
    """The highest dose number told, or the number of different days, whichever is more."""
    numbers = [number for entry in entries if (number := count(entry.get("dose"))) is not None]
    days = {str(entry["date"])[:10] for entry in entries if isinstance(entry.get("date"), str)}
    if not numbers and not days:
        return None
    return min(max([*numbers, len(days)]), MAX_DOSES)


def _needed(entries: list[Mapping[str, Any]]) -> int | None:
    """The longest series among the products given; what the issuer says where no product is known."""
    products = [product for entry in entries if (product := product_of(entry)) is not None]
    if products:
        return max(product.series for product in products)
    told = [number for entry in entries if (number := count(entry.get("doses_total"))) is not None]
    return max(told, default=None)


def _shortened(entries: list[Mapping[str, Any]]) -> bool:
    """The issuer itself says that the last dose completed the series (dose = total)."""
    return any(
        (dose := count(entry.get("dose"))) is not None and dose == count(entry.get("doses_total"))
        for entry in entries
    )


def _waited(entries: list[Mapping[str, Any]], today: date, wait_days: int) -> bool:
    last = max((day for entry in entries if (day := day_of(entry.get("date"))) is not None), default=None)
    return last is not None and last + timedelta(days=wait_days) <= today


def product_of(entry: Mapping[str, Any]) -> Product | None:
    """The product of an entry by its code, else by its name."""
    code = entry.get("product")
    return by_code(code if isinstance(code, str) else None) or by_name(
        code if isinstance(code, str) else None
    )


def count(value: object) -> int | None:
    """A whole number from 1 to 99; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 99:
        return None
    return int(value) if int(value) == value else None


def day_of(value: object) -> date | None:
    """The day at the head of an ISO 8601 text."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
