"""The words of fleet: what a stream is, what was decided about a batch, what the board shows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stream:
    """Where one (device, epoch) stands: the number of the next entry and the mark of the last one."""

    epoch: int
    next_seq: int
    last_mark: bytes | None


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A raw message as kept: `count` entries from `first_seq` on, after `skip` entries of the body."""

    first_seq: int
    skip: int
    count: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Device:
    """A kiosk as registered. `public_key` is SubjectPublicKeyInfo, DER."""

    device_id: uuid.UUID
    public_key: bytes
    label: str
    state: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should look at. `missing`: how many checks a gap lacks."""

    raised_at: datetime
    label: str
    kind: str
    epoch: int
    seq: int
    missing: int


@dataclass(frozen=True, slots=True)
class LastCheck:
    """One check on the board: nothing of the person, nothing of the certificate's identity."""

    at: datetime
    label: str
    outcome: str
    reason: str
    format: str
    issuer: str


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """The checks of one minute by outcome, in the order of OUTCOMES."""

    minute: datetime
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All checks of the minute."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class KioskRow:
    """One kiosk: its counts of the window by outcome and when it was last heard."""

    label: str
    counts: tuple[int, ...]
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the board shows, taken at one moment."""

    taken_at: datetime
    totals: dict[str, int]
    reasons: tuple[tuple[str, str, int], ...]
    kiosks: tuple[KioskRow, ...]
    minutes: tuple[MinuteBar, ...]
    last: tuple[LastCheck, ...]
    alarms: tuple[Alarm, ...]
