"""The service is killed at each named point; the kiosk, which got no answer, sends the same bytes again."""

from __future__ import annotations

import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from scanner import protocol as p
from scanner.identity import DeviceIdentity
from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.cli import register_device
from verifier_service.settings import Settings

CUT = """
import os, signal, sys
from pathlib import Path
from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.settings import Settings
url, window, file = sys.argv[1:]
settings = Settings(database_url=url)
def point(name):
    if name == window:
        os.kill(os.getpid(), signal.SIGKILL)
client = create_app(settings, build_services(settings, point=point)).test_client()
client.post("/api/v1/scan-reports", data=Path(file).read_bytes())
"""


@pytest.mark.db
@pytest.mark.req("K04")
@pytest.mark.parametrize(
    ("window", "kept"), [("ingest.before_commit", 0), ("ingest.after_commit", 10), ("reply.before_send", 10)]
)
def test_a_cut_service_counts_each_check_once(
    tmp_path: Path, database_url: str, owner_url: str, window: str, kept: int
) -> None:
    kiosk = DeviceIdentity(uuid.uuid4(), ec.generate_private_key(ec.SECP256R1()))
    register_device(owner_url, kiosk.device_id, kiosk.public_pem, "Cửa 1")
    settings = Settings(database_url=database_url)
    services = build_services(settings)
    client = create_app(settings, services).test_client()
    entry = p.encode_entry(p.ScanReport(datetime.now(UTC), "valid", (), "eu-dcc", None, None, "v1"))
    for number in range(3):
        raw = kiosk.sign(p.encode_batch(kiosk.device_id.bytes, 0, number * 10, [entry] * 10))
        (tmp_path / "message").write_bytes(raw)
        child = subprocess.run(
            [sys.executable, "-c", CUT, database_url, window, str(tmp_path / "message")], check=False
        )
        assert child.returncode == -9
        for expected in (number * 10 + kept, number * 10 + 10):
            with psycopg.connect(owner_url) as link:
                found = link.execute("SELECT coalesce(sum(checks), 0)::int FROM scan_counter").fetchone()
            assert found == (expected,)
            answer = client.post("/api/v1/scan-reports", data=raw)
            assert p.parse_reply(answer.data).next_seq == number * 10 + 10
    services.database.close()
