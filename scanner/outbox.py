"""The kiosk's memory of checks not yet safely at the service: SQLite (WAL, FULL), one writing process.

Per epoch the outbox knows `sent_to`: how far the service has confirmed OUR entries; what lies from there on
waits. Entries are kept `KEEP` after they were confirmed, so a service restored to an earlier point gets them
again. How each reply moves the state is told at `apply`.

The lamp's thread appends, so nothing here holds the lock for longer than CHUNK rows take, however much waits;
a file that cannot be opened or has to be repaired is opened in the background, and reports wait with the
caller meanwhile. Source: requirement K01, K04; architecture §5, §6; ADR 2, 4.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from scanner import outbox_file, outbox_state
from scanner.outbox_file import OutboxBusy, OutboxError, OutboxFull, OutboxUnusable, told
from scanner.outbox_state import KEEP, OutboxBatch
from scanner.protocol import Reply, ScanReport, encode_entry

__all__ = ["KEEP", "Outbox", "OutboxBatch", "OutboxBusy", "OutboxError", "OutboxFull", "OutboxUnusable"]

PAUSE_S = 0.002  # between two chunks, so that an append that waits for the lock gets it
_log = logging.getLogger(__name__)


def in_background(work: Callable[[], None]) -> None:
    """Do it on a thread of its own."""
    threading.Thread(target=work, name="outbox-opening", daemon=True).start()


class Outbox:
    """An append-only journal of reports with the state of their delivery. Threads of one process share it.

    Raises OutboxBusy and OutboxUnusable when made; a full or failing disk is no reason not to start.
    """

    def __init__(
        self,
        path: Path,
        *,
        point: Callable[[str], None] = lambda name: None,
        background: Callable[[Callable[[], None]], None] = in_background,
    ) -> None:
        self._path, self._point, self._background = path, point, background
        self._lock, self._opening = threading.RLock(), threading.Lock()
        self._guard, self._closed, self._fault = -1, False, OutboxError("the outbox is being opened")
        self._db: sqlite3.Connection | None = None
        self._generation = self._waiting = self._change = self._set_aside = 0
        try:
            self._open()
        except BaseException as error:
            if not isinstance(error, OutboxError) or isinstance(error, (OutboxBusy, OutboxUnusable)):
                self.close()
                raise  # else it is told in the log, and append and next_batch try again

    @property
    def epoch(self) -> int:
        """The stream new reports go into: the newest one."""
        with self._reading() as db:
            return int(db.execute("SELECT max(epoch) FROM streams").fetchone()[0])

    @property
    def set_aside(self) -> int:
        """How many damaged files were moved aside and lay beside this one when it was opened."""
        return self._set_aside

    def append(self, report: ScanReport) -> int:
        """Keep one report, durable on return; its sequence number.

        Raises OutboxFull when the disk is full, OutboxError for its other faults and while the file is being
        opened: keep the report and come again.
        """
        body = encode_entry(report)
        at = int(report.at.timestamp() * 1000)
        with self._commit("outbox") as db:
            epoch, seq = db.execute(
                "SELECT epoch, next_seq FROM streams ORDER BY epoch DESC LIMIT 1"
            ).fetchone()
            db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, NULL)", (epoch, seq, body, at))
            db.execute("UPDATE streams SET next_seq = ? WHERE epoch = ?", (seq + 1, epoch))
            self._change += 1
        return int(seq)

    def pending(self) -> int:
        """How many reports are not confirmed by the service; a number at hand, nothing is counted here.

        Raises OutboxError while the file is not open.
        """
        if self._db is None:
            raise self._not_open()
        return self._waiting

    def next_batch(self, limit: int = 50) -> OutboxBatch | None:
        """The next report to send, oldest stream first, at most `limit` entries and one message in size."""
        self._move_forked()
        with self._reading() as db:
            return outbox_state.next_batch(db, limit, self._generation)

    def apply(self, sent: OutboxBatch, reply: Reply, now: datetime) -> None:
        """Move the state as the reply to `sent` says, in one commit.

        ok       what we sent is confirmed, never more: a clone may have brought the service further.
        created  as ok; but a service that did not know a later stream was restored: older ones are asked
        again.
        resend   go back to next_seq; where we hold nothing any more the next report says so as a gap.
        forked   where the two histories part may lie before what we sent: if they differ at its very
        start and we hold more, go back and ask; else the rest moves into the new stream under new numbers.
        """
        back: list[outbox_state.Range] = []
        with self._commit("ack") as db:
            if sent.generation == self._generation:  # else its numbers may mean other reports by now
                self._change, back = outbox_state.answered(db, sent, reply, now)
            generation = sent.generation
        for epoch, start, end in back:
            self._count_waiting(generation, epoch, start, end)

    def prune(self, now: datetime) -> int:
        """Forget up to CHUNK entries confirmed longer than KEEP ago; how many. The last one stays.

        Call it often: it also keeps the time that has passed.
        """
        with self._commit("prune") as db:
            return outbox_state.forget(db, now)

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._closed = True
        with self._opening, self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None
            if self._guard >= 0:
                os.close(self._guard)
                self._guard = -1

    def settle(self) -> None:
        """Wait for an opening that is under way, or try one now."""
        self._try_to_open()

    def _move_forked(self) -> None:
        """Give what a fork left beyond its stream's end new numbers, a chunk a commit."""
        while True:
            with self._reading() as db:
                source = outbox_state.forked(db)
            if source is None:
                return
            with self._commit("move") as db:
                outbox_state.move(db, *source)
            time.sleep(PAUSE_S)

    def _count_waiting(self, generation: int, epoch: int, start: int, end: int) -> None:
        """Add to what waits, since the service went back from `end` to `start`; a chunk at a time."""
        while start < end:
            with self._reading() as db:
                if generation != self._generation:
                    return  # counted when it was opened again
                number, start = outbox_state.count(db, epoch, start, end)
                self._waiting += number
            time.sleep(PAUSE_S)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            db = self._ready()
            try:
                yield db
            except sqlite3.Error as error:
                self._failed(error)
                raise told(error) from error

    @contextmanager
    def _commit(self, name: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            db = self._ready()
            self._change = 0
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                self._point(f"{name}.before_commit")
                db.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    self._failed(error)
                    raise told(error) from error
                raise
            self._waiting += self._change
            self._point(f"{name}.after_commit")

    def _ready(self) -> sqlite3.Connection:
        if self._db is None and not self._closed and not self._opening.locked():
            self._background(self._try_to_open)
        if self._db is None:
            raise self._not_open()
        return self._db

    def _not_open(self) -> OutboxError:
        return OutboxError("the outbox is closed") if self._closed else type(self._fault)(str(self._fault))

    def _failed(self, error: sqlite3.Error) -> None:
        """A damaged file is closed; whoever comes next has it repaired and opened again."""
        if outbox_file.damaged(error) and self._db is not None:
            _log.error("outbox: %s", error)
            self._db.close()
            self._db, self._fault = None, OutboxError("the outbox is being repaired")

    def _try_to_open(self) -> None:
        with suppress(OutboxError):
            self._open()

    def _open(self) -> None:
        """Open, repair if need be. Raises OutboxError."""
        with self._opening:
            if self._db is not None or self._closed:
                return
            try:
                if self._guard < 0:
                    self._guard = outbox_file.take_guard(self._path)
                db = outbox_file.open_journal(self._path)
                waiting = outbox_state.count_all(db)
            except (OSError, sqlite3.Error, OutboxError) as error:
                fault = told(error)
                if str(fault) != str(self._fault):
                    _log.error("outbox: cannot be opened (%s); reports wait in memory meanwhile", fault)
                self._fault = fault
                raise fault from error
            with self._lock:
                self._db, self._waiting = db, waiting
                self._generation += 1
                self._set_aside = outbox_file.set_aside(self._path)
