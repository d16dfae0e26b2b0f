"""Bring the outbox to the service: 50 reports or 60 s, jitter, back-off, and the pace the service asks for.

Everything that waits is decided by `Uplink.run_once(now) -> seconds`, so tests need no thread and no sleep.
Source: requirement K04; AWS "Exponential Backoff And Jitter" (full jitter).
"""

from __future__ import annotations

import http.client
import logging
import random
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from scanner.outbox import Outbox, OutboxError
from scanner.protocol import (
    CONTENT_TYPE,
    CREATED,
    MAX_REPLY_BYTES,
    OK,
    ProtocolError,
    Reply,
    encode_batch,
    parse_reply,
)

BATCH = 50  # reports that make a message go at once
INTERVAL_S = 60
INTERVAL_MIN_S, INTERVAL_MAX_S = 1, 3600  # what a service may ask for; beyond it is a fault of the service
BACKOFF_FIRST_S, BACKOFF_MAX_S = 1.0, 300.0
TIMEOUT_S = 10.0
# Replies in a row that confirm nothing and are answered at once: a restored service asks for each stream to
# be resent, a fork is asked about twice. Beyond, the service is at fault and is asked more and more seldom.
STANDING = 3
PATH = "/api/v1/scan-reports"
HINTS = {
    401: "this kiosk or its key is not registered there: see `python -m scanner identity` and `device add`"
}
_log = logging.getLogger(__name__)


class SendFailed(Exception):
    """The report did not get an answer we can use; it stays in the outbox. `status` 0 = no HTTP answer."""

    def __init__(self, message: str, *, status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.retry_after_s = status, retry_after_s


class Signer(Protocol):
    """What the uplink needs of the device identity."""

    @property
    def device_id(self) -> uuid.UUID:
        """The name of the device."""

    def sign(self, payload: bytes) -> bytes:
        """The signed message of a payload."""


@dataclass(frozen=True, slots=True)
class HttpSender:
    """Posts one message and reads at most MAX_REPLY_BYTES of the answer, all within the timeout per step."""

    base_url: str
    timeout_s: float = TIMEOUT_S
    tls: ssl.SSLContext | None = None

    def __call__(self, message: bytes) -> Reply:
        """Send; the reply. Raises SendFailed."""
        where = urlsplit(self.base_url)
        host = where.hostname or ""
        link: http.client.HTTPConnection
        if where.scheme == "https":
            link = http.client.HTTPSConnection(
                host, where.port, timeout=self.timeout_s, context=self.tls or ssl.create_default_context()
            )
        else:
            link = http.client.HTTPConnection(host, where.port, timeout=self.timeout_s)
        try:
            link.request("POST", where.path.rstrip("/") + PATH, message, {"Content-Type": CONTENT_TYPE})
            answer = link.getresponse()
            body = answer.read(MAX_REPLY_BYTES + 1)
            if answer.status != 200:
                wait = answer.getheader("Retry-After") or ""
                raise SendFailed(
                    f"the service answered {answer.status}",
                    status=answer.status,
                    retry_after_s=float(wait) if wait.isdigit() else 0.0,
                )
            if len(body) > MAX_REPLY_BYTES:
                raise SendFailed("the reply is too long")
            return parse_reply(body)
        except (OSError, http.client.HTTPException, ProtocolError) as error:
            raise SendFailed(f"{type(error).__name__}: {error}") from error
        finally:
            link.close()


class Uplink:
    """Sends what waits. Not thread-safe by itself: one caller, or the thread of `start`."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Callable[[bytes], Reply],
        identity: Signer,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        interval_s: float = INTERVAL_S,
        batch: int = BATCH,
        point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._outbox, self._sender, self._identity = outbox, sender, identity
        self._clock, self._jitter, self._point = clock, jitter, point
        self.interval_s, self._batch, self._limit = interval_s, batch, batch
        self.failures = self._standing = 0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._one = threading.Lock()
        self._thread: threading.Thread | None = None

    def run_once(self, now: datetime) -> float:
        """Send at most one message; the seconds to wait before the next (0 = more waits and all is well)."""
        with self._one:
            return self._run_once(now)

    def _run_once(self, now: datetime) -> float:
        try:
            self._outbox.prune(now)
        except OutboxError as error:  # a disk too full to forget; what can be read is sent all the same
            _log.warning("uplink: old reports are not forgotten: %s", error)
        sent = self._outbox.next_batch(self._limit)
        if sent is None:
            return self._spread()
        device = self._identity.device_id.bytes
        payload = encode_batch(device, sent.epoch, sent.first_seq, sent.bodies, gap=sent.gap, prev=sent.prev)
        try:
            message = self._identity.sign(payload)
            self._point("uplink.before_send")
            reply = self._sender(message)
            self._point("uplink.after_reply")
        except SendFailed as error:
            return self._back_off(error)
        self._outbox.apply(sent, reply, now)
        confirmed = reply.status in (OK, CREATED) and reply.next_seq > sent.first_seq
        self._standing = 0 if confirmed else self._standing + 1
        if self._standing > STANDING:
            return self._back_off(SendFailed("the service answers, but confirms nothing"))
        self.failures = 0
        self._limit = self._batch
        self.interval_s = min(max(reply.interval_s, INTERVAL_MIN_S), INTERVAL_MAX_S)
        more = self._outbox.pending() >= self._batch or reply.status not in (OK, CREATED)
        return 0.0 if more else self._spread()

    def start(self) -> None:
        """Send in a thread of its own until `stop`."""
        self._thread = threading.Thread(target=self._loop, name="uplink", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Look now whether a full batch waits (call it after an append; cheap)."""
        self._wake.set()

    def stop(self, timeout_s: float = TIMEOUT_S * 2) -> None:
        """End the thread; what waits stays in the outbox."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def flush(self, deadline_s: float) -> bool:
        """Send all that waits, retrying until `deadline_s` seconds have passed; True when nothing waits."""
        end = time.monotonic() + deadline_s
        while True:
            try:
                if not self._outbox.pending():
                    return True
                if time.monotonic() >= end:
                    return False
                self.run_once(self._clock())
                held_up = self.failures > 0
            except OutboxError as error:  # the disk may yet take it
                _log.error("uplink: %s", error)
                held_up = True
            left = end - time.monotonic()
            if held_up and (left <= 0 or self._stopping.wait(min(left, 0.2))):
                return False

    def _loop(self) -> None:
        due = time.monotonic() + self._spread()
        while not self._stopping.is_set():
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()
            try:
                full = not self.failures and self._outbox.pending() >= self._batch
                if self._stopping.is_set() or (time.monotonic() < due and not full):
                    continue
                delay = self.run_once(self._clock())
            except OutboxError as error:
                _log.error("uplink: %s", error)
                delay = BACKOFF_MAX_S
            except Exception:
                _log.exception("uplink: unexpected; it tries again")
                delay = BACKOFF_MAX_S
            due = time.monotonic() + delay

    def _spread(self) -> float:
        """A moment within the interval: thousands of kiosks switched on together do not report together."""
        return self.interval_s * self._jitter()

    def _back_off(self, error: SendFailed) -> float:
        self.failures += 1
        if error.status == 413:
            self._limit = max(1, self._limit // 2)
        ceiling = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(self.failures - 1, 20))
        hint = HINTS.get(error.status)
        _log.warning("uplink: %s (failure %d)%s", error, self.failures, f"; {hint}" if hint else "")
        return float(min(max(error.retry_after_s, ceiling * self._jitter()), INTERVAL_MAX_S))
