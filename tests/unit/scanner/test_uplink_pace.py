from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scanner import protocol, uplink
from scanner.identity import DeviceIdentity, IdentityError, load, load_or_create
from scanner.outbox import Outbox, OutboxError, OutboxFull
from scanner.protocol import Reply, ScanReport, encode_reply
from scanner.uplink import BACKOFF_MAX_S, HttpSender, SendFailed, Uplink

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def build(folder: Path, sender: Callable[[bytes], Reply], scans: int = 1) -> tuple[Outbox, Uplink]:
    box = Outbox(folder / "box.db")
    for _ in range(scans):
        box.append(ScanReport(AT, "valid", (), "eu-dcc", None, None, "v1"))
    return box, Uplink(box, sender, load_or_create(folder / "id"), clock=lambda: AT, jitter=lambda: 0.5)


def taking(interval: int = 60) -> Callable[[bytes], Reply]:
    def take(raw: bytes) -> Reply:
        batch = protocol.parse_batch(protocol.parse_message(raw).unverified_payload)
        return Reply("ok", batch.epoch, batch.end, interval)

    return take


@pytest.mark.req("K04")
def test_the_next_report_comes_within_the_interval_the_service_asked_for(tmp_path: Path) -> None:
    box, link = build(tmp_path, taking(200))
    assert link.run_once(AT) == 100.0
    assert box.pending() == 0


@pytest.mark.parametrize(("asked", "kept"), [(0, 1), (10**9, 3600)])
def test_an_absurd_interval_is_bounded(tmp_path: Path, asked: int, kept: int) -> None:
    _, link = build(tmp_path, taking(asked))
    link.run_once(AT)
    assert link.interval_s == kept


@pytest.mark.req("K04")
def test_a_full_batch_that_still_waits_goes_at_once(tmp_path: Path) -> None:
    _, link = build(tmp_path, taking(), scans=110)
    assert [link.run_once(AT), link.run_once(AT)] == [0.0, 30.0]


@pytest.mark.req("K04")
def test_failures_back_off_up_to_a_limit_and_lose_nothing(tmp_path: Path) -> None:
    def fail(raw: bytes) -> Reply:
        raise SendFailed("no route")

    box, link = build(tmp_path, fail)
    delays = [link.run_once(AT) for _ in range(12)]
    assert delays[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(delays) == BACKOFF_MAX_S / 2
    assert box.pending() == 1


@pytest.mark.req("K04")
def test_a_service_that_does_not_know_the_kiosk_leads_to_the_command_that_registers_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stranger(raw: bytes) -> Reply:
        raise SendFailed("the service answered 401", status=401)

    build(tmp_path, stranger)[1].run_once(AT)
    (told,) = [record.message for record in caplog.records]
    assert "answered 401" in told
    assert "python -m scanner identity" in told


def test_the_service_may_ask_for_a_longer_pause(tmp_path: Path) -> None:
    def busy(raw: bytes) -> Reply:
        raise SendFailed("busy", status=503, retry_after_s=42)

    _, link = build(tmp_path, busy)
    assert link.run_once(AT) == 42


def test_a_report_too_large_is_halved_until_it_passes(tmp_path: Path) -> None:
    sizes = []

    def narrow(raw: bytes) -> Reply:
        batch = protocol.parse_batch(protocol.parse_message(raw).unverified_payload)
        sizes.append(len(batch.entries))
        if sizes[-1] > 10:
            raise SendFailed("too large", status=413)
        return Reply("ok", 0, batch.end, 60)

    box, link = build(tmp_path, narrow, scans=50)
    while box.pending() == 50:
        link.run_once(AT)
    assert sizes == [50, 25, 12, 6]


@pytest.mark.req("K04")
@pytest.mark.parametrize("status", ["resend", "ok"])
def test_replies_that_confirm_nothing_are_asked_for_more_and_more_seldom(tmp_path: Path, status: str) -> None:
    told = {"resend": 10**9, "ok": 0}  # beyond what was sent; nothing of it taken

    box, link = build(tmp_path, lambda raw: Reply(status, 0, told[status], 60), scans=60)
    delays = [link.run_once(AT) for _ in range(9)]
    assert delays == [0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert box.pending() == 60
    link._sender = taking()
    link.run_once(AT)
    assert (link.failures, box.pending()) == (0, 10)


@pytest.mark.req("K04")
def test_a_kiosk_with_always_one_report_waiting_forgets_old_ones_too(tmp_path: Path) -> None:
    box, link = build(tmp_path, taking(), scans=0)
    for hour in range(30 * 24):
        now = AT + timedelta(hours=hour)
        box.append(ScanReport(now, "valid", (), "eu-dcc", None, None, "v1"))
        link.run_once(now)
    (kept,) = box._db.execute("SELECT count(*) FROM entries").fetchone()
    assert 7 * 24 <= kept <= 7 * 24 + 3


@pytest.mark.req("K04")
def test_what_can_be_read_is_sent_though_nothing_can_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(now: datetime) -> int:
        raise OutboxFull("the disk is full")

    box, link = build(tmp_path, taking())
    monkeypatch.setattr(box, "prune", full)
    link.run_once(AT)
    assert box.pending() == 0


def test_flush_waits_for_an_outbox_that_is_not_open_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, link = build(tmp_path, taking())
    real, refusals = box.pending, [OutboxError("being opened"), OutboxError("being opened")]

    def pending() -> int:
        if refusals:
            raise refusals.pop()
        return real()

    monkeypatch.setattr(box, "pending", pending)
    assert link.flush(5)
    assert (refusals, real()) == ([], 0)


def test_flush_sends_all_or_says_no_at_its_deadline(tmp_path: Path) -> None:
    box, link = build(tmp_path, taking(), scans=120)
    assert link.flush(5)
    assert box.pending() == 0

    def fail(raw: bytes) -> Reply:
        raise SendFailed("no route")

    (tmp_path / "b").mkdir()
    _, link = build(tmp_path / "b", fail)
    assert not link.flush(0.05)


def test_the_thread_sends_a_full_batch_when_nudged_and_stops(tmp_path: Path) -> None:
    done = threading.Event()

    def take(raw: bytes) -> Reply:
        done.set()
        return taking()(raw)

    _, link = build(tmp_path, take, scans=50)
    link.start()
    link.nudge()
    assert done.wait(5)
    link.stop()


@pytest.fixture
def http_answer() -> object:
    servers = []

    def serve(status: int, body: bytes, headers: dict[str, str] | None = None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_sender_reads_a_reply(http_answer: Callable[..., str]) -> None:
    reply = Reply("ok", 0, 5, 60)
    assert HttpSender(http_answer(200, encode_reply(reply)))(b"x") == reply


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (200, b"junk"), (200, b"\x00" * 10_000), (302, b"")]
)
def test_an_answer_that_is_no_reply_is_a_failed_send(
    http_answer: Callable[..., str], status: int, body: bytes
) -> None:
    with pytest.raises(SendFailed):
        HttpSender(http_answer(status, body))(b"x")


def test_the_pause_of_a_busy_service_is_read(http_answer: Callable[..., str]) -> None:
    with pytest.raises(SendFailed) as caught:
        HttpSender(http_answer(503, b"", {"Retry-After": "17"}))(b"x")
    assert (caught.value.status, caught.value.retry_after_s) == (503, 17.0)


def test_nobody_listening_is_a_failed_send() -> None:
    with pytest.raises(SendFailed):
        HttpSender("http://127.0.0.1:9", timeout_s=1)(b"x")


def test_the_identity_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    found: list[DeviceIdentity] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_or_create(tmp_path / "id"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.device_id for one in found}) == 1
    file = tmp_path / "id" / uplink_identity_name()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [f.name for f in file.parent.iterdir()] == [file.name]
    file.chmod(0o644)
    with pytest.raises(IdentityError):
        load(file)
    assert load(file, production=False).device_id == found[0].device_id
    assert "private" not in repr(found[0])


def uplink_identity_name() -> str:
    from scanner.identity import FILE_NAME

    assert uplink.PATH == "/api/v1/scan-reports"
    return FILE_NAME


@pytest.mark.parametrize(
    "text", ["", "device-id: x\n", "device-id: 00112233445566778899aabbccddeeff\nnot a key"]
)
def test_a_broken_identity_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "device.pem").write_text(text)
    with pytest.raises(IdentityError):
        load(tmp_path / "device.pem", production=False)
