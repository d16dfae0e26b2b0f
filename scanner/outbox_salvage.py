"""What can still be read of a damaged outbox, copied into a fresh one under the same numbers.

Same numbers, so nothing is sent twice: what the service has already it drops. Numbers that are gone for good
become a gap in the next report, and the service raises its alarm. If a counter of ours was lost and a number
is used anew, the service sees another report under it and opens a new stream (ADR 4).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from healthcert.transport.cbor import CborError
from scanner.plain_cbor import plain
from scanner.protocol import MAX_ENTRY_BYTES, MAX_NUMBER

STEP = 8  # numbers passed over at a place that cannot be read; a page holds 30 to 90 reports
MAX_MISSES = 100_000  # such places before giving up: 800,000 numbers in a few seconds
MAX_STREAMS = 1_000
# Only these mean that a part of the file is gone. Others (no room for the -shm file) pass.
_GONE = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
)
_GONE_ON_DISK = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})
_ROWS = "SELECT seq, body, at, acked_at FROM entries WHERE epoch = ? AND seq > ? AND seq < ? ORDER BY seq"

Row = tuple[int, bytes, int, int | None]


@dataclass(frozen=True, slots=True)
class Salvaged:
    """Reports copied; how many of them wait to be sent; waiting ones lost, None: nobody can tell."""

    kept: int
    waiting: int
    lost: int | None


@dataclass(frozen=True, slots=True)
class _Stream:
    epoch: int
    next_seq: int
    sent_to: int


def salvage(broken: Path, fresh: sqlite3.Connection) -> Salvaged:
    """Fill `fresh` (empty, with its schema) from the file `broken`, in one commit.

    Raises sqlite3.Error for a fault of `fresh`; whatever `broken` holds is no error.
    """
    kept = waiting = lost = 0
    with closing(sqlite3.connect(f"{broken.absolute().as_uri()}?mode=ro", uri=True)) as source:
        known, age = _streams(source), _age(source)
        fresh.execute("BEGIN IMMEDIATE")
        for stream in (known or _guessed(source)).values():
            of_stream = [0, 0]
            last = stream.sent_to - 1
            for seq, body, at, acked_at in _rows(source, stream):
                sent = seq < stream.sent_to
                stamp = min(acked_at or age, age) if sent else None
                fresh.execute(
                    "INSERT INTO entries VALUES (?, ?, ?, ?, ?)", (stream.epoch, seq, body, at, stamp)
                )
                of_stream[sent] += 1
                last = max(last, seq)
            # A fork that was under way left reports beyond next_seq: they are moved on later.
            end = stream.next_seq if known else last + 1
            fresh.execute(
                "INSERT INTO streams VALUES (?, ?, ?, NULL) ON CONFLICT (epoch) DO UPDATE"
                " SET next_seq = excluded.next_seq, sent_to = excluded.sent_to",
                (stream.epoch, end, stream.sent_to),
            )
            kept, waiting = kept + sum(of_stream), waiting + of_stream[False]
            lost += max(0, end - stream.sent_to - of_stream[False])
        fresh.execute("UPDATE meta SET value = ? WHERE key = 'age'", (age,))
        fresh.execute("COMMIT")
    return Salvaged(kept, waiting, lost if known else None)


def _ask(source: sqlite3.Connection, sql: str, *values: int) -> list[tuple[Any, ...]] | None:
    """The rows; None where the file cannot be read."""
    try:
        return source.execute(sql, values).fetchall()
    except sqlite3.DatabaseError as error:
        if not _gone(error):
            raise
        return None


def _gone(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _GONE or code in _GONE_ON_DISK


def _streams(source: sqlite3.Connection) -> Mapping[int, _Stream]:
    """The counters of the damaged file; empty if they cannot be read or believed."""
    rows = _ask(source, "SELECT epoch, next_seq, sent_to FROM streams ORDER BY epoch LIMIT ?", MAX_STREAMS)
    good = all(_count(*row) and row[2] <= row[1] for row in rows or [])
    return {row[0]: _Stream(*row) for row in rows or []} if good else {}


def _guessed(source: sqlite3.Connection) -> Mapping[int, _Stream]:
    """Streams as the reports themselves show them; all is sent again, the service drops what it has."""
    found: dict[int, _Stream] = {}
    epoch = -1
    while len(found) < MAX_STREAMS:
        row = _ask(
            source, "SELECT epoch, seq FROM entries WHERE epoch > ? ORDER BY epoch, seq LIMIT 1", epoch
        )
        if not row or not _count(*row[0]):
            break
        epoch, first = row[0]
        found[epoch] = _Stream(epoch, MAX_NUMBER, first)
    return found


def _age(source: sqlite3.Connection) -> int:
    row = _ask(source, "SELECT value FROM meta WHERE key = 'age'")
    return row[0][0] if row and _count(row[0][0]) else 0


def _rows(source: sqlite3.Connection, stream: _Stream) -> Iterator[Row]:
    """The readable rows of a stream; where a page is gone it goes on STEP numbers later."""
    at, misses = -1, 0
    last = _ask(source, "SELECT max(seq) FROM entries WHERE epoch = ?", stream.epoch)
    end = last[0][0] + 1 if last and _count(last[0][0]) else stream.next_seq
    while misses < MAX_MISSES and at < end:
        try:
            for row in source.execute(_ROWS, (stream.epoch, at, end)):
                if _count(row[0]):
                    at = row[0]
                if _believable(*row):
                    yield row
            return
        except sqlite3.DatabaseError as error:
            if not _gone(error):
                raise
            misses += 1
            at += STEP


def _believable(seq: Any, body: Any, at: Any, acked_at: Any) -> bool:
    """Whether a row is a report: one that is none would make the service refuse its whole message."""
    if not (_count(seq, at) and (acked_at is None or _count(acked_at)) and isinstance(body, bytes)):
        return False
    try:
        return len(body) <= MAX_ENTRY_BYTES and isinstance(plain(body), list)
    except CborError:
        return False


def _count(*values: Any) -> bool:
    return all(type(value) is int and 0 <= value < MAX_NUMBER for value in values)
