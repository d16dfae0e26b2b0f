"""The SQL that takes a batch exactly once.

ONE conditional statement moves the stream, keeps the batch and counts.

If the stream does not stand where the statement expects it, nothing at all happens and the caller looks
again.
Every statement names device_id, so on many servers each would touch one. Connections are in autocommit.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator
from datetime import datetime
from typing import Any

import psycopg

from verifier_service.fleet.models import Device, StoredBatch, Stream

Link = psycopg.Connection[Any]
CounterRow = tuple[datetime, str, str, str, int]
FETCH = 8  # raw batches at a time, of at most 256 KiB each: 2 MiB

_TAKE = """
WITH moved AS (
    UPDATE device_stream SET next_seq = %(end)s, last_mark = %(mark)s, seen_at = %(now)s
    WHERE device_id = %(device)s AND epoch = %(epoch)s AND next_seq = %(stand)s
      AND (last_mark IS NULL OR %(prev)s::bytea IS NULL OR last_mark = %(prev)s::bytea)
    RETURNING device_id
), kept AS (
    INSERT INTO scan_batch (device_id, epoch, first_seq, skip, count, body, received_at)
    SELECT device_id, %(epoch)s, %(first)s, %(skip)s, %(count)s, %(body)s, %(now)s FROM moved
), counted AS (
    INSERT INTO scan_counter (device_id, minute, outcome, reason, format, checks)
    SELECT moved.device_id, c.minute, c.outcome, c.reason, c.format, c.checks FROM moved,
        unnest(%(minutes)s::timestamptz[], %(outcomes)s::text[], %(reasons)s::text[], %(formats)s::text[],
               %(checks)s::bigint[]) AS c (minute, outcome, reason, format, checks)
    ON CONFLICT (device_id, minute, outcome, reason, format)
    DO UPDATE SET checks = scan_counter.checks + excluded.checks
)"""
_ALARM = """, alarmed AS (
    INSERT INTO device_alarm (device_id, alarm_id, raised_at, kind, epoch, seq, missing)
    SELECT device_id, %(alarm)s, %(now)s, 'gap', %(epoch)s, %(stand)s, %(gap)s FROM moved
)"""
_END = "\nSELECT 1 FROM moved"
TAKE = _TAKE + _END
TAKE_WITH_GAP = _TAKE + _ALARM + _END

_FORK = """
WITH opened AS (
    INSERT INTO device_stream (device_id, epoch, next_seq, last_mark, parent_epoch, opened_at, seen_at)
    VALUES (%(device)s, %(epoch)s, 0, NULL, %(parent)s, %(now)s, %(now)s)
    ON CONFLICT (device_id, epoch) DO NOTHING RETURNING device_id
), alarmed AS (
    INSERT INTO device_alarm (device_id, alarm_id, raised_at, kind, epoch, seq, missing)
    SELECT device_id, %(alarm)s, %(now)s, 'fork', %(parent)s, %(seq)s, 0 FROM opened
)
SELECT 1 FROM opened
"""


def take(
    link: Link, device: uuid.UUID, batch: StoredBatch, *, epoch: int, stand: int, prev: bytes | None,
    mark: bytes | None, gap: int, rows: list[CounterRow], now: datetime,
) -> bool:  # fmt: skip
    """Store the batch if the stream stands at `stand`; False and no effect if it does not."""
    values = {
        "device": device, "epoch": epoch, "stand": stand, "end": batch.first_seq + batch.count, "prev": prev,
        "mark": mark, "now": now, "first": batch.first_seq, "skip": batch.skip, "count": batch.count,
        "body": batch.body, "minutes": [r[0] for r in rows], "outcomes": [r[1] for r in rows],
        "reasons": [r[2] for r in rows], "formats": [r[3] for r in rows], "checks": [r[4] for r in rows],
    }  # fmt: skip
    if gap:
        values |= {"alarm": uuid.uuid4(), "gap": gap}
    return link.execute(TAKE_WITH_GAP if gap else TAKE, values).fetchone() is not None


def find_stream(link: Link, device: uuid.UUID, epoch: int) -> Stream | None:
    """The stream, None if the service does not know it."""
    row = link.execute(
        "SELECT epoch, next_seq, last_mark FROM device_stream WHERE device_id = %s AND epoch = %s",
        (device, epoch),
    ).fetchone()
    return Stream(*row) if row else None


def open_stream(link: Link, device: uuid.UUID, epoch: int, now: datetime) -> bool:
    """Begin a stream nobody forked off; False if it is there already."""
    return link.execute(
        "INSERT INTO device_stream (device_id, epoch, next_seq, opened_at, seen_at)"
        " VALUES (%s, %s, 0, %s, %s)"
        " ON CONFLICT (device_id, epoch) DO NOTHING RETURNING 1",
        (device, epoch, now, now),
    ).fetchone() is not None  # fmt: skip


def open_fork(link: Link, device: uuid.UUID, parent: int, seq: int, now: datetime) -> int:
    """The epoch a forked stream goes on in.

    An unused one of the same parent, else a new one with an alarm.
    """
    while True:
        newest, next_seq, of = link.execute(
            "SELECT epoch, next_seq, parent_epoch FROM device_stream WHERE device_id = %s"
            " ORDER BY epoch DESC LIMIT 1",
            (device,),
        ).fetchone() or (parent, 1, None)
        if next_seq == 0 and of == parent:
            return int(newest)
        values = {"device": device, "epoch": newest + 1, "parent": parent, "seq": seq, "now": now,
                  "alarm": uuid.uuid4()}  # fmt: skip
        if link.execute(_FORK, values).fetchone() is not None:
            return int(newest + 1)


def stored_between(
    link: Link, device: uuid.UUID, epoch: int, first: int, end: int
) -> Generator[StoredBatch, None, None]:
    """The raw batches that hold any number from `first` to before `end`, in order, FETCH of them in memory.

    The cursor lives on the server until the caller closes the iterator.
    """
    with link.transaction(), link.cursor("stored_between") as cursor:
        cursor.itersize = FETCH
        cursor.execute(
            "SELECT first_seq, skip, count, body FROM scan_batch WHERE device_id = %s AND epoch = %s"
            " AND first_seq < %s AND first_seq >= coalesce((SELECT max(first_seq) FROM scan_batch"
            " WHERE device_id = %s AND epoch = %s AND first_seq <= %s), 0) ORDER BY first_seq",
            (device, epoch, end, device, epoch, first),
        )
        for row in cursor:
            yield StoredBatch(*row)


def find_device(link: Link, device: uuid.UUID) -> Device | None:
    """The registered device, None if unknown."""
    row = link.execute(
        "SELECT device_id, public_key, label, state, added_at FROM device WHERE device_id = %s", (device,)
    ).fetchone()
    return Device(*row) if row else None


def add_device(link: Link, device: Device) -> bool:
    """Register a device (owner role); False if the id is taken."""
    return link.execute(
        "INSERT INTO device (device_id, public_key, label, state, added_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (device_id) DO NOTHING RETURNING 1",
        (device.device_id, device.public_key, device.label, device.state, device.added_at),
    ).fetchone() is not None  # fmt: skip


def all_devices(link: Link) -> list[Device]:
    """Every registered device, oldest first."""
    return [
        Device(*row)
        for row in link.execute(
            "SELECT device_id, public_key, label, state, added_at FROM device ORDER BY added_at"
        )
    ]
