"""Checks per second through the whole service, beside a bare COPY of the same rows."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from urllib.request import urlopen

import psycopg
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.measure import Figure, figure
from scanner.identity import DeviceIdentity
from scanner.protocol import CONTENT_TYPE, ScanReport, encode_batch, encode_entry, entry_mark
from verifier_service.cli import register_device
from verifier_service.migrate import migrate
from verifier_service.postgres.supervisor import APP_ROLE, Cluster

ROOT = Path(__file__).resolve().parents[1]
DEVICES, BATCHES, BATCH, ROUNDS = 16, 30, 100, 5
LIMIT = 40_000
REASONS = ((), (), (), (), ("time.expired",), ("signature.bad",), ("trust.unknown_kid",))


def figures() -> list[Figure]:
    """reports.checks_per_s."""
    with Cluster(ROOT / "var" / "bench" / "postgres") as cluster:
        name = f"bench_{time.time_ns()}"
        owner = cluster.ensure_database(name)
        migrate(owner)
        try:
            ours, copy = _measure(cluster.dsn(name, APP_ROLE), owner)
        finally:
            with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    how = (
        f"{DEVICES} kiosks, signed batches of {BATCH} over HTTP, counters and metrics on, fsync on;"
        f" medians of {ROUNDS} interleaved rounds of {DEVICES * BATCHES * BATCH} checks"
    )
    beside = f">= {LIMIT}; bare COPY {statistics.median(copy):.0f}/s"
    return [figure("reports.checks_per_s", statistics.median(ours), "checks/s", beside, how)]


def _measure(app: str, owner: str) -> tuple[list[float], list[float]]:
    devices = [DeviceIdentity(uuid.uuid4(), ec.generate_private_key(ec.SECP256R1())) for _ in range(DEVICES)]
    for device in devices:
        register_device(owner, device.device_id, device.public_pem, "Bench")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE bench_row (device uuid, seq bigint, at timestamptz, outcome text, reasons text[],"
            " format text, kind text, issuer text, trust_version text, stage int[])"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = (ROOT / "var" / "bench" / "service.log").open("wb")
    service = subprocess.Popen(
        [sys.executable, "-m", "verifier_service", "serve"],
        env={**os.environ, "APP_ENV": "demo", "DATABASE_URL": app, "BIND": f"127.0.0.1:{port}"},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/readyz")
        ours, copy = [], []
        marks: dict[uuid.UUID, bytes | None] = {device.device_id: None for device in devices}
        for turn in range(ROUNDS):
            reports = _reports(turn)
            messages = {device: _messages(device, turn, reports, marks) for device in devices}
            rows = [_rows(device, turn, reports) for device in devices]
            with ThreadPoolExecutor(DEVICES) as pool:
                begun = time.perf_counter()
                list(pool.map(_post, repeat(port), messages.values()))
                ours.append(DEVICES * BATCHES * BATCH / (time.perf_counter() - begun))
                begun = time.perf_counter()
                list(pool.map(_copy, repeat(owner), rows))
                copy.append(DEVICES * BATCHES * BATCH / (time.perf_counter() - begun))
        with psycopg.connect(owner) as connection:
            row = connection.execute("SELECT sum(checks)::bigint FROM scan_counter").fetchone()
        assert row == (ROUNDS * DEVICES * BATCHES * BATCH,), "not every check was counted"
        return ours, copy
    finally:
        service.terminate()
        service.wait(30)
        log.close()


def _reports(turn: int) -> list[ScanReport]:
    rng, now = random.Random(turn), datetime.now(UTC)
    found = []
    for number in range(BATCHES * BATCH):
        reasons = rng.choice(REASONS)
        found.append(
            ScanReport(
                at=now - timedelta(seconds=0.5 * (BATCHES * BATCH - number)),
                outcome="invalid" if reasons else "valid",
                reasons=reasons,
                format="eu-dcc",
                kind="vaccination",
                issuer=rng.choice(("AT", "DE", "VN")),
                trust_version="2026-11-25",
                stage_ms=tuple(rng.randint(1, 400) for _ in range(5)),
            )
        )
    return found


def _messages(
    device: DeviceIdentity, turn: int, reports: list[ScanReport], marks: dict[uuid.UUID, bytes | None]
) -> list[bytes]:
    entries, signed = [encode_entry(report) for report in reports], []
    for first in range(0, len(entries), BATCH):
        part = entries[first : first + BATCH]
        payload = encode_batch(
            device.device_id.bytes, 0, turn * len(entries) + first, part, prev=marks[device.device_id]
        )
        signed.append(device.sign(payload))
        marks[device.device_id] = entry_mark(part[-1])
    return signed


def _post(port: int, messages: list[bytes]) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for message in messages:
        link.request("POST", "/api/v1/scan-reports", message, {"Content-Type": CONTENT_TYPE})
        answer = link.getresponse()
        body = answer.read()
        assert answer.status == 200, body
    link.close()


def _rows(device: DeviceIdentity, turn: int, reports: list[ScanReport]) -> list[str]:
    """The same checks as COPY text, a batch each; made before the clock runs, as the signed messages are."""
    lines = [
        f"{device.device_id}\t{turn * len(reports) + place}\t{report.at.isoformat()}\t{report.outcome}\t"
        f"{{{','.join(report.reasons)}}}\t{report.format}\t{report.kind}\t{report.issuer}\t"
        f"{report.trust_version}\t{{{','.join(map(str, report.stage_ms))}}}\n"
        for place, report in enumerate(reports)
    ]
    return ["".join(lines[first : first + BATCH]) for first in range(0, len(lines), BATCH)]


def _copy(owner: str, batches: list[str]) -> None:
    with psycopg.connect(owner, autocommit=True) as connection:
        for batch in batches:
            with connection.cursor().copy("COPY bench_row FROM STDIN") as copy:
                copy.write(batch)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
                json.dumps(answer.status)
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the service did not get ready")
