"""Dates as CertLogic counts them: JavaScript's UTC arithmetic over milliseconds.

A date-time here is a naive `datetime` in UTC; JSON has no such type, so none can come out of the data.
A date that does not exist (30 February) is an error, also where JavaScript would roll it over: the
reference implementations disagree on it, and a certificate does not hold one by accident.
Source: CertLogic specification 1.3.3, `plusTime` and `dccDateOfBirth`; ECMA-262 Date.prototype.setUTC*.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, timedelta

from ..errors import CertLogicError

UNITS = ("year", "month", "day", "hour")
_PARTIAL = re.compile(r"[0-9]{4}(?:-[0-9]{2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])"
    r"(?:\.([0-9]+))?"
    r"(?:Z|([+-])([01]?[0-9]|2[0-3])(?::?([0-5][0-9]))?)?"
)
_DAYS_IN_EVERY_MONTH = 28


def parse_moment(text: str) -> datetime:
    """The instant a text names: YYYY, YYYY-MM (their last day), YYYY-MM-DD, or a date-time with seconds.

    No offset means UTC; digits beyond the millisecond are cut. Raises CertLogicError.
    """
    try:
        found = _MOMENT.fullmatch(text)
        if found is None:
            return parse_birth(text)
        stamp, fraction, sign, hours, minutes = found.groups()
        moment = datetime.fromisoformat(stamp)
        if fraction:
            moment = moment.replace(microsecond=1000 * int((fraction + "00")[:3]))
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            moment = moment - offset if sign == "+" else moment + offset
        return moment
    except (ValueError, OverflowError):
        raise CertLogicError("no such date-time within years 1 to 9999") from None


def parse_birth(text: str) -> datetime:
    """Midnight of the last day a date of birth allows: YYYY, YYYY-MM or YYYY-MM-DD. Raises CertLogicError."""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text)
        if _PARTIAL.fullmatch(text):
            year, month = int(text[:4]), int(text[5:] or 12)
            return datetime(year, month, monthrange(year, month)[1])  # noqa: DTZ001 - naive is UTC here
    except ValueError:  # calendar.IllegalMonthError is one too
        raise CertLogicError("no such date within years 1 to 9999") from None
    raise CertLogicError("not an allowed form of a date or date-time")


def shift(amount: int, unit: str) -> Callable[[datetime], datetime]:
    """What adds `amount` units to a date-time; a day the month lacks runs over into the next month."""
    if unit in ("day", "hour"):
        step = timedelta(days=amount) if unit == "day" else timedelta(hours=amount)
        return lambda moment: _added(moment, step)
    months = amount if unit == "month" else 12 * amount
    return lambda moment: _months_later(moment, months)


def _added(moment: datetime, step: timedelta) -> datetime:
    try:
        return moment + step
    except OverflowError:
        raise CertLogicError("a date beyond years 1 to 9999") from None


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(12 * moment.year + moment.month - 1 + months, 12)
    try:
        if moment.day <= _DAYS_IN_EVERY_MONTH:
            return moment.replace(year=year, month=month + 1)
        return moment.replace(year=year, month=month + 1, day=1) + timedelta(days=moment.day - 1)
    except (ValueError, OverflowError):
        raise CertLogicError("a date beyond years 1 to 9999") from None


def moment_text(moment: datetime) -> str:
    """As JavaScript's JSON writes a Date: 2021-05-04T13:37:42.000Z."""
    return f"{moment.isoformat(timespec='milliseconds')}Z"
