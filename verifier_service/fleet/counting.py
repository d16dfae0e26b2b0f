"""From the entries of a batch to counter rows: pure, bounded in what it lets through.

A counter key is (minute, outcome, reason, format). The first reason of a check counts, so the rows add up
to the number of checks. A time that cannot be right counts in the minute of receipt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from scanner.protocol import OUTCOMES, word

OLDEST = timedelta(days=45)  # a kiosk may be without a network for weeks
FUTURE = timedelta(minutes=10)  # clocks differ
UNREADABLE = "unreadable"
MAX_ROWS = 400  # counter rows one batch may touch; beyond, the reason gives way to "other"
Key = tuple[datetime, str, str, str]


def count(entries: Iterable[Any], received: datetime) -> list[tuple[datetime, str, str, str, int]]:
    """Counter rows of `entries`, in a fixed order so that writers never wait for each other in a ring."""
    newest = int((received + FUTURE).timestamp() * 1000)
    oldest = int((received - OLDEST).timestamp() * 1000)
    receipt = int(received.timestamp()) // 60
    raw: Counter[tuple[int, Any, Any, Any]] = Counter()
    for entry in entries:
        try:
            at, outcome, reasons, kind = entry[0], entry[1], entry[2], entry[3]
            reason = reasons[0] if reasons else ""
            minute = at // 60_000 if type(at) is int and oldest <= at <= newest else receipt
            raw[minute, outcome, reason, kind] += 1
        except (TypeError, LookupError, ValueError):
            raw[receipt, None, "", ""] += 1
    if len(raw) > MAX_ROWS:
        folded: Counter[tuple[int, Any, Any, Any]] = Counter()
        for (_, outcome, _, _), checks in raw.items():
            folded[receipt, outcome, "other", "other"] += checks
        raw = folded
    rows: Counter[Key] = Counter()
    for (minute, outcome, reason, kind), checks in raw.items():
        name = OUTCOMES[outcome] if type(outcome) is int and 0 <= outcome < len(OUTCOMES) else UNREADABLE
        when = datetime.fromtimestamp(minute * 60, UTC)
        rows[when, name, word(reason) if reason else "", word(kind) if kind else ""] += checks
    return [(*key, checks) for key, checks in sorted(rows.items())]
