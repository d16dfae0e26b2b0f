"""Whose certificates are recognised, since when and until when: data with dates, never code.

Source: requirement C07; notes/certificates-other-formats-and-vietnam §1.7.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Recognition(StrEnum):
    """The answers about one country at one day."""

    RECOGNISED = "recognised"
    NOT_RECOGNISED = "not_recognised"
    EXPIRED = "expired"
    NOT_YET = "not_yet"


class Agreement(NamedTuple):
    """One row of the list. `until` None: open; both days included. `formats` empty: every format."""

    country: str  # ISO 3166-1 alpha-2
    since: date
    until: date | None = None
    formats: frozenset[str] = frozenset()
    portal: str | None = None  # where an officer can look by hand


def look_up(agreements: Iterable[Agreement], country: str | None, format: str, today: date) -> Recognition:
    """The answer for `country`: an agreement in force wins, else the most telling of the others."""
    mine = [
        row for row in agreements if row.country == country and (not row.formats or format in row.formats)
    ]
    if any(row.since <= today and (row.until is None or today <= row.until) for row in mine):
        return Recognition.RECOGNISED
    if any(row.until is not None and row.until < today for row in mine):
        return Recognition.EXPIRED
    return Recognition.NOT_YET if mine else Recognition.NOT_RECOGNISED


def portal_of(agreements: Iterable[Agreement], country: str | None) -> str | None:
    """The portal of a country for a check by hand, shown and never opened."""
    return next((row.portal for row in agreements if row.country == country and row.portal), None)
