"""The kiosk as a process: runs a scripted camera through, ends on SIGTERM, tells what is wrong."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hardware.scene import render

ROOT = Path(__file__).resolve().parents[3]

KEY = base64.b64encode(
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


def settings(home: Path, *, kind: str = "folder", extra: str = "") -> Path:
    path = home / "kiosk.toml"
    script = 'script = "frames/script.json"' if kind == "folder" else ""
    path.write_text(
        f'[camera]\nkind = "{kind}"\npath = "frames"\n{script}\n[lamp]\nkind = "recording"\n'
        f'journal = "lamp.jsonl"\n[trust]\nfile = "trust.json"\n[screen]\nport = 0\n{extra}'
    )
    (home / "frames").mkdir(exist_ok=True)
    if not (home / "trust.json").exists():
        (home / "trust.json").write_text(json.dumps({"keys": [{"spki": KEY, "formats": ["eu-dcc"]}]}))
    return path


def kiosk(*arguments: str, app_env: str = "test") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scanner", *arguments],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        env={**os.environ, "APP_ENV": app_env},
    )  # fmt: skip


@pytest.mark.e2e
@pytest.mark.req("K01")
def test_official_pictures_before_the_lens_become_signals_once_each(tmp_path: Path, testdata: Path) -> None:
    path = settings(tmp_path, extra="[demo]\nnow = 2021-06-20T12:00:00Z\n")
    keys, script = [], []
    for number in (1, 2, 3):
        vector = json.loads((testdata / "dgc" / "AT" / "2DCode" / "raw" / f"{number}.json").read_text())
        frame = render(base64.b64decode(vector["2DCODE"]), seed=number)
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), frame)
        keys.append({"x5c": [vector["TESTCTX"]["CERTIFICATE"]], "formats": ["eu-dcc"]})
        script.append({"file": f"{number}.png", "hold": 0.5})
    (tmp_path / "frames" / "script.json").write_text(json.dumps(script))
    (tmp_path / "trust.json").write_text(json.dumps({"keys": keys}))
    done = kiosk("run", "--settings", str(path), "--once-through", "--jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["scan"] for line in lines] == [1, 2, 3]
    assert all(line["format"] == "eu-dcc" and line["issuer"] == "AT" for line in lines)
    assert all(0 < line["photon_to_lamp_ms"] < 1000 for line in lines)
    lamp = [json.loads(line)["pattern"] for line in (tmp_path / "lamp.jsonl").read_text().splitlines()]
    assert [p for p in lamp if p not in ("idle", "off")] == [line["signal"] for line in lines]
    assert lamp[-1] == "off"


@pytest.mark.e2e
def test_the_kiosk_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    path = settings(tmp_path, kind="mailbox")
    process = subprocess.Popen(
        [sys.executable, "-m", "scanner", "run", "--settings", str(path)],
        cwd=ROOT, env={**os.environ, "APP_ENV": "test"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    journal, ends = tmp_path / "lamp.jsonl", time.monotonic() + 20
    while not (journal.exists() and journal.read_text()) and time.monotonic() < ends:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert json.loads(journal.read_text().splitlines()[-1])["pattern"] == "off"


@pytest.mark.e2e
def test_a_kiosk_that_cannot_start_says_why_in_a_line(tmp_path: Path) -> None:
    path = settings(tmp_path, kind="mailbox")
    production = kiosk("run", "--settings", str(path), app_env="production")
    assert production.returncode == 2
    assert "refused in production" in production.stderr
    (tmp_path / "trust.json").unlink()
    without_trust = kiosk("run", "--settings", str(path))
    assert without_trust.returncode == 2
    assert "trust.json: is missing" in without_trust.stderr
    settings(tmp_path, kind="mailbox", extra='[outbox]\npath = "kiosk.toml/outbox.sqlite"\n')
    blocked = kiosk("run", "--settings", str(path))
    assert blocked.returncode == 2
    assert "outbox.path: " in blocked.stderr
    assert "Traceback" not in blocked.stderr
    assert "Traceback" not in production.stderr + without_trust.stderr


@pytest.mark.e2e
def test_the_self_test_tells_part_by_part(tmp_path: Path) -> None:
    path = settings(tmp_path)
    cv2.imwrite(str(tmp_path / "frames" / "a.png"), render(None))
    (tmp_path / "frames" / "script.json").write_text('[{"file": "a.png", "hold": 1}]')
    (tmp_path / "outbox.sqlite.damaged-1").write_bytes(b"")
    good = kiosk("selftest", "--settings", str(path))
    result = json.loads(good.stdout)
    assert (good.returncode, result["ok"]) == (0, True)
    assert set(result["checks"]) == {"reader", "camera", "lamp", "outbox", "trust"}
    assert "age_min" in result["checks"]["trust"]
    assert result["checks"]["outbox"] == {"ok": True, "set_aside": 1}
    (tmp_path / "frames" / "a.png").unlink()
    bad = kiosk("selftest", "--settings", str(path))
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["checks"]["camera"]["ok"] is False
