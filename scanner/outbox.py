"""The kiosk's memory of checks not yet safely at the service: SQLite (WAL, FULL), one writing process.

Per epoch the outbox knows `sent_to`: how far the service has confirmed OUR entries. A report starts there.
Entries are kept `KEEP` after they were confirmed, so a service restored to an earlier point gets them again.
How each reply moves the state is told at `apply`. Source: requirement K04; architecture §5, §6.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scanner import protocol
from scanner.protocol import ScanReport, encode_entry, entry_mark

KEEP = timedelta(days=7)
ENVELOPE_BYTES = 256  # COSE header, kid, signature (64), map heads and numbers: under 200 bytes
_log = logging.getLogger(__name__)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (epoch INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL,
    at INTEGER NOT NULL, acked_at INTEGER, PRIMARY KEY (epoch, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_waiting ON entries (epoch, seq) WHERE acked_at IS NULL;
CREATE TABLE IF NOT EXISTS streams (epoch INTEGER PRIMARY KEY, next_seq INTEGER NOT NULL,
    sent_to INTEGER NOT NULL, probing INTEGER);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO meta VALUES ('schema', 1), ('set_aside', 0);
INSERT INTO streams SELECT 0, 0, 0, NULL WHERE NOT EXISTS (SELECT 1 FROM streams);
"""


class OutboxError(Exception):
    """The outbox could not do its work; what was committed before stays."""


class OutboxFull(OutboxError):
    """The disk is full (or its quota): this report was not kept, all earlier ones are."""


class OutboxBusy(OutboxError):
    """Another process writes to this outbox."""


@dataclass(frozen=True, slots=True)
class OutboxBatch:
    """What the next report holds. `gap`: how many numbers from first_seq on are no longer here."""

    epoch: int
    first_seq: int
    gap: int
    bodies: tuple[bytes, ...]
    prev: bytes | None
    generation: int = 0  # which file of this process it was read from

    @property
    def end(self) -> int:
        """Sequence number after the last entry."""
        return self.first_seq + self.gap + len(self.bodies)


class Outbox:
    """An append-only journal of reports with the state of their delivery. Threads of one process share it."""

    def __init__(self, path: Path, *, point: Callable[[str], None] = lambda name: None) -> None:
        self._path, self._point, self._lock, self._generation = path, point, threading.RLock(), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._guard = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._guard)
            raise OutboxBusy(f"{path.name} is written by another process") from None
        try:
            self._db = self._open()
        except BaseException:
            os.close(self._guard)
            raise

    @property
    def epoch(self) -> int:
        """The stream new reports go into: the newest one."""
        return self._number("SELECT max(epoch) FROM streams")

    @property
    def set_aside(self) -> int:
        """How many damaged files were moved aside and still lie beside this one."""
        return self._number("SELECT value FROM meta WHERE key = 'set_aside'")

    def append(self, report: ScanReport) -> int:
        """Keep one report, durable on return; its sequence number.

        Raises OutboxFull when the disk is full, OutboxError for other faults of the disk.
        A damaged file is moved aside and the report goes into a fresh one.
        """
        body = encode_entry(report)
        at = int(report.at.timestamp() * 1000)
        try:
            return self._append(body, at)
        except sqlite3.ProgrammingError:  # an earlier attempt to open the file again failed
            self._open_again(None)
        except sqlite3.DatabaseError as error:
            if not _damaged(error):
                raise
            self._open_again(error)
        return self._append(body, at)

    def _open_again(self, damage: sqlite3.DatabaseError | None) -> None:
        with self._lock:
            if self._guard < 0:
                raise OutboxError("the outbox is closed")
            self._db.close()
            try:
                if damage is not None:
                    self._set_aside(damage)
                self._db = self._open()
            except (OSError, sqlite3.Error) as fault:
                raise OutboxError("cannot open the outbox again; the next report tries") from fault

    def pending(self) -> int:
        """How many reports are not confirmed by the service."""
        return self._number("SELECT count(*) FROM entries WHERE acked_at IS NULL")

    def next_batch(self, limit: int = 50) -> OutboxBatch | None:
        """The next report to send, oldest stream first, at most `limit` entries and one message in size."""
        with self._lock:
            generation = self._generation
            row = self._db.execute(
                "SELECT epoch FROM entries WHERE acked_at IS NULL ORDER BY epoch, seq LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            epoch = int(row[0])
            start = self._number("SELECT sent_to FROM streams WHERE epoch = ?", epoch)
            rows = self._db.execute(
                "SELECT seq, body FROM entries WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT ?",
                (epoch, start, min(limit, protocol.MAX_BATCH_ENTRIES)),
            ).fetchall()
            before = self._db.execute(
                "SELECT body FROM entries WHERE epoch = ? AND seq = ?", (epoch, start - 1)
            ).fetchone()
        if not rows:
            raise OutboxError(f"epoch {epoch}: nothing from {start} on, yet something waits")
        bodies: list[bytes] = []
        room = protocol.MAX_BATCH_BYTES - ENVELOPE_BYTES
        for place, (seq, body) in enumerate(rows):
            room -= len(body)
            if seq != rows[0][0] + place or room < 0:  # a hole ends the batch: the next one tells of it
                break
            bodies.append(bytes(body))
        return OutboxBatch(
            epoch,
            start,
            rows[0][0] - start,
            tuple(bodies),
            entry_mark(bytes(before[0])) if before else None,
            generation,
        )

    def apply(self, sent: OutboxBatch, reply: protocol.Reply, now: datetime) -> None:
        """Move the state as the reply to `sent` says, in one commit.

        ok       what we sent is confirmed, never more: a clone may have brought the service further.
        created  as ok; but a service that did not know a later stream was restored: older ones are asked
        again.
        resend   go back (or on) to next_seq; where we hold nothing any more the next report says so as a gap.
        forked   where the two histories part may lie before what we sent: if they differ at its very
        start and we hold more, go back and ask; else the rest moves into the new stream under new numbers.
        """
        if sent.generation != self._generation:
            return  # the file it came from was set aside: the numbers of the fresh one mean other reports
        with self._commit("ack") as db:
            if reply.status == protocol.FORKED:
                self._fork(db, sent, reply, now)
            elif reply.status == protocol.RESEND:
                self._stand(db, sent.epoch, min(reply.next_seq, sent.first_seq), now)
                self._ask_older(db, sent.epoch)
            else:
                self._stand(db, sent.epoch, min(reply.next_seq, sent.end), now)
                if reply.status == protocol.CREATED:
                    self._ask_older(db, sent.epoch)

    def prune(self, now: datetime) -> int:
        """Forget entries confirmed longer than KEEP ago; how many. A stream's newest stays as its mark."""
        with self._commit("prune") as db:
            return db.execute(
                "DELETE FROM entries WHERE acked_at < ? AND seq < (SELECT next_seq - 1 FROM streams s"
                " WHERE s.epoch = entries.epoch)",
                (int((now - KEEP).timestamp() * 1000),),
            ).rowcount

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._lock:
            self._db.close()
            if self._guard >= 0:
                os.close(self._guard)
                self._guard = -1

    def _append(self, body: bytes, at: int) -> int:
        with self._commit("outbox") as db:
            epoch, seq = db.execute(
                "SELECT epoch, next_seq FROM streams ORDER BY epoch DESC LIMIT 1"
            ).fetchone()
            db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, NULL)", (epoch, seq, body, at))
            db.execute("UPDATE streams SET next_seq = ? WHERE epoch = ?", (seq + 1, epoch))
            return int(seq)

    def _stand(self, db: sqlite3.Connection, epoch: int, sent_to: int, now: datetime) -> None:
        """The service has this stream up to `sent_to`: what lies before is confirmed, the rest waits."""
        db.execute("UPDATE streams SET sent_to = ?, probing = CASE WHEN probing >= ? THEN probing END"
                   " WHERE epoch = ?", (sent_to, sent_to, epoch))  # fmt: skip
        db.execute("UPDATE entries SET acked_at = ? WHERE epoch = ? AND seq < ? AND acked_at IS NULL",
                   (int(now.timestamp() * 1000), epoch, sent_to))  # fmt: skip
        db.execute("UPDATE entries SET acked_at = NULL WHERE epoch = ? AND seq >= ? AND acked_at IS NOT NULL",
                   (epoch, sent_to))  # fmt: skip

    def _ask_older(self, db: sqlite3.Connection, epoch: int) -> None:
        """Send the last entry of each older stream again: the answer tells how much the service has."""
        for (older,) in db.execute("SELECT epoch FROM streams WHERE epoch < ?", (epoch,)).fetchall():
            last = db.execute("SELECT max(seq) FROM entries WHERE epoch = ?", (older,)).fetchone()[0]
            if last is not None:
                db.execute("UPDATE entries SET acked_at = NULL WHERE epoch = ? AND seq = ?", (older, last))
                db.execute("UPDATE streams SET sent_to = min(sent_to, ?) WHERE epoch = ?", (last, older))

    def _fork(self, db: sqlite3.Connection, sent: OutboxBatch, reply: protocol.Reply, now: datetime) -> None:
        agreed = reply.agreed_to if reply.agreed_to is not None else sent.first_seq
        (probing,) = db.execute("SELECT probing FROM streams WHERE epoch = ?", (sent.epoch,)).fetchone()
        lowest = db.execute("SELECT min(seq) FROM entries WHERE epoch = ?", (sent.epoch,)).fetchone()[0]
        if agreed <= sent.first_seq and lowest is not None and lowest < sent.first_seq and probing is None:
            db.execute("UPDATE streams SET sent_to = ?, probing = ? WHERE epoch = ?",
                       (lowest, agreed, sent.epoch))  # fmt: skip
            db.execute(
                "UPDATE entries SET acked_at = NULL WHERE epoch = ? AND seq >= ?", (sent.epoch, lowest)
            )
            return
        target = db.execute("SELECT next_seq FROM streams WHERE epoch = ?", (reply.epoch,)).fetchone()
        number = target[0] if target else reply.next_seq
        moving = db.execute(
            "SELECT seq FROM entries WHERE epoch = ? AND seq >= ? ORDER BY seq", (sent.epoch, agreed)
        ).fetchall()
        for (seq,) in moving:
            db.execute("UPDATE entries SET epoch = ?, seq = ?, acked_at = NULL WHERE epoch = ? AND seq = ?",
                       (reply.epoch, number, sent.epoch, seq))  # fmt: skip
            number += 1
        db.execute("INSERT INTO streams VALUES (?, ?, ?, NULL)"
                   " ON CONFLICT (epoch) DO UPDATE SET next_seq = ?",
                   (reply.epoch, number, reply.next_seq, number))  # fmt: skip
        db.execute("UPDATE streams SET next_seq = ?, sent_to = ?, probing = NULL WHERE epoch = ?",
                   (agreed, agreed, sent.epoch))  # fmt: skip
        db.execute("UPDATE entries SET acked_at = ? WHERE epoch = ? AND seq < ? AND acked_at IS NULL",
                   (int(now.timestamp() * 1000), sent.epoch, agreed))  # fmt: skip
        _log.warning("outbox: stream %d forked at %d, %d reports move to stream %d",
                     sent.epoch, agreed, len(moving), reply.epoch)  # fmt: skip

    def _number(self, sql: str, *values: int) -> int:
        with self._lock:
            return int(self._db.execute(sql, values).fetchone()[0])

    @contextmanager
    def _commit(self, name: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            db = self._db
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                self._point(f"{name}.before_commit")
                db.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and not _damaged(error):
                    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                        raise OutboxFull("the disk is full; this report was not kept") from error
                    raise OutboxError(error.sqlite_errorname) from error
                raise
            self._point(f"{name}.after_commit")

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if not _damaged(error):
                raise OutboxError(f"cannot open {self._path.name}: {error}") from error
            self._set_aside(error)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                damage = sqlite3.DatabaseError("quick_check failed")
                damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise damage
            db.executescript(_SCHEMA)
            aside = len(list(self._path.parent.glob(self._path.name + ".damaged-*[0-9]")))
            db.execute("UPDATE meta SET value = ? WHERE key = 'set_aside'", (aside,))
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Move a damaged file out of the way, never delete it; the service then opens a new stream for us."""
        self._generation += 1
        count = 1
        while (home := self._path.with_name(f"{self._path.name}.damaged-{count}")).exists():
            count += 1
        self._path.replace(home)
        for tail in ("-wal", "-shm"):
            part = self._path.with_name(self._path.name + tail)
            if part.exists():
                part.replace(home.with_name(home.name + tail))
        _log.error("outbox: damaged (%s), moved aside as %s, a fresh one starts", error, home.name)


def _damaged(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
