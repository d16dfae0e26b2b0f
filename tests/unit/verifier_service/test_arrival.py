"""A request is whole exactly when no parser would wait for more of it."""

from __future__ import annotations

import socket

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.protocol import MAX_BATCH_BYTES
from verifier_service import worker
from verifier_service.arrival import MAX_BODY_BYTES, MAX_HEAD_BYTES, Arrival, State
from verifier_service.gateway.limits import MAX_PICTURE_BYTES, MAX_REQUEST_BYTES
from verifier_service.gateway.views import _FORM_ROOM
from verifier_service.worker import CollectedSocket, refusal

pytestmark = pytest.mark.req("K04")


def head(*lines: str, start: str = "POST /x HTTP/1.1") -> bytes:
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        (b"", State.MORE),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", State.MORE),
        (head("Host: x"), State.WHOLE),
        (head("content-LENGTH:  3 ") + b"ab", State.MORE),
        (head("content-LENGTH:  3 ") + b"abc", State.WHOLE),
        (head("Content-Length: 0"), State.WHOLE),
        (head("Content-Length: 3", "Content-Length: 3") + b"abc", State.MALFORMED),
        (head("Content-Length: +3") + b"abc", State.MALFORMED),
        (head("Content-Length: 3, 3") + b"abc", State.MALFORMED),
        (head("Content-Length: " + "9" * 13), State.MALFORMED),
        (head("Transfer-Encoding: chunked"), State.NO_LENGTH),
        (head("Content-Length: 3", "Transfer-Encoding: chunked"), State.NO_LENGTH),
        (b"\r\n\r\n", State.MALFORMED),
        (head(f"Content-Length: {MAX_BODY_BYTES}"), State.MORE),
        (head(f"Content-Length: {MAX_BODY_BYTES + 1}"), State.WHOLE),  # the route refuses it by its head
        (b"x" * MAX_HEAD_BYTES, State.HEAD_TOO_LARGE),
        (head("X: " + "y" * MAX_HEAD_BYTES), State.HEAD_TOO_LARGE),
    ],
)
def test_the_table_of_frames(raw: bytes, state: State) -> None:
    assert Arrival().add(raw) is state


@given(st.binary(max_size=60), st.integers(0, 40), st.lists(st.integers(1, 30), max_size=12))
def test_any_cutting_of_the_bytes_gives_the_same_request(body: bytes, more: int, cuts: list[int]) -> None:
    raw = head("Host: x", f"Content-Length: {len(body)}") + body
    sent, arrival, state = raw + bytes(more), Arrival(), State.MORE
    for size in [*cuts, len(sent)]:
        state = arrival.add(sent[:size])
        sent = sent[size:]
        if state is not State.MORE:
            break
    assert state is State.WHOLE
    request, _ = arrival.taken()
    assert bytes(request) == raw


def test_the_largest_body_of_every_route_is_waited_for() -> None:
    assert max(MAX_BATCH_BYTES, MAX_REQUEST_BYTES, MAX_PICTURE_BYTES + _FORM_ROOM) <= MAX_BODY_BYTES


def test_what_comes_behind_a_request_is_told() -> None:
    arrival = Arrival()
    arrival.add(head("Host: x") + b"GET")
    assert arrival.taken() == (head("Host: x"), True)


def test_a_sender_that_waits_for_the_word_is_known() -> None:
    arrival = Arrival()
    arrival.add(head("Expect: 100-Continue", "Content-Length: 1"))
    assert arrival.asks_to_go_on


name = st.sampled_from(
    ["Host", "Content-Length", "content-length ", " Content-Length", "Content_Length", "Transfer-Encoding",
     "X", "", "Content-Length\t", "Upgrade", "Connection", "Expect"]
)  # fmt: skip
value = st.sampled_from(
    [
        "x",
        "0",
        "3",
        " 3",
        "3 ",
        "03",
        "-1",
        "3,3",
        "chunked",
        "identity",
        "h2c",
        "9\n",
        "",
        "٣",
        "3;",
        "\x0b3",
    ]
).filter(lambda text: text.isascii())
line = st.builds("{}{}{}".format, name, st.sampled_from([":", ": ", "", " :"]), value)
start = st.sampled_from(
    ["POST / HTTP/1.1", "GET / HTTP/1.0", "PRI * HTTP/2.0", "GET /", "", " ", "G\nET / HTTP/1.1",
     "POST / HTTP/1.1\n\n", "CONNECT x:1 HTTP/1.1"]
)  # fmt: skip


@given(start, st.lists(line, max_size=4), st.binary(max_size=8))
@settings(max_examples=400)
def test_no_parser_waits_for_more_of_what_is_whole(first: str, lines: list[str], body: bytes) -> None:
    arrival = Arrival()
    if arrival.add(head(*lines, start=first) + body) is not State.WHOLE:
        return
    ours, theirs = socket.socketpair()
    with theirs, CollectedSocket.over(ours) as sock:
        sock.setblocking(True)
        sock.hold(arrival.taken()[0], surplus=False)
        parser = RequestParser(Config(), sock, ("192.0.2.1", 1))
        try:
            request = next(parser)
            request.body.read()
        except (ParseException, StopIteration):
            return  # refused, not waited for


def test_a_thread_never_waits_on_the_wire() -> None:
    ours, theirs = socket.socketpair()
    with theirs, CollectedSocket.over(ours) as sock:
        sock.setblocking(True)
        sock.hold(b"abc", surplus=False)
        theirs.sendall(b"later")
        assert (sock.recv(2), sock.recv(9)) == (b"ab", b"c")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_an_answer_nobody_reads_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SEND_S", 0.05)
    ours, theirs = socket.socketpair()
    with theirs, CollectedSocket.over(ours) as sock:
        sock.setblocking(True)
        sock.hold(b"", surplus=False)
        with pytest.raises(BrokenPipeError):
            sock.sendall(bytes(16 * 1_048_576))


def test_a_refusal_is_a_problem_that_closes() -> None:
    answer = refusal(State.TOO_SLOW).decode()
    assert answer.startswith("HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n")
    assert "Connection: close" in answer
