from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scanner.identity import DeviceIdentity
from verifier_service.cli import main

pytestmark = pytest.mark.db
LIMIT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        link.close()


def wait_ready(port: int) -> None:
    end = time.monotonic() + LIMIT_S
    while get(port, "/readyz")[0] != 200:
        assert time.monotonic() < end, "the service did not become ready"
        time.sleep(0.05)


@pytest.mark.req("K04")
def test_a_kiosk_is_registered_once_and_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, owner_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("OWNER_DATABASE_URL", owner_url)
    kiosk = DeviceIdentity(uuid.uuid4(), ec.generate_private_key(ec.SECP256R1()))
    as_printed = f"device-id: {kiosk.device_id}\n".encode() + kiosk.public_pem  # by `scanner identity`
    (tmp_path / "key.pem").write_bytes(as_printed)
    add = [
        "device",
        "add",
        "--id",
        kiosk.device_id.hex,
        "--public-key",
        str(tmp_path / "key.pem"),
        "--label",
        "Cửa 1",
    ]
    said: list[str] = []
    assert [main(add, said.append), main(add, said.append), main(["device", "list"], said.append)] == [
        0,
        1,
        0,
    ]
    assert said[-1].startswith(f"{kiosk.device_id}\tactive")
    assert main(["migrate"], said.append) == 0


def test_a_wrong_key_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, owner_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("OWNER_DATABASE_URL", owner_url)
    key = rsa.generate_private_key(65537, 2048).public_key()
    (tmp_path / "rsa.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for file in ("rsa.pem", "none.pem"):
        said: list[str] = []
        add = [
            "device",
            "add",
            "--id",
            uuid.uuid4().hex,
            "--public-key",
            str(tmp_path / file),
            "--label",
            "x",
        ]
        assert main(add, said.append) == 1
        assert len(said) == 1
        assert said[0].startswith("error: ")


def test_a_database_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "OWNER_DATABASE_URL"):
        monkeypatch.setenv(name, "postgresql://nobody@127.0.0.1:9/none")
    said: list[str] = []
    assert main(["device", "list"], said.append) == 1
    assert len(said) == 1
    assert said[0].startswith("error: ")


@pytest.mark.e2e
@pytest.mark.req("K04")
def test_serve_with_its_own_database_outlives_a_worker_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    environ = {k: v for k, v in os.environ.items() if not k.endswith("DATABASE_URL")}
    environ |= {
        "APP_ENV": "demo",
        "BIND": f"127.0.0.1:{port}",
        "WORKERS": "1",
        "DATA_DIR": str(tmp_path / "data"),
    }
    log = (tmp_path / "log").open("w")
    service = subprocess.Popen(
        [sys.executable, "-m", "verifier_service", "serve"], env=environ, stdout=log, stderr=log
    )
    try:
        wait_ready(port)
        assert "Cổng Xanh" in get(port, "/")[1]
        for how in (signal.SIGTERM, signal.SIGKILL):
            (worker,) = [
                c
                for c in psutil.Process(service.pid).children()
                if "verifier_service" in " ".join(c.cmdline())
            ]
            worker.send_signal(how)
            psutil.wait_procs([worker], timeout=LIMIT_S)
            wait_ready(port)
        assert get(port, "/metrics")[0] == 200
    finally:
        service.send_signal(signal.SIGTERM)
        code = service.wait(LIMIT_S)
        log.close()
    assert code == 0, (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()
