"""A database whose disk is really full: the service says 503 and when to come again; nothing is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from scanner import protocol as p
from scanner.identity import DeviceIdentity
from scanner.outbox import Outbox
from scanner.uplink import SendFailed
from tests.conftest import SmallDisk
from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.cli import register_device
from verifier_service.migrate import migrate
from verifier_service.postgres.supervisor import APP_ROLE, Cluster
from verifier_service.settings import Settings

pytestmark = [pytest.mark.db, pytest.mark.req("K04")]
NOW = datetime(2026, 11, 22, 8, 30, 30, tzinfo=UTC)
DISK_MIB = 160  # a fresh cluster, three 16 MiB segments of its journal, and some room
BATCH = 1_000


def report(number: int) -> p.ScanReport:
    at = NOW - timedelta(milliseconds=number)
    return p.ScanReport(at, "valid", (), "eu-dcc", "vaccination", "AT", f"version-{number:08d}")


def test_a_full_disk_is_a_503_and_every_report_arrives_once_there_is_room(
    small_disk: Callable[[int], SmallDisk], tmp_path: Path
) -> None:
    disk = small_disk(DISK_MIB)
    with Cluster(disk.path / "db") as cluster:
        owner = cluster.ensure_database("full")
        migrate(owner)
        kiosk = DeviceIdentity(uuid.uuid4(), ec.generate_private_key(ec.SECP256R1()))
        register_device(owner, kiosk.device_id, kiosk.public_pem, "Gate")
        services = build_services(Settings(database_url=cluster.dsn("full", APP_ROLE)), clock=lambda: NOW)
        client = create_app(services=services, settings=Settings()).test_client()
        outbox = Outbox(tmp_path / "outbox.db")

        def send() -> int:
            """One report of the uplink; the HTTP status."""
            batch = outbox.next_batch(BATCH)
            assert batch is not None
            message = p.encode_batch(
                kiosk.device_id.bytes, batch.epoch, batch.first_seq, batch.bodies, prev=batch.prev
            )
            answer = client.post("/api/v1/scan-reports", data=kiosk.sign(message))
            if answer.status_code == 200:
                outbox.apply(batch, p.parse_reply(answer.data), NOW)
            else:
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["Retry-After"]) > 0
                assert answer.mimetype == "application/problem+json"
            return answer.status_code

        with outbox._commit("fill") as db:  # a long offline time at once
            for number in range(20 * BATCH):
                db.execute(
                    "INSERT INTO entries VALUES (0, ?, ?, 0, NULL)", (number, p.encode_entry(report(number)))
                )
            db.execute("UPDATE streams SET next_seq = ?", (20 * BATCH,))
        outbox.close()
        outbox = Outbox(tmp_path / "outbox.db")  # it counts what waits when it is opened
        assert send() == 200

        disk.fill()
        statuses = [send() for _ in range(40)]
        assert 503 in statuses, "the disk never ran full"
        assert outbox.pending() > 0

        disk.free()
        cluster.start()  # the database may have given up on its journal; what it confirmed is there
        for _ in range(200):
            if not outbox.pending():
                break
            try:
                send()
            except SendFailed:  # pragma: no cover - the pool is still reconnecting
                continue
        assert outbox.pending() == 0
        with psycopg.connect(owner) as link:
            row = link.execute("SELECT sum(checks)::bigint FROM scan_counter").fetchone()
        assert row == (20 * BATCH,), "a check was lost or doubled"
        services.database.close()
        outbox.close()
