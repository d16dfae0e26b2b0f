"""A gunicorn worker whose threads never wait for a sender.

gunicorn's own threads read the request themselves and without any time limit, so a hundred senders of one
byte hold them all. Here the worker's one poller collects each request; a thread gets it when it is whole.
Who is slow costs a connection and some memory, both bounded, and must be done by a deadline. When either
runs short, who has been sending longest, or holds most, has to go: somebody quick never is.
Source: requirement K04, K14; gunicorn 27, `workers/gthread.py`; RFC 9112 §9.6 (closing).
"""

from __future__ import annotations

import errno
import json
import selectors
import socket
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import Any

from gunicorn.errors import ConfigError  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from verifier_service.arrival import Arrival, State

HEAD_S = 10.0  # from the first chance to send until the head is whole
WHOLE_S = 60.0  # until the body is: 12 MiB at 1.7 Mbit/s, a full report of 256 KiB at 35 kbit/s
SEND_S = 10.0  # for a whole answer: who does not read it holds a thread no longer
LINGER_S = 2.0  # after the answer, so that it arrives although the rest of a refused body keeps coming
STOP_S = 2.0  # for the rest of a request when the worker is told to stop
MAX_CONNECTIONS = 400  # of a worker: well below the usual 1,024 descriptors of a process
MAX_HELD_BYTES = 64 * 1_048_576  # of collected requests in a worker: five of the largest at once
# Nobody is sent away for memory below this: 400 reports of 256 KiB with their heads are 109 MiB.
FAIR_BYTES = 280 * 1_024
_PART = 65_536
_PARTS = 4  # read of one sender before the next one's turn


class CollectedSocket(socket.socket):
    """A client's socket that hands out the collected request and never waits for more of it."""

    _held: bytes | memoryview = b""
    _given = 0
    _send_until = 0.0
    surplus = False

    @classmethod
    def over(cls, plain: socket.socket) -> CollectedSocket:
        """The same connection."""
        return cls(plain.family, plain.type, plain.proto, fileno=plain.detach())

    def hold(self, request: bytes | bytearray, *, surplus: bool) -> None:
        """What `recv` is to hand out. `surplus`: more came than that, so the connection ends with it."""
        self._held, self._given, self.surplus = memoryview(request), 0, surplus
        self._send_until = 0.0

    def recv(self, size: int, flags: int = 0) -> bytes:
        """The next bytes of the request. Raises ConnectionResetError where a plain socket would wait."""
        if self._given >= len(self._held):
            self._held, self._given = b"", 0
            raise ConnectionResetError(errno.ECONNRESET, "the request ended")
        part = bytes(self._held[self._given : self._given + size])
        self._given += len(part)
        return part

    def recv_wire(self, size: int) -> bytes:
        """Bytes of the connection itself."""
        return super().recv(size)

    def setblocking(self, flag: bool) -> None:
        """Blocking means: for SEND_S."""
        self.settimeout(SEND_S if flag else 0.0)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of it; a whole answer has SEND_S. Raises BrokenPipeError for a reader too slow."""
        now = monotonic()
        self._send_until = self._send_until or now + SEND_S
        try:
            self.settimeout(max(self._send_until - now, 0.001))
            super().sendall(data, flags)
        except TimeoutError:
            raise BrokenPipeError(errno.EPIPE, "the answer is not read") from None


@dataclass(eq=False, slots=True)
class _Guest:
    """A connection in the poller's care: sending its request, or (arrival None) being closed in peace."""

    conn: Any
    until: float
    begun: float = 0.0
    arrival: Arrival | None = field(default_factory=Arrival)
    watched: bool = False
    gone: bool = False

    @property
    def held(self) -> int:
        return len(self.arrival.data) if self.arrival is not None else 0


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gthread with a waiting room in front of the threads. Everything here runs in the poller's thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guests: dict[TConn, _Guest] = {}  # oldest first
        self._inside: dict[TConn, int] = {}  # bytes of the requests that wait for a thread or have one
        self._looked_at = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse TLS: it ends at the proxy."""
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise ConfigError("PatientWorker speaks no TLS: let the proxy in front do it")

    # --- in ---------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Accept one connection; at the limit the one longest in the waiting room makes room."""
        super().accept(listener)
        while self.nr_conns >= self.worker_connections and self._guests:
            self._drop(next(iter(self._guests.values())))

    def enqueue_req(self, conn: TConn) -> None:
        """A connection on which a request may begin, new or kept alive: collect it, then hand it over."""
        if not isinstance(conn.sock, CollectedSocket):
            conn.sock = CollectedSocket.over(conn.sock)
        conn.sock.setblocking(False)
        now = monotonic()
        guest = self._guests[conn] = _Guest(conn, now + HEAD_S, now)
        self._collect(guest, conn.sock)

    def _collect(self, guest: _Guest, sock: Any) -> None:
        arrival = guest.arrival
        if guest.gone:  # sent away between the poller's report and this call
            return None
        if arrival is None:
            return self._discard(guest)
        state = State.MORE
        try:
            for _ in range(_PARTS):
                part = sock.recv_wire(_PART)
                if not part:
                    return self._drop(guest)
                state = arrival.add(part)
                if state is not State.MORE:
                    break
        except BlockingIOError:
            pass
        except OSError:
            return self._drop(guest)
        if state is State.WHOLE:
            return self._hand_over(guest, arrival)
        if state is not State.MORE:
            return self._refuse(guest, state)
        if arrival.head_is_here:
            guest.until = guest.begun + WHOLE_S
            if arrival.asks_to_go_on:
                arrival.asks_to_go_on = False
                self._say(guest, b"HTTP/1.1 100 Continue\r\n\r\n")
        self._watch(guest)
        return self._keep_memory() if guest.held > FAIR_BYTES else None

    def _hand_over(self, guest: _Guest, arrival: Arrival) -> None:
        self._forget(guest)
        request, surplus = arrival.taken()
        guest.conn.sock.hold(request, surplus=surplus)
        guest.conn.data_ready = True  # no thread need ask the socket
        self._inside[guest.conn] = len(request)
        super().enqueue_req(guest.conn)

    def handle(self, conn: TConn) -> Any:
        """Serve one request (in a thread). Bytes beyond it end the connection: nobody pipelines."""
        return super().handle(conn) and not conn.sock.surplus

    # --- out --------------------------------------------------------------------------------------------

    def finish_request(self, conn: TConn, future: Future[Any]) -> None:
        """After a thread: keep the connection, or close it without ever waiting for the other side."""
        self._inside.pop(conn, None)
        if not future.cancelled() and future.exception() is None and future.result():
            super().finish_request(conn, future)
        else:
            self._linger(_Guest(conn, 0.0))

    def murder_pending(self) -> None:
        """Called in every turn of the poller: send away who is late."""
        super().murder_pending()
        now = monotonic()
        if now - self._looked_at < 0.5:
            return
        self._looked_at = now
        for guest in list(self._guests.values()):
            if not self.alive:
                guest.until = min(guest.until, now + STOP_S) if guest.held else now
            if guest.until > now:
                continue
            if guest.held:
                self._refuse(guest, State.TOO_SLOW)
            else:
                self._drop(guest)

    def _refuse(self, guest: _Guest, state: State) -> None:
        self._say(guest, refusal(state))
        self._linger(guest)

    def _linger(self, guest: _Guest) -> None:
        self._forget(guest)
        try:
            guest.conn.sock.setblocking(False)
            guest.conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return self._drop(guest)
        guest.arrival, guest.until = None, monotonic() + LINGER_S
        self._guests[guest.conn] = guest
        return self._discard(guest)

    def _discard(self, guest: _Guest) -> None:
        try:
            for _ in range(_PARTS):
                if not guest.conn.sock.recv_wire(_PART):
                    return self._drop(guest)
        except BlockingIOError:
            pass
        except OSError:
            return self._drop(guest)
        return self._watch(guest)

    # --- small tools ------------------------------------------------------------------------------------

    def _keep_memory(self) -> None:
        while (
            sum(self._inside.values()) + sum(guest.held for guest in self._guests.values()) > MAX_HELD_BYTES
        ):
            most = max(self._guests.values(), key=lambda guest: guest.held, default=None)
            if most is None or most.held <= FAIR_BYTES:
                return
            self._drop(most)

    def _watch(self, guest: _Guest) -> None:
        if not guest.watched:
            self.poller.register(guest.conn.sock, selectors.EVENT_READ, partial(self._collect, guest))
            guest.watched = True

    def _forget(self, guest: _Guest) -> None:
        self._guests.pop(guest.conn, None)
        if guest.watched:
            self.poller.unregister(guest.conn.sock)
            guest.watched = False

    def _drop(self, guest: _Guest) -> None:
        self._forget(guest)
        guest.gone = True
        self.nr_conns -= 1
        guest.conn.close()

    @staticmethod
    def _say(guest: _Guest, answer: bytes) -> None:
        try:
            guest.conn.sock.send(answer)  # it fits, or its reader never read before either
        except OSError:
            return


def refusal(state: State) -> bytes:
    """The answer to a request that no thread will see, an RFC 9457 problem."""
    status = HTTPStatus(state.value)
    body = json.dumps({"type": "about:blank", "title": status.phrase, "status": status.value}) + "\n"
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return (head + body).encode("ascii")
