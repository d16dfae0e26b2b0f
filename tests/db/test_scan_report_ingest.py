from __future__ import annotations

import re
import threading
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient

from scanner import protocol as p
from scanner.identity import DeviceIdentity
from scanner.outbox import KEEP, Outbox
from scanner.protocol import Reply, ScanReport
from scanner.uplink import SendFailed, Uplink
from verifier_service.app import create_app
from verifier_service.bootstrap import Services, build_services
from verifier_service.cli import register_device
from verifier_service.fleet.board import read_board
from verifier_service.settings import Settings

pytestmark = [pytest.mark.db, pytest.mark.req("K04")]
NOW = datetime(2026, 11, 22, 8, 30, 30, tzinfo=UTC)
URL = "/api/v1/scan-reports"


@dataclass
class World:
    owner_url: str
    services: Services
    client: FlaskClient
    kiosk: DeviceIdentity
    settings: Settings

    def post(self, message: bytes) -> Reply:
        answer = self.client.post(URL, data=message)
        if answer.status_code != 200:
            raise SendFailed(answer.text, status=answer.status_code)
        return p.parse_reply(answer.data)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.owner_url) as link:
            return link.execute(sql).fetchall()

    def checks(self) -> int:
        return int(str(self.rows("SELECT coalesce(sum(checks), 0) FROM scan_counter")[0][0]))

    def message(
        self, entries: list[bytes], *, epoch: int = 0, first_seq: int = 0, gap: int = 0,
        prev: bytes | None = None,
    ) -> bytes:  # fmt: skip
        payload = p.encode_batch(self.kiosk.device_id.bytes, epoch, first_seq, entries, gap=gap, prev=prev)
        return self.kiosk.sign(payload)

    def store_the_same_long_message(self, rows: int) -> list[bytes]:
        """`rows` stored batches of one entry each, every one with the whole long message as its body."""
        all_of_them = entries(p.MAX_BATCH_ENTRIES)
        body = self.message(all_of_them)
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            device = self.kiosk.device_id
            owner.execute(
                "INSERT INTO device_stream (device_id, epoch, next_seq, opened_at, seen_at)"
                " VALUES (%s, 0, %s, now(), now())", (device, rows),
            )  # fmt: skip
            owner.execute(
                "INSERT INTO scan_batch (device_id, epoch, first_seq, skip, count, body, received_at)"
                " SELECT %s, 0, n, n, 1, %s, now() FROM generate_series(0, %s) AS n",
                (device, body, rows - 1),
            )  # fmt: skip
        return all_of_them


def entries(count: int, start: int = 0, outcome: str = "valid") -> list[bytes]:
    reasons = () if outcome == "valid" else ("time.expired",)
    first = NOW - timedelta(seconds=60) + timedelta(milliseconds=start)
    return [
        p.encode_entry(
            ScanReport(first + timedelta(milliseconds=n), outcome, reasons, "eu-dcc", None, "AT", "v1")
        )
        for n in range(count)
    ]


@pytest.fixture
def world(database_url: str, owner_url: str) -> Iterator[World]:
    settings = Settings(database_url=database_url, operator_token="t" * 32)
    services = build_services(settings, clock=lambda: NOW)
    kiosk = DeviceIdentity(uuid.uuid4(), ec.generate_private_key(ec.SECP256R1()))
    register_device(owner_url, kiosk.device_id, kiosk.public_pem, "Cửa số 1")
    yield World(owner_url, services, create_app(settings, services).test_client(), kiosk, settings)
    services.database.close()


def test_a_batch_is_kept_raw_and_counted(world: World) -> None:
    message = world.message(entries(3) + entries(2, 10, "invalid"))
    assert world.post(message) == Reply("created", 0, 5, 60)
    assert world.rows("SELECT first_seq, skip, count, body FROM scan_batch") == [(0, 0, 5, message)]
    assert world.rows("SELECT outcome, reason, format, checks FROM scan_counter ORDER BY outcome") == [
        ("invalid", "time.expired", "eu-dcc", 2),
        ("valid", "", "eu-dcc", 3),
    ]


def test_the_same_batch_again_changes_nothing(world: World) -> None:
    message = world.message(entries(5))
    assert [world.post(message).next_seq for _ in range(3)] == [5, 5, 5]
    assert (world.checks(), len(world.rows("SELECT 1 FROM scan_batch"))) == (5, 1)


def test_an_overlap_stores_the_tail_alone(world: World) -> None:
    all_of_them = entries(8)
    world.post(world.message(all_of_them[:5]))
    assert world.post(world.message(all_of_them)) == Reply("ok", 0, 8, 60)
    assert world.rows("SELECT first_seq, skip, count FROM scan_batch ORDER BY 1") == [(0, 0, 5), (5, 5, 3)]
    assert world.post(world.message(all_of_them[3:], first_seq=3)).status == "ok"
    assert world.checks() == 8


def test_a_report_from_beyond_is_asked_to_go_back(world: World) -> None:
    world.post(world.message(entries(5)))
    assert world.post(world.message(entries(2, 9), first_seq=9)) == Reply("resend", 0, 5, 60)
    assert world.checks() == 5


def test_a_signed_gap_is_taken_and_alarmed_once(world: World) -> None:
    world.post(world.message(entries(5)))
    message = world.message(entries(2, 9), first_seq=5, gap=4)
    assert world.post(message).next_seq == 11
    assert world.post(message).next_seq == 11
    assert world.rows("SELECT kind, seq, missing FROM device_alarm") == [("gap", 5, 4)]
    assert world.checks() == 7
    assert world.post(world.message(entries(1, 20), first_seq=11)).status == "ok"


def test_a_differing_overlap_opens_one_new_stream_and_the_old_one_goes_on(world: World) -> None:
    mine, other = entries(6), entries(6, 500)
    world.post(world.message(mine[:4]))
    fork = world.message([*mine[:2], *other[2:]])
    assert world.post(fork) == Reply("forked", 1, 0, 60, agreed_to=2)
    assert world.post(fork) == Reply("forked", 1, 0, 60, agreed_to=2)
    assert world.post(world.message(other[2:], epoch=1)).next_seq == 4
    assert world.post(world.message(mine[4:], first_seq=4)).next_seq == 6
    assert world.rows("SELECT kind, epoch, seq FROM device_alarm") == [("fork", 0, 2)]
    assert world.checks() == 10


def test_two_histories_that_meet_at_the_same_number_are_told_apart(world: World) -> None:
    mine, other = entries(6), entries(6, 500)
    world.post(world.message(mine[:4]))
    fork = world.message(other[4:], first_seq=4, prev=p.entry_mark(other[3]))
    assert world.post(fork) == Reply("forked", 1, 0, 60, agreed_to=3)
    assert world.checks() == 4
    assert world.post(world.message(mine[4:], first_seq=4, prev=p.entry_mark(mine[3]))).next_seq == 6
    assert world.checks() == 6


def test_a_long_history_is_compared_a_few_stored_messages_at_a_time(world: World) -> None:
    all_of_them = world.store_the_same_long_message(200)
    again = world.message(all_of_them[:201])
    stored = len(world.message(all_of_them)) * 200
    tracemalloc.start()
    try:
        assert world.post(again) == Reply("ok", 0, 201, 60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < stored / 3
    assert world.rows("SELECT sum(count) FROM scan_batch") == [(201,)]


def test_a_comparison_ends_with_the_first_difference(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = world.store_the_same_long_message(60)
    read: list[bytes] = []
    parse = p.parse_entries
    monkeypatch.setattr(p, "parse_entries", lambda body: (read.append(body), parse(body))[1])
    different = world.message([all_of_them[0], *entries(59, 5_000)])
    assert world.post(different) == Reply("forked", 1, 0, 60, agreed_to=1)
    assert len(read) == 2


def test_a_stored_message_nobody_can_read_is_a_hole(world: World) -> None:
    mine = entries(4)
    for n in (0, 2):
        world.post(world.message(mine[n : n + 2], first_seq=n))
    with psycopg.connect(world.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE scan_batch SET body = 'x' WHERE first_seq = 0")
    assert world.post(world.message(mine[2:], first_seq=2)) == Reply("ok", 0, 4, 60)
    assert world.post(world.message(mine)) == Reply("forked", 1, 0, 60, agreed_to=0)


def test_a_signed_report_with_a_tag_is_unreadable(world: World) -> None:
    answer = world.client.post(URL, data=world.message([b"\xd8\x23\x61("]))
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/report-malformed")


def test_twenty_at_once_with_the_same_batch_count_it_once(world: World) -> None:
    message, statuses, gate = world.message(entries(100)), [], threading.Barrier(20)
    app = world.client.application

    def send() -> None:
        gate.wait()
        statuses.append(app.test_client().post(URL, data=message).status_code)

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 20
    assert (world.checks(), len(world.rows("SELECT 1 FROM scan_batch"))) == (100, 1)


def test_two_at_once_from_two_histories_both_arrive(world: World) -> None:
    boxes = []
    app = world.client.application

    def run(path: Path, start: int) -> None:
        box = Outbox(path)
        boxes.append(box)
        for n in range(40):
            box.append(
                ScanReport(NOW + timedelta(milliseconds=start + n), "valid", (), "eu-dcc", None, None, "v")
            )

        def send(raw: bytes) -> Reply:
            return p.parse_reply(app.test_client().post(URL, data=raw).data)

        Uplink(box, send, world.kiosk, clock=lambda: NOW, batch=7).flush(30)

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        threads = [threading.Thread(target=run, args=(Path(folder) / f"{n}.db", 1000 * n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [box.pending() for box in boxes] == [0] * 4
    assert world.checks() == 160


@pytest.mark.parametrize("pruned", [False, True])
def test_a_service_restored_to_an_earlier_point_gets_its_checks_again(
    world: World, tmp_path: Path, pruned: bool
) -> None:
    box = Outbox(tmp_path / "box.db")
    link = Uplink(box, world.post, world.kiosk, clock=lambda: NOW, batch=10)

    def scan(count: int, start: int) -> None:
        for n in range(count):
            box.append(
                ScanReport(NOW + timedelta(milliseconds=start + n), "valid", (), "eu-dcc", None, None, "v")
            )

    scan(30, 0)
    assert link.flush(5)
    with psycopg.connect(world.owner_url, autocommit=True) as owner:
        owner.execute("DELETE FROM scan_batch WHERE first_seq >= 20")
        owner.execute("DELETE FROM scan_counter")
        owner.execute("UPDATE device_stream SET next_seq = 20, last_mark = NULL")
    if pruned:
        for hour in range(KEEP // timedelta(hours=1) + 24):  # ages are counted in time the kiosk runs
            box.prune(NOW + timedelta(hours=hour))
    scan(5, 100)
    assert link.flush(5)
    assert world.rows("SELECT sum(count) FROM scan_batch") == [(26 if pruned else 35,)]
    assert world.rows("SELECT kind, seq, missing FROM device_alarm") == ([("gap", 20, 9)] if pruned else [])


def test_an_unknown_device_and_a_foreign_signature_are_refused(world: World) -> None:
    stranger = DeviceIdentity(uuid.uuid4(), ec.generate_private_key(ec.SECP256R1()))
    answer = world.client.post(URL, data=stranger.sign(p.encode_batch(stranger.device_id.bytes, 0, 0, [])))
    assert (answer.status_code, answer.json["type"]) == (401, "/problems/unknown-device")
    forged = DeviceIdentity(world.kiosk.device_id, stranger.private_key)
    answer = world.client.post(
        URL, data=forged.sign(p.encode_batch(world.kiosk.device_id.bytes, 0, 0, entries(1)))
    )
    assert (answer.status_code, answer.json["type"]) == (401, "/problems/bad-signature")
    answer = world.client.post(
        URL, data=world.kiosk.sign(p.encode_batch(stranger.device_id.bytes, 0, 0, entries(1)))
    )
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert world.checks() == 0


def test_a_suspended_device_is_refused(world: World) -> None:
    with psycopg.connect(world.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE device SET state = 'suspended'")
    assert world.client.post(URL, data=world.message(entries(1))).status_code == 401


def test_what_an_entry_holds_never_stops_a_report(world: World) -> None:
    import cbor2

    strange = [cbor2.dumps(x) for x in (None, [], [1], ["x", 9, 5, {}], [2**63, 0, [], "eu-dcc"], {"a": 1})]
    assert world.post(world.message(strange)).next_seq == 6
    assert world.rows("SELECT DISTINCT minute FROM scan_counter") == [(NOW.replace(second=0),)]
    assert world.checks() == 6
    assert world.client.get("/", headers={"Authorization": "Bearer " + "t" * 32}).status_code == 200


@pytest.mark.parametrize(
    ("lang", "words"),
    [("vi", ("chặt hơn", '<th scope="col">Định dạng</th>')), ("en", ("can be stricter", "Format</th>"))],
)
def test_the_board_says_that_the_lamp_can_be_stricter(
    world: World, lang: str, words: tuple[str, ...]
) -> None:
    world.post(world.message(entries(1)))
    board = world.client.get(f"/?lang={lang}", headers={"Authorization": "Bearer " + "t" * 32}).text
    assert all(word in board for word in words)


def test_an_implausible_time_counts_in_the_minute_of_receipt(world: World) -> None:
    old = p.encode_entry(ScanReport(datetime(1970, 1, 2, tzinfo=UTC), "valid", (), "eu-dcc", None, None, "v"))
    world.post(world.message([old]))
    assert world.rows("SELECT minute FROM scan_counter") == [(NOW.replace(second=0),)]


def test_a_database_that_is_down_is_a_503_that_says_when_to_come_again(world: World) -> None:
    settings = replace(world.settings, database_url="postgresql://nobody@127.0.0.1:9/none", pool_wait_s=0.2)
    services = build_services(settings, clock=lambda: NOW)
    client = create_app(settings, services).test_client()
    for answer in (client.post(URL, data=world.message(entries(1))), client.get("/readyz")):
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/healthz").status_code == 200
    services.database.close()


def test_the_application_role_owns_nothing_and_changes_no_table(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as link:
        owned = link.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        ).fetchone()
        assert owned == (0,)
        for forbidden in (
            "DROP TABLE scan_batch", "ALTER TABLE scan_batch ADD COLUMN x int", "TRUNCATE scan_batch",
            "DELETE FROM scan_batch", "UPDATE scan_batch SET count = 0", "CREATE TABLE x (y int)",
            "DELETE FROM device", "INSERT INTO device VALUES (gen_random_uuid(), '', '', 'active', now())",
            "DELETE FROM device_alarm", "UPDATE device SET state = 'active'", "CREATE SCHEMA x",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                link.execute(forbidden)


def test_the_board_shows_counts_and_nothing_personal(world: World) -> None:
    world.post(world.message(entries(3) + entries(2, 10, "invalid")))
    head = {"Authorization": "Bearer " + "t" * 32}
    page = world.client.get("/?lang=en", headers=head).text
    assert "Cửa số 1" in page
    assert "The certificate has expired." in page
    assert re.search(r"<dt>Checks</dt>\s*<dd>5</dd>", page)
    with psycopg.connect(world.owner_url) as link:
        board = read_board(link, NOW)
    assert (board.totals, len(board.minutes), sum(b.total for b in board.minutes)) == (
        {"valid": 3, "invalid": 2, "undetermined": 0}, 60, 5,
    )  # fmt: skip
    assert len(board.last) == 5
    part = world.client.get("/board/part", headers=head)
    again = world.client.get("/board/part", headers={**head, "If-None-Match": part.headers["ETag"]})
    assert (part.status_code, again.status_code, again.data) == (200, 304, b"")


def test_the_figures_follow_the_reports(world: World) -> None:
    head = {"Authorization": "Bearer " + "t" * 32}

    def valid() -> float:
        found = re.search(
            r'cong_xanh_checks_total\{outcome="valid"\} (\S+)',
            world.client.get("/metrics", headers=head).text,
        )
        return float(found[1]) if found else 0.0

    before, message = valid(), world.message(entries(7))
    world.post(message)
    world.post(message)
    assert valid() == before + 7


def test_a_stream_that_moves_under_every_try_is_busy_not_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verifier_service.fleet import ingest

    refuse: Callable[..., bool] = lambda *a, **k: False  # noqa: E731
    monkeypatch.setattr(ingest, "take", refuse)
    answer = world.client.post(URL, data=world.message(entries(1)))
    assert (answer.status_code, answer.json["type"]) == (503, "/problems/busy")
