"""Whose certificates are recognised, since when and until when: data with dates, never code.

Source: requirement C07; notes/certificates-other-formats-and-vietnam §1.7.
"""

from __future__ import annotations

import re
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


class Portal(NamedTuple):
    """Where a country answers for its certificates by hand; shown to an officer and never opened."""

    country: str  # ISO 3166-1 alpha-2
    host: str


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


HOST = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}")
_LINK_HOST = re.compile(r"https?://([a-z0-9.-]{1,253})(?:[:/?#]|\Z)", re.IGNORECASE)


def portal_of_link(portals: Iterable[Portal], text: str) -> Portal | None:
    """The portal a code links to: its host, or one below it."""
    found = _LINK_HOST.match(text)
    if found is None:
        return None
    host = found.group(1).casefold()
    return next((each for each in portals if host == each.host or host.endswith(f".{each.host}")), None)


def portals_of(portals: Iterable[Portal], country: str | None) -> tuple[Portal, ...]:
    """The portals of a country."""
    return tuple(each for each in portals if each.country == country)
