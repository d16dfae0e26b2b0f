"""Opening the outbox's file, and what becomes of a damaged one: set aside, what is readable copied over.

    outbox.sqlite          the journal
    outbox.sqlite.lock     held by the one process that writes
    outbox.sqlite.broken   a damaged journal while it is being repaired
    outbox.sqlite.repair   the fresh file while it is filled from it
    outbox.sqlite.damaged-N    damaged journals, kept for whoever wants to look; never deleted here

Each step is one rename, so a power cut anywhere is finished by the next `open_journal`.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from scanner.outbox_salvage import salvage

_log = logging.getLogger(__name__)
_TAILS = ("-wal", "-shm")
# Faults that pass, or that a person mends while the kiosk runs; the others are wrong settings.
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (epoch INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL,
    at INTEGER NOT NULL, acked_at INTEGER, PRIMARY KEY (epoch, seq)) WITHOUT ROWID;
DROP INDEX IF EXISTS entries_waiting;
CREATE TABLE IF NOT EXISTS streams (epoch INTEGER PRIMARY KEY, next_seq INTEGER NOT NULL,
    sent_to INTEGER NOT NULL, probing INTEGER);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO meta VALUES ('schema', 1), ('seen', 0);
INSERT INTO meta SELECT 'age', coalesce((SELECT max(acked_at) FROM entries), 0)
    WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = 'age');
INSERT INTO streams SELECT 0, 0, 0, NULL WHERE NOT EXISTS (SELECT 1 FROM streams);
"""


class OutboxError(Exception):
    """The outbox could not do its work; what was committed before stays."""


class OutboxFull(OutboxError):
    """The disk is full (or its quota): this report was not kept, all earlier ones are."""


class OutboxBusy(OutboxError):
    """Another process writes to this outbox."""


class OutboxUnusable(OutboxError):
    """Nothing can ever be kept at this path: a wrong setting, no fault of the disk."""


def told(error: Exception) -> OutboxError:
    """A fault of SQLite or of the file system as one of ours."""
    if isinstance(error, OutboxError):
        return error
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        return OutboxFull("the disk is full") if full else OutboxError(name)
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return OutboxFull("the disk is full")
        fault = f"{error.strerror}: {error.filename}"
        return OutboxError(fault) if error.errno in _PASSING else OutboxUnusable(f"outbox.path: {fault}")
    return OutboxError(type(error).__name__)


def damaged(error: BaseException) -> bool:
    """Whether SQLite found the file itself to be broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.DatabaseError) and code in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def take_guard(path: Path) -> int:
    """Make the folder and lock the outbox for this process; the descriptor. Raises OSError, OutboxBusy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    guard = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(guard)
        raise OutboxBusy(f"{path.name} is written by another process") from None
    return guard


def open_journal(path: Path) -> sqlite3.Connection:
    """The journal, repaired if it was damaged. Raises sqlite3.Error, OSError: nothing is lost, try again."""
    broken = path.with_name(path.name + ".broken")
    if not broken.exists():
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            _log.error("outbox: damaged (%s), it is set aside and repaired", error)
            path.replace(broken)
    _repair(path, broken)
    return _connect(path)


def set_aside(path: Path) -> int:
    """How many damaged files lie beside the outbox."""
    return len(list(path.parent.glob(path.name + ".damaged-*[0-9]")))


def _repair(path: Path, broken: Path) -> None:
    if not path.exists():
        for tail in _TAILS:
            if (part := path.with_name(path.name + tail)).exists():
                part.replace(broken.with_name(broken.name + tail))
        fresh = path.with_name(path.name + ".repair")
        for tail in ("", "-journal"):
            fresh.with_name(fresh.name + tail).unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as db:
                db.executescript(_SCHEMA)
                found = salvage(broken, db)
        except BaseException:
            fresh.unlink(missing_ok=True)  # a full disk: give the room back, the next attempt begins anew
            raise
        fresh.replace(path)
        _log.error(
            "outbox: %d reports copied over, %d of them unsent; %s unsent ones are lost",
            found.kept, found.waiting, "unknown many" if found.lost is None else found.lost,
        )  # fmt: skip
    count = 1
    while (home := path.with_name(f"{path.name}.damaged-{count}")).exists():
        count += 1
    for tail in (*_TAILS, ""):
        if (part := broken.with_name(broken.name + tail)).exists():
            part.replace(home.with_name(home.name + tail))
    _sync(path.parent)
    _log.error("outbox: the damaged file is kept as %s", home.name)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            damage = sqlite3.DatabaseError("quick_check failed")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
