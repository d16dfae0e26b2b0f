"""The read side of the live board.

A handful of counts, kept for a moment so that many viewers cost one query.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from scanner.protocol import OUTCOMES, ProtocolError, entry_time, parse_entries, word
from verifier_service.database import Database
from verifier_service.fleet.ingest import Link
from verifier_service.fleet.models import Alarm, Board, KioskRow, LastCheck, MinuteBar

WINDOW = timedelta(hours=24)
MINUTES = 60
LAST = 20
ALARMS = 10
KIOSKS = 50
REASONS = 12
KEEP_S = 1.0


class BoardReader:
    """The newest board, at most KEEP_S old."""

    def __init__(self, database: Database, clock: Callable[[], float] = monotonic) -> None:
        self._database, self._clock, self._lock = database, clock, threading.Lock()
        self._kept: tuple[float, Board] | None = None

    def read(self, now: datetime) -> Board:
        """The board as of about `now`. Raises psycopg errors when the database is down."""
        with self._lock:
            if self._kept is not None and self._clock() < self._kept[0]:
                return self._kept[1]
            with self._database.connection() as link:
                board = read_board(link, now)
            self._kept = (self._clock() + KEEP_S, board)
            return board


def read_board(link: Link, now: datetime) -> Board:
    """Everything the board shows, in six statements."""
    since = now - WINDOW
    totals = dict.fromkeys(OUTCOMES, 0)
    totals |= dict(
        link.execute(
            "SELECT outcome, sum(checks)::bigint FROM scan_counter WHERE minute >= %s GROUP BY outcome",
            (since,),
        ).fetchall()
    )
    reasons = link.execute(
        "SELECT outcome, reason, sum(checks)::bigint AS n FROM scan_counter"
        " WHERE minute >= %s AND reason <> '' GROUP BY outcome, reason ORDER BY n DESC, reason LIMIT %s",
        (since, REASONS),
    ).fetchall()
    return Board(
        taken_at=now,
        totals=totals,
        reasons=tuple((str(o), str(r), int(n)) for o, r, n in reasons),
        kiosks=_kiosks(link, since),
        minutes=_minutes(link, now),
        last=_last(link),
        alarms=tuple(
            Alarm(*row)
            for row in link.execute(
                "SELECT a.raised_at, d.label, a.kind, a.epoch, a.seq, a.missing FROM device_alarm a"
                " JOIN device d ON d.device_id = a.device_id ORDER BY a.raised_at DESC LIMIT %s",
                (ALARMS,),
            )
        ),
    )


def _kiosks(link: Link, since: datetime) -> tuple[KioskRow, ...]:
    counts: dict[object, dict[str, int]] = defaultdict(dict)
    for device, outcome, checks in link.execute(
        "SELECT device_id, outcome, sum(checks)::bigint FROM scan_counter WHERE minute >= %s"
        " GROUP BY device_id, outcome",
        (since,),
    ):
        counts[device][outcome] = int(checks)
    rows = [
        KioskRow(label, tuple(counts[device].get(outcome, 0) for outcome in OUTCOMES), seen)
        for device, label, seen in link.execute(
            "SELECT d.device_id, d.label, max(s.seen_at) FROM device d LEFT JOIN device_stream s"
            " ON s.device_id = d.device_id GROUP BY d.device_id, d.label"
        )
    ]
    return tuple(sorted(rows, key=lambda row: (-sum(row.counts), row.label))[:KIOSKS])


def _minutes(link: Link, now: datetime) -> tuple[MinuteBar, ...]:
    last = now.astimezone(UTC).replace(second=0, microsecond=0)
    first = last - timedelta(minutes=MINUTES - 1)
    found: dict[datetime, dict[str, int]] = defaultdict(dict)
    for minute, outcome, checks in link.execute(
        "SELECT minute, outcome, sum(checks)::bigint FROM scan_counter WHERE minute >= %s AND minute <= %s"
        " GROUP BY minute, outcome",
        (first, last),
    ):
        found[minute.astimezone(UTC)][outcome] = int(checks)
    return tuple(
        MinuteBar(minute, tuple(found[minute].get(outcome, 0) for outcome in OUTCOMES))
        for minute in (first + timedelta(minutes=n) for n in range(MINUTES))
    )


def _last(link: Link) -> tuple[LastCheck, ...]:
    checks: list[LastCheck] = []
    for body, skip, count, received, label in link.execute(
        "SELECT b.body, b.skip, b.count, b.received_at, d.label FROM scan_batch b"
        " JOIN device d ON d.device_id = b.device_id ORDER BY b.received_at DESC, b.first_seq DESC LIMIT %s",
        (LAST,),
    ):
        try:
            entries = parse_entries(body)[skip : skip + count]
        except ProtocolError:  # a newer protocol may be stored beside this one
            continue
        for entry in reversed(entries[-LAST:]):
            checks.append(_check(entry, received, label))
    return tuple(sorted(checks, key=lambda check: check.at, reverse=True)[:LAST])


def _check(entry: object, received: datetime, label: str) -> LastCheck:
    fields = list(entry) if isinstance(entry, list | tuple) else []
    fields += [None] * (6 - len(fields))
    code, reasons, issuer = fields[1], fields[2], fields[5]
    at = entry_time(fields)
    return LastCheck(
        at=at if at is not None and at <= received + timedelta(minutes=10) else received,
        label=label,
        outcome=OUTCOMES[code] if type(code) is int and 0 <= code < len(OUTCOMES) else "unreadable",
        reason=word(reasons[0]) if isinstance(reasons, list | tuple) and reasons else "",
        format=word(fields[3]),
        issuer=issuer if isinstance(issuer, str) and len(issuer) <= 3 and issuer.isalpha() else "",
    )
