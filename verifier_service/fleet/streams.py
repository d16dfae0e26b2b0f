"""What to do with a batch, given where its stream stands: pure, a table of five ends.

  first_seq > next_seq                        RESEND   the kiosk goes back
  an entry we hold differs, or the mark does  FORK     from the first such number on
  nothing beyond next_seq                     HAVE     had it all already
  otherwise                                   STORE    the tail from next_seq on, with the gap that remains
Source: requirement K04.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import cbor2

from scanner.protocol import Batch, entry_mark
from verifier_service.fleet.models import Stream


class Do(Enum):
    """The ends of `decide`."""

    STORE = "store"
    HAVE = "have"
    RESEND = "resend"
    FORK = "fork"


@dataclass(frozen=True, slots=True)
class Decision:
    """STORE: drop `skip` entries, note `gap` missing ones. FORK: both agree before `agreed_to`."""

    do: Do
    skip: int = 0
    gap: int = 0
    agreed_to: int = 0


def straight(batch: Batch) -> Decision:
    """The decision for the usual case: the batch starts where its stream stands."""
    return Decision(Do.STORE, 0, batch.gap)


def decide(batch: Batch, stream: Stream, held: Iterable[tuple[int, bytes]]) -> Decision:
    """What to do. `held`: (number, encoding) of the entries we hold from `entries_start` on, ascending.

    It is read only as far as the answer needs.
    """
    stand = stream.next_seq
    if batch.first_seq > stand:
        return Decision(Do.RESEND)
    if batch.first_seq == stand and batch.prev and stream.last_mark and batch.prev != stream.last_mark:
        return Decision(Do.FORK, agreed_to=batch.first_seq - 1)
    start = batch.entries_start
    differing = _first_difference(batch, min(stand, batch.end), held)
    if differing is not None:
        return Decision(Do.FORK, agreed_to=differing)
    if batch.end <= stand:
        return Decision(Do.HAVE)
    return Decision(Do.STORE, max(0, stand - start), max(0, start - stand))


def _first_difference(batch: Batch, end: int, held: Iterable[tuple[int, bytes]]) -> int | None:
    """The first number before `end` where our entry is another one or missing: a hole differs too."""
    start = number = batch.entries_start
    if number >= end:
        return None
    for seq, encoded in held:
        if seq < number:
            continue
        if seq > number or encoded != cbor2.dumps(batch.entries[number - start]):
            return number
        number += 1
        if number == end:
            return None
    return number


def mark_after(batch: Batch) -> bytes | None:
    """The mark a stream carries after this batch; None if the batch ends in a gap."""
    return entry_mark(cbor2.dumps(batch.entries[-1])) if batch.entries else None
