"""Is the primary series complete? Counted over all certificates of one person.

By product (the default): complete when as many doses were given as the product's own series asks, because
"yellow = one dose, green = two" is wrong for Jcovden (one) and Abdala (three). The literal rule stays as a
named option. Where an issuer says a shorter series was complete (1/1 after a recovery, as in the Union), a
policy decides whether that counts. A wait counts from the dose that completed the series, not from a booster.
Source: requirement K02; notes/certificates-other-formats-and-vietnam §3.5-3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from .doses import Dose, at_least, at_most, is_in_future, read_doses
from .when import add_days

LITERAL_SERIES = 2
BOOSTER_GAP_DAYS = 28  # no label allows a further dose sooner after the primary series


class SeriesRule(StrEnum):
    """How the needed number of doses is found."""

    PRODUCT = "product"
    LITERAL = "literal"  # two doses, whatever the product


class SeriesState(StrEnum):
    """Where a person stands."""

    NONE = "none"
    STARTED = "started"
    COMPLETE = "complete"
    WAITING = "waiting"  # complete, but the dose that completed it is younger than the policy's wait
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
    """The state of a series from entries of `claims["vaccinations"]`, of one or several certificates.

    Entries dated in the future are passed over. Same entries in another order, or twice: same answer.
    """
    doses = read_doses(entry for entry in vaccinations if not is_in_future(entry, today))
    if not doses:
        return Series(SeriesState.NONE)
    given = at_least(doses)
    if given is None:
        return Series(SeriesState.UNKNOWN)

    def complete(some: Sequence[Dose]) -> bool:
        return _is_complete(some, rule, accept_shortened)

    needed = _needed(doses, rule)
    if not complete(doses):
        if needed is None:
            return Series(SeriesState.UNKNOWN, given)
        if at_most(doses) >= needed:
            return Series(SeriesState.UNKNOWN, None, needed)
        return Series(SeriesState.STARTED, given, needed)
    state = SeriesState.COMPLETE
    if wait_days:
        since = _complete_since(doses, rule, complete)
        if since is None:
            return Series(SeriesState.UNKNOWN, given, needed)
        if add_days(min(since, today), wait_days) > today:
            state = SeriesState.WAITING
    return Series(state, given, needed)


def _is_complete(doses: Sequence[Dose], rule: SeriesRule, accept_shortened: bool) -> bool:
    """Whether so many doses are there for certain, of all together or of one product alone."""
    needed = _needed(doses, rule)
    if needed is not None and (at_least(doses) or 0) >= needed:
        return True
    if rule is SeriesRule.LITERAL:
        return False
    if accept_shortened and any(dose.number is not None and dose.number == dose.total for dose in doses):
        return True  # the issuer itself says that the last dose completed the series
    products = {dose.product for dose in doses if dose.product is not None}
    return any(
        (at_least(dose for dose in doses if dose.product == product) or 0) >= product.series
        for product in products
    )


def _needed(doses: Iterable[Dose], rule: SeriesRule) -> int | None:
    """The longest series among the products given; what the issuer says where no product is known."""
    if rule is SeriesRule.LITERAL:
        return LITERAL_SERIES
    doses = tuple(doses)
    series = [dose.product.series for dose in doses if dose.product is not None]
    return max(series or [dose.total for dose in doses if dose.total is not None], default=None)


def _complete_since(
    doses: Sequence[Dose], rule: SeriesRule, complete: Callable[[Sequence[Dose]], bool]
) -> date | None:
    """A day on which the series was complete at the latest; None if no day tells.

    A dose numbered above the series was given at least a booster's distance after the one that completed it.
    """
    dated = [(dose.days.last, dose) for dose in doses if dose.days is not None]  # in the order of their days
    for number, (day, dose) in enumerate(dated):
        if complete([earlier for _, earlier in dated[: number + 1]]):
            needed = _needed([dose], rule)
            booster = dose.number is not None and needed is not None and dose.number > needed
            return add_days(day, -BOOSTER_GAP_DAYS) if booster else day
    return None
