"""`make demo-once` from outside: lines, summary, exit code, nothing left running."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e]


def home(name: str) -> Path:
    """A place of this run alone: two runs at once must not meet."""
    return ROOT / "var" / f"{name}-{os.getpid()}"


@pytest.fixture(scope="module", autouse=True)
def swept() -> Iterator[None]:
    yield
    for left in (ROOT / "var").glob(f"e2e-*-{os.getpid()}"):
        if "demo" not in left.name:
            shutil.rmtree(left)


def run_demo_once(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "demo" / "run.py"), "--once", "--home", str(folder)],
        env={**os.environ, "APP_ENV": "demo", **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def lines_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.req("K01")
@pytest.mark.req("K04")
def test_every_picture_is_judged_and_reported_once() -> None:
    done = run_demo_once(home("e2e-once"))
    assert done.returncode == 0, done.stderr
    *scans, summary = lines_of(done)
    assert list(summary) == [
        "scanned", "valid", "invalid", "undetermined", "reported", "p50_ms", "p99_ms",
    ]  # fmt: skip
    script = json.loads((home("e2e-once") / "kiosk" / "camera" / "script.json").read_text())
    assert summary["scanned"] == summary["reported"] == len(scans) == len(script)
    assert summary["valid"] + summary["invalid"] + summary["undetermined"] == summary["scanned"]
    assert summary["valid"] > 0
    assert 0 < summary["p50_ms"] <= summary["p99_ms"] < 1000
    reasons = {reason for scan in scans for reason in scan["reasons"]}
    assert {"signature.bad", "format.unsupported"} <= reasons


def test_no_process_of_the_demonstration_is_left_behind() -> None:
    folder = home("e2e-once")
    assert run_demo_once(folder).returncode == 0
    marks = (str(folder).encode(),)
    left = [
        path for path in Path("/proc").glob("[0-9]*/cmdline") if any(mark in _content(path) for mark in marks)
    ]
    assert left == []


def test_outside_a_demonstration_it_refuses_to_start() -> None:
    done = run_demo_once(home("e2e-refused"), APP_ENV="production")
    assert done.returncode == 2
    assert "APP_ENV=demo" in done.stderr
    assert done.stdout == ""


@pytest.mark.req("K01")
def test_a_clone_without_the_shared_data_uses_the_sample_inside_it(tmp_path: Path) -> None:
    if not any((ROOT / "tests" / "vectors" / "sample").rglob("*.json")):
        pytest.skip("no sample in the repository yet")
    done = run_demo_once(home("e2e-sample"), CONG_XANH_TESTDATA=str(tmp_path / "absent"))
    assert done.returncode == 0, done.stderr
    summary = lines_of(done)[-1]
    assert summary["scanned"] == summary["reported"] > 0
    assert summary["valid"] > 0
    assert summary["invalid"] > 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
