"""A hundred senders that never finish leave the service as quick as it was. A real server, no database."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.req("K04"), pytest.mark.req("K14")]
LIMIT_S = 30
ROUNDS = 40
# One worker of two threads, so that three slow senders would be enough; the deadlines shortened.
SERVE = """
import sys
import verifier_service.worker as worker
from verifier_service.__main__ import run
worker.HEAD_S, worker.WHOLE_S = float(sys.argv.pop(2)), float(sys.argv.pop(2))
sys.exit(run())
"""
POST = b"POST /api/v1/scan-reports HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
TOO_LARGE = POST.replace(b"100", b"99999999")


class Service:
    """A running service on a port of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connect(self, say: bytes = b"") -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_S)
        link.sendall(say)
        return link

    def health(self) -> tuple[int, float]:
        """Status (0: none) and seconds of /healthz."""
        begun = time.monotonic()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            link.request("GET", "/healthz")
            return link.getresponse().status, time.monotonic() - begun
        except OSError:
            return 0, time.monotonic() - begun
        finally:
            link.close()


def serve(folder: Path, head_s: float, whole_s: float) -> Iterator[Service]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environ = {k: v for k, v in os.environ.items() if k != "APP_ENV"}
    environ |= {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "BIND": f"127.0.0.1:{port}"}
    environ |= {"WORKERS": "1", "THREADS": "2"}
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", str(head_s), str(whole_s)],
            env=environ, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            service, end = Service(port), time.monotonic() + LIMIT_S
            while service.health()[0] != 200:
                assert time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.05)
            yield service
        finally:
            child.terminate()
            child.wait(LIMIT_S)
    assert "Traceback" not in (folder / "log").read_text()


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from serve(tmp_path_factory.mktemp("patient"), 60, 60)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from serve(tmp_path_factory.mktemp("hasty"), 0.2, 0.4)


@pytest.mark.parametrize(
    "begun",
    [POST + b"x", b"GET /healthz HTTP/1.1\r\nHos", b"",
     b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"],
    ids=["body", "head", "nothing", "body of no route"],
)  # fmt: skip
def test_a_hundred_slow_senders_stop_nobody(patient: Service, begun: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(patient.connect(begun))
        answers = [patient.health() for _ in range(ROUNDS)]
        assert [status for status, _ in answers] == [200] * ROUNDS
        assert max(seconds for _, seconds in answers) < 1


def test_slow_senders_on_kept_connections_stop_nobody(patient: Service) -> None:
    with ExitStack() as stack:
        for _ in range(40):
            link = stack.enter_context(patient.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
            assert b"200 OK" in link.recv(4_096)
            link.sendall(POST + b"x")
        assert [patient.health()[0] for _ in range(ROUNDS)] == [200] * ROUNDS


def test_who_never_closes_after_the_answer_stops_nobody(patient: Service) -> None:
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(
                patient.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            )
        answers = [patient.health() for _ in range(ROUNDS)]
        assert [status for status, _ in answers] == [200] * ROUNDS
        assert max(seconds for _, seconds in answers) < 1


def test_more_connections_than_a_worker_has_room_for_stop_nobody(patient: Service) -> None:
    with ExitStack() as stack:
        for _ in range(450):
            stack.enter_context(patient.connect(POST + b"x"))
        assert [patient.health()[0] for _ in range(ROUNDS)] == [200] * ROUNDS


def test_a_request_in_single_bytes_is_still_answered(patient: Service) -> None:
    with patient.connect() as link:
        for byte in POST + b"x" * 100:
            link.sendall(bytes([byte]))
        assert b" 422 " in link.recv(4_096)


def test_a_kept_connection_serves_one_request_after_the_other(patient: Service) -> None:
    link = http.client.HTTPConnection("127.0.0.1", patient.port, timeout=LIMIT_S)
    for _ in range(3):
        link.request("POST", "/api/v1/scan-reports", body=bytes(5_000))
        assert link.getresponse().read()
    peer = link.sock.getsockname()
    link.request("GET", "/healthz")
    assert link.getresponse().read() == b"ok\n"
    assert link.sock.getsockname() == peer
    link.close()


def test_a_body_too_large_is_answered_before_it_came(patient: Service) -> None:
    with patient.connect(TOO_LARGE) as link:
        assert b" 413 " in link.recv(4_096)


def test_who_sends_a_body_too_large_without_listening_still_hears_the_answer(patient: Service) -> None:
    with patient.connect(TOO_LARGE) as link:
        link.sendall(bytes(32 * 1_048_576))
        assert b" 413 " in link.recv(4_096)


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        pytest.param(POST + b"x", 408, id="body"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHos", 408, id="head"),
        pytest.param(POST.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked"), 411, id="chunked"),
    ],
)
def test_a_sender_that_never_finishes_is_told_and_closed(hasty: Service, begun: bytes, status: int) -> None:
    with hasty.connect(begun) as link:
        answer = b""
        while part := link.recv(4_096):
            answer += part
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in answer


def test_a_connection_without_a_word_is_closed(hasty: Service) -> None:
    with hasty.connect() as link:
        assert link.recv(1) == b""
