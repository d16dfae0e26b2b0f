"""RFC 3339 text to aware datetimes and back; no clock is read here."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from .limits import MAX_NUMERIC_DATE, MIN_NUMERIC_DATE

_FRACTION = re.compile(r"([.,]\d{6})\d+")
_MAX_CHARS = 64


def parse_instant(value: object) -> datetime:
    """The instant `value` names: RFC 3339 text (no offset = UTC) or seconds since 1970.

    Digits of a second beyond the sixth are cut. Raises ValueError.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("not an instant")
    if isinstance(value, str):
        if len(value) > _MAX_CHARS:
            raise ValueError("not an instant")
        parsed = datetime.fromisoformat(_FRACTION.sub(r"\1", value.strip()))
        try:
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        except OverflowError as fault:  # in UTC it lies before year 1 or after year 9999
            raise ValueError("not an instant") from fault
    if not MIN_NUMERIC_DATE <= value <= MAX_NUMERIC_DATE:
        raise ValueError("not an instant")
    return datetime.fromtimestamp(value, UTC)


def format_instant(seconds: float | None) -> str | None:
    """Seconds since 1970 as RFC 3339 in UTC; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
