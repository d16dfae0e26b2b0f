"""How far each stream has come and what a reply does to it: statements on an open journal, no locks.

A stream is a row (epoch, next_seq, sent_to, probing). Its entries before sent_to are confirmed, those from
there on wait; those beyond next_seq are what a fork left, to be moved into the newest stream. Every function
but `count_all` does at most CHUNK rows, or one message of them. Source: requirement K04; ADR 4.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from scanner import protocol
from scanner.outbox_file import OutboxError
from scanner.protocol import entry_mark

KEEP = timedelta(days=7)
# Ages are counted in time the kiosk was seen running, in steps of at most this: twice the longest interval
# between reports. A clock that jumps (no battery, then the time of the network) ages nothing.
STEP = timedelta(hours=2)
CHUNK = 500  # rows that one commit moves or forgets: about 5 ms
ENVELOPE_BYTES = 256  # COSE header, kid, signature (64), map heads and numbers: under 200 bytes
_MS = timedelta(milliseconds=1)
_log = logging.getLogger(__name__)

Range = tuple[int, int, int]  # epoch, first number, number after the last


@dataclass(frozen=True, slots=True)
class OutboxBatch:
    """What the next report holds. `gap`: how many numbers from first_seq on are no longer here."""

    epoch: int
    first_seq: int
    gap: int
    bodies: tuple[bytes, ...]
    prev: bytes | None
    generation: int = 0  # which opening of the file it was read from

    @property
    def end(self) -> int:
        """Sequence number after the last entry."""
        return self.first_seq + self.gap + len(self.bodies)


def next_batch(db: sqlite3.Connection, limit: int, generation: int) -> OutboxBatch | None:
    """The next report to send, oldest stream first, at most `limit` entries and one message in size."""
    row = db.execute(
        "SELECT epoch, sent_to FROM streams s WHERE EXISTS (SELECT 1 FROM entries e"
        " WHERE e.epoch = s.epoch AND e.seq >= s.sent_to) ORDER BY epoch LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    epoch, start = row
    rows = db.execute(
        "SELECT seq, body FROM entries WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT ?",
        (epoch, start, min(limit, protocol.MAX_BATCH_ENTRIES)),
    ).fetchall()
    before = db.execute("SELECT body FROM entries WHERE epoch = ? AND seq = ?", (epoch, start - 1)).fetchone()
    bodies: list[bytes] = []
    room = protocol.MAX_BATCH_BYTES - ENVELOPE_BYTES
    for place, (seq, body) in enumerate(rows):
        room -= len(body)
        if seq != rows[0][0] + place or room < 0:  # a hole ends the batch: the next one tells of it
            break
        bodies.append(bytes(body))
    prev = entry_mark(bytes(before[0])) if before else None
    return OutboxBatch(epoch, start, rows[0][0] - start, tuple(bodies), prev, generation)


def answered(
    db: sqlite3.Connection, sent: OutboxBatch, reply: protocol.Reply, now: datetime
) -> tuple[int, list[Range]]:
    """Move the state as the reply to `sent` says (see `Outbox.apply`).

    By how many fewer or more reports wait, and the ranges that wait again and are not yet counted in that.
    Raises OutboxError for a reply that makes no sense.
    """
    if reply.status == protocol.FORKED and reply.epoch <= sent.epoch:
        raise OutboxError(f"the service forks stream {sent.epoch} into {reply.epoch}, which is not newer")
    age = grow_older(db, now)
    if reply.status == protocol.FORKED:
        return _fork(db, sent, reply, age)
    most = sent.first_seq if reply.status == protocol.RESEND else sent.end
    change, back = _stand(db, sent.epoch, min(reply.next_seq, most), age)
    if reply.status in (protocol.RESEND, protocol.CREATED):
        change += _ask_older(db, sent.epoch)
    return change, back


def grow_older(db: sqlite3.Connection, now: datetime) -> int:
    """Milliseconds the kiosk was seen running, up to now."""
    kept = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('age', 'seen')"))
    moment = int(now.timestamp() * 1000)
    passed = moment - kept["seen"] if kept["seen"] else 0
    age = int(kept["age"]) + min(max(0, passed), STEP // _MS)
    db.execute(
        "UPDATE meta SET value = CASE key WHEN 'age' THEN ? ELSE ? END WHERE key IN ('age', 'seen')",
        (age, moment),
    )
    return age


def forget(db: sqlite3.Connection, now: datetime) -> int:
    """Delete up to CHUNK entries confirmed longer than KEEP ago; how many. The last confirmed one stays."""
    limit, gone = grow_older(db, now) - KEEP // _MS, 0
    for epoch, end in db.execute("SELECT epoch, sent_to - 1 FROM streams").fetchall():  # the next mark
        oldest = db.execute(
            "SELECT seq, coalesce(acked_at, 0) FROM entries WHERE epoch = ? AND seq < ? ORDER BY seq LIMIT ?",
            (epoch, end, CHUNK - gone),
        ).fetchall()
        old = [seq for seq, acked_at in takewhile(lambda row: row[1] < limit, oldest)]
        if old:
            db.execute("DELETE FROM entries WHERE epoch = ? AND seq <= ?", (epoch, old[-1]))
            gone += len(old)
    return gone


def forked(db: sqlite3.Connection) -> tuple[int, int] | None:
    """A stream with entries beyond its end, and that end; None when there is none."""
    found: tuple[int, int] | None = db.execute(
        "SELECT epoch, next_seq FROM streams s WHERE epoch < (SELECT max(epoch) FROM streams) AND EXISTS"
        " (SELECT 1 FROM entries e WHERE e.epoch = s.epoch AND e.seq >= s.next_seq) LIMIT 1"
    ).fetchone()
    return found


def move(db: sqlite3.Connection, epoch: int, end: int) -> None:
    """Give up to CHUNK entries of `epoch` from `end` on the next numbers of the newest stream."""
    newest, number = db.execute("SELECT epoch, next_seq FROM streams ORDER BY epoch DESC LIMIT 1").fetchone()
    moving = db.execute(
        "SELECT seq FROM entries WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT ?", (epoch, end, CHUNK)
    ).fetchall()
    db.executemany(
        "UPDATE entries SET epoch = ?, seq = ?, acked_at = NULL WHERE epoch = ? AND seq = ?",
        [(newest, number + place, epoch, seq) for place, (seq,) in enumerate(moving)],
    )
    db.execute("UPDATE streams SET next_seq = ? WHERE epoch = ?", (number + len(moving), newest))


def count(db: sqlite3.Connection, epoch: int, start: int, end: int) -> tuple[int, int]:
    """How many of the first CHUNK entries from `start` to before `end`, and where to go on counting."""
    number, last = db.execute(
        "SELECT count(*), max(seq) FROM"
        " (SELECT seq FROM entries WHERE epoch = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?)",
        (epoch, start, end, CHUNK),
    ).fetchone()
    return number, last + 1 if number == CHUNK else end


def count_all(db: sqlite3.Connection) -> int:
    """How many entries wait: for opening the file only, it reads on and on."""
    (waiting,) = db.execute(
        "SELECT count(*) FROM streams s, entries e WHERE e.epoch = s.epoch AND e.seq >= s.sent_to"
    ).fetchone()
    return int(waiting)


def _stand(db: sqlite3.Connection, epoch: int, sent_to: int, age: int) -> tuple[int, list[Range]]:
    """The service has this stream up to `sent_to`: what lies before is confirmed, the rest waits."""
    (before,) = db.execute("SELECT sent_to FROM streams WHERE epoch = ?", (epoch,)).fetchone()
    db.execute(
        "UPDATE streams SET sent_to = ?, probing = CASE WHEN probing >= ? THEN probing END WHERE epoch = ?",
        (sent_to, sent_to, epoch),
    )
    confirmed = db.execute(
        "UPDATE entries SET acked_at = ? WHERE epoch = ? AND seq >= ? AND seq < ?",
        (age, epoch, before, sent_to),
    ).rowcount
    return -confirmed, [(epoch, sent_to, before)] if sent_to < before else []


def _ask_older(db: sqlite3.Connection, epoch: int) -> int:
    """Send the last entry of each older stream again: the answer tells how much the service has."""
    again = 0
    older = db.execute("SELECT epoch, sent_to FROM streams WHERE epoch < ?", (epoch,)).fetchall()
    for stream, sent_to in older:
        last = db.execute("SELECT max(seq) FROM entries WHERE epoch = ?", (stream,)).fetchone()[0]
        if last is not None and last < sent_to:
            db.execute("UPDATE streams SET sent_to = ? WHERE epoch = ?", (last, stream))
            again += 1
    return again


def _fork(
    db: sqlite3.Connection, sent: OutboxBatch, reply: protocol.Reply, age: int
) -> tuple[int, list[Range]]:
    agreed = min(sent.first_seq if reply.agreed_to is None else reply.agreed_to, sent.end)
    (probing,) = db.execute("SELECT probing FROM streams WHERE epoch = ?", (sent.epoch,)).fetchone()
    lowest = db.execute("SELECT min(seq) FROM entries WHERE epoch = ?", (sent.epoch,)).fetchone()[0]
    if agreed <= sent.first_seq and lowest is not None and lowest < sent.first_seq and probing is None:
        moved = _stand(db, sent.epoch, lowest, age)
        db.execute("UPDATE streams SET probing = ? WHERE epoch = ?", (agreed, sent.epoch))
        return moved
    moved = _stand(db, sent.epoch, agreed, age)
    db.execute("UPDATE streams SET next_seq = ?, probing = NULL WHERE epoch = ?", (agreed, sent.epoch))
    db.execute(
        "INSERT OR IGNORE INTO streams VALUES (?, ?, ?, NULL)", (reply.epoch, reply.next_seq, reply.next_seq)
    )
    _log.warning(
        "outbox: stream %d forked at %d, what is later moves into stream %d", sent.epoch, agreed, reply.epoch
    )
    return moved
