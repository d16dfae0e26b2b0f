"""A kiosk whose disk is really full: said at once, nothing lost that was kept, and it goes on by itself."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scanner.outbox import Outbox, OutboxError, OutboxFull
from scanner.protocol import Reply, ScanReport, encode_entry
from tests.conftest import ROOT, SmallDisk

KEY = base64.b64encode(
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def report(number: int) -> ScanReport:
    return ScanReport(NOW + timedelta(seconds=number), "valid", (), "eu-dcc", "vaccination", "AT", "v1")


@pytest.mark.req("K04")
def test_a_full_disk_refuses_the_report_keeps_the_others_and_heals(
    small_disk: Callable[[int], SmallDisk],
) -> None:
    disk = small_disk(2)
    outbox = Outbox(disk.path / "outbox.db")
    kept = [outbox.append(report(0))]
    disk.fill()
    with suppress(OutboxFull):
        while True:  # the journal may still hold room for some
            kept.append(outbox.append(report(len(kept))))
    assert outbox.pending() == len(kept)
    with pytest.raises(OutboxFull):
        outbox.append(report(9_999))

    disk.free()
    kept.append(outbox.append(report(len(kept))))
    assert kept == list(range(len(kept))), "a refused report takes no number"
    outbox.close()

    outbox = Outbox(disk.path / "outbox.db")
    batch = outbox.next_batch(1_000)
    assert batch is not None
    assert (batch.first_seq, len(batch.bodies), outbox.set_aside) == (0, len(kept), 0)
    outbox.apply(batch, Reply("ok", 0, batch.end, 60), NOW)
    assert outbox.pending() == 0
    outbox.close()


@pytest.mark.req("K01", "K04")
def test_a_kiosk_whose_disk_is_full_starts_keeps_reports_in_memory_and_opens_by_itself(
    small_disk: Callable[[int], SmallDisk],
) -> None:
    disk = small_disk(1)
    outbox = Outbox(disk.path / "outbox.db")
    for number in range(30):
        outbox.append(report(number))
    outbox.close()
    disk.fill()

    outbox = Outbox(disk.path / "outbox.db", background=lambda work: work())
    with pytest.raises(OutboxError):
        outbox.append(report(30))
    with pytest.raises(OutboxError):
        outbox.pending()
    disk.free()
    assert outbox.append(report(30)) == 30
    assert outbox.pending() == 31
    outbox.close()


@pytest.mark.req("K04")
def test_an_outbox_whose_folder_cannot_even_be_made_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", no_room)
        outbox = Outbox(tmp_path / "new" / "outbox.db", background=lambda work: work())
        with pytest.raises(OutboxFull):
            outbox.append(report(0))
    assert outbox.append(report(0)) == 0
    outbox.close()


@pytest.mark.req("K04")
def test_a_repair_on_a_full_disk_loses_nothing_and_is_done_when_there_is_room(
    small_disk: Callable[[int], SmallDisk],
) -> None:
    disk = small_disk(1)
    outbox = Outbox(disk.path / "outbox.db")
    with outbox._commit("fill") as db:
        db.executemany(
            "INSERT INTO entries VALUES (0, ?, ?, 0, NULL)",
            ((n, encode_entry(report(n))) for n in range(500)),
        )
        db.execute("UPDATE streams SET next_seq = 500")
    outbox.close()
    (disk.path / "outbox.db").rename(disk.path / "outbox.db.broken")
    disk.fill()

    outbox = Outbox(disk.path / "outbox.db", background=lambda work: work())
    with pytest.raises(OutboxError):
        outbox.pending()
    assert (disk.path / "outbox.db.broken").exists()
    disk.free()
    assert outbox.append(report(500)) == 500
    assert (outbox.pending(), outbox.set_aside) == (501, 1)
    outbox.close()


@pytest.mark.e2e
@pytest.mark.req("K01", "K04")
def test_the_kiosk_process_starts_on_a_full_disk(
    tmp_path: Path, small_disk: Callable[[int], SmallDisk]
) -> None:
    disk = small_disk(1)
    outbox = Outbox(disk.path / "outbox.db")
    outbox.append(report(0))
    outbox.close()
    disk.fill()
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "a.png"), np.full((120, 160), 200, np.uint8))
    (tmp_path / "trust.json").write_text(json.dumps({"keys": [{"spki": KEY, "formats": ["eu-dcc"]}]}))
    (tmp_path / "kiosk.toml").write_text(
        f'[camera]\nkind = "folder"\npath = "frames"\n[lamp]\nkind = "recording"\njournal = "lamp.jsonl"\n'
        f'[trust]\nfile = "trust.json"\n[screen]\nport = 0\n[outbox]\npath = "{disk.path}/outbox.db"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "scanner", "run", "--settings", "kiosk.toml", "--once-through"],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
        env={**os.environ, "APP_ENV": "test", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr
    assert '"idle"' in (tmp_path / "lamp.jsonl").read_text()
