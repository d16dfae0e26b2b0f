"""What is well formed and cannot be true. The payload has passed the schema before it comes here.

Source: requirement C20 (lint before the signing key is touched); Commission Implementing Regulation (EU)
2022/256 (boosters: 3 of 3 after two doses, 2 of 1 after a single one).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

# The virus was named in January 2020; nobody was inoculated, tested or recovered before.
_FIRST_DAY = "2020-01-01"
_EVENTS = {"v": ("dt",), "t": (), "r": ("fr",)}


def sense_faults(
    dcc: Mapping[str, Any], kind: str, entry: Mapping[str, Any], issued_at: datetime
) -> list[str]:
    """`sense.<cause>` for each; `issued_at` is aware and its own zone says which day it is."""
    faults: list[str] = []
    today = issued_at.date().isoformat()
    days = [entry[name] for name in _EVENTS[kind]]
    if kind == "t":
        taken = datetime.fromisoformat(entry["sc"])
        days.append(taken.astimezone(issued_at.tzinfo).date().isoformat())
        if taken > issued_at:
            faults.append("sense.event_in_future")
    elif max(days) > today:
        faults.append("sense.event_in_future")
    if min(days) < _FIRST_DAY:
        faults.append("sense.event_too_early")
    faults += _birth_faults(dcc["dob"], min(days), today)
    if kind == "v" and entry["dn"] > entry["sd"] != 1:
        faults.append("sense.dose_above_total")
    if kind == "r" and not entry["fr"] <= entry["df"] <= entry["du"]:
        faults.append("sense.recovery_window")
    return faults


def _birth_faults(birth: str, event: str, today: str) -> list[str]:
    """`birth` is empty, a year, a month or a day; the later two texts are days."""
    if not birth:
        return []
    try:
        date.fromisoformat(birth + "0001-01-01"[len(birth) :])
    except ValueError:
        return ["sense.birth_date"]
    if birth > today[: len(birth)]:
        return ["sense.birth_in_future"]
    return ["sense.birth_after_event"] if birth > event[: len(birth)] else []
