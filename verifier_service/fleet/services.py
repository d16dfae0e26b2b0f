"""Take a scan report: check who signed it, then put it into its stream exactly once.

Source: requirement K04; the decisions are in `streams`, the statements in `ingest`.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime
from time import monotonic

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from scanner import protocol
from scanner.protocol import Batch, ProtocolError, Reply
from verifier_service.database import Database
from verifier_service.fleet import ingest, streams
from verifier_service.fleet.counting import count
from verifier_service.fleet.models import StoredBatch, Stream
from verifier_service.fleet.streams import Do
from verifier_service.problems import ServiceError, UnknownDevice

KEY_TTL_S, UNKNOWN_TTL_S = 30.0, 3.0  # how long a key, or its absence, is believed without asking again
MAX_KEYS = 30_000  # all kiosks of the country; about 1 kB each
MAX_TRIES = 20  # each lost race means another writer moved the same stream
WAIT_FREE_S = 0.02  # no load yet: a hand-out takes well under a millisecond
WAIT_FOR_DOUBLE_S = 0.05  # a smoothed wait for a connection of 50 ms doubles the interval, 100 ms triples it


class Contended(ServiceError):
    """The stream moved under us MAX_TRIES times; the kiosk simply sends again."""

    code = "busy"


class DeviceKeys:
    """Public keys by device id, remembered briefly."""

    def __init__(
        self, find: Callable[[uuid.UUID], bytes | None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._find, self._clock, self._lock = find, clock, threading.Lock()
        self._known: dict[bytes, tuple[float, ec.EllipticCurvePublicKey | None]] = {}

    def get(self, device: bytes) -> ec.EllipticCurvePublicKey:
        """The key of an active device. Raises UnknownDevice."""
        until, key = self._known.get(device, (0.0, None))
        if self._clock() >= until:
            der = self._find(uuid.UUID(bytes=device))
            loaded = load_der_public_key(der) if der else None
            key = loaded if isinstance(loaded, ec.EllipticCurvePublicKey) else None
            with self._lock:
                if len(self._known) >= MAX_KEYS:
                    self._known.clear()
                self._known[device] = (self._clock() + (KEY_TTL_S if key else UNKNOWN_TTL_S), key)
        if key is None:
            raise UnknownDevice("register the device first")
        return key


def interval_s(base_s: int, most_s: int, waited_s: float) -> int:
    """The interval a kiosk is asked to keep, given how long requests wait for a connection (seconds)."""
    return max(
        base_s, min(most_s, round(base_s * (1 + max(0.0, waited_s - WAIT_FREE_S) / WAIT_FOR_DOUBLE_S)))
    )


class ReportTaker:
    """The use case behind POST /api/v1/scan-reports."""

    def __init__(
        self,
        database: Database,
        *,
        base_s: int,
        most_s: int,
        point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._database, self._base_s, self._most_s, self._point = database, base_s, most_s, point
        self._keys = DeviceKeys(self._find_key)

    def take(self, raw: bytes, now: datetime) -> tuple[Reply, list[ingest.CounterRow]]:
        """The reply to one signed message, and what it newly counted (empty when we had it all).

        Raises ProtocolError, BadSignature, UnknownDevice, Contended, psycopg errors.
        """
        message = protocol.parse_message(raw)
        payload = protocol.verify_message(message, self._keys.get(message.kid))
        batch = protocol.parse_batch(payload)
        if batch.device != message.kid:
            raise ProtocolError("the device of the report is not the one that signed it")
        return self._put(uuid.UUID(bytes=batch.device), batch, raw, now)

    def _put(
        self, device: uuid.UUID, batch: Batch, raw: bytes, now: datetime
    ) -> tuple[Reply, list[ingest.CounterRow]]:
        created, stand, decision = False, batch.first_seq, streams.straight(batch)
        with self._database.connection() as link:
            for _ in range(MAX_TRIES):
                if decision.do is Do.STORE and batch.end > batch.first_seq:
                    entries = batch.entries[decision.skip :]
                    rows = count(entries, now)
                    body = StoredBatch(batch.end - len(entries), decision.skip, len(entries), raw)
                    self._point("ingest.before_commit")
                    if ingest.take(
                        link, device, body, epoch=batch.epoch, stand=stand,
                        prev=batch.prev if stand == batch.first_seq else None,
                        mark=streams.mark_after(batch), gap=decision.gap, rows=rows, now=now,
                    ):  # fmt: skip
                        self._point("ingest.after_commit")
                        return self._reply(
                            protocol.CREATED if created else protocol.OK, batch.epoch, batch.end
                        ), rows
                stream = ingest.find_stream(link, device, batch.epoch)
                if stream is None:
                    created = ingest.open_stream(link, device, batch.epoch, now) or created
                    stream = Stream(batch.epoch, 0, None)
                with closing(self._held(link, device, batch, stream)) as held:
                    decision = streams.decide(batch, stream, held)
                stand = stream.next_seq
                if decision.do is Do.HAVE:
                    return self._reply(protocol.CREATED if created else protocol.OK, batch.epoch, stand), []
                if decision.do is Do.RESEND:
                    return self._reply(protocol.RESEND, batch.epoch, stand), []
                if decision.do is Do.FORK:
                    epoch = ingest.open_fork(link, device, batch.epoch, decision.agreed_to, now)
                    return self._reply(protocol.FORKED, epoch, 0, decision.agreed_to), []
        raise Contended()

    def _held(
        self, link: ingest.Link, device: uuid.UUID, batch: Batch, stream: Stream
    ) -> Generator[tuple[int, bytes], None, None]:
        """Our encodings of the numbers the batch speaks of again; what nobody can read is a hole."""
        start, end = batch.entries_start, min(batch.end, stream.next_seq)
        with closing(ingest.stored_between(link, device, batch.epoch, start, end)) as batches:
            for stored in batches:
                try:
                    kept = protocol.parse_entries(stored.body)[stored.skip : stored.skip + stored.count]
                except ProtocolError:
                    continue
                for number, entry in enumerate(kept, stored.first_seq):
                    if start <= number < end:
                        yield number, cbor2.dumps(entry)

    def _reply(self, status: str, epoch: int, next_seq: int, agreed_to: int | None = None) -> Reply:
        pace = interval_s(self._base_s, self._most_s, self._database.waited_s)
        return Reply(status, epoch, next_seq, pace, agreed_to)

    def _find_key(self, device: uuid.UUID) -> bytes | None:
        with self._database.connection() as link:
            found = ingest.find_device(link, device)
        return found.public_key if found and found.state == "active" else None
