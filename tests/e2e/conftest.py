"""Whole processes: the demonstration started as a user starts it, and a browser to look at it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """The addresses an open-ended demonstration printed, and where it keeps its things."""

    board: str
    screen: str
    home: Path
    process: subprocess.Popen[str]


def start_demo(home: Path) -> RunningDemo:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "demo" / "run.py"), "--home", str(home)],
        env={**os.environ, "APP_ENV": "demo"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    watchdog = threading.Timer(100, process.kill)
    watchdog.start()
    addresses = {}
    for line in process.stdout:
        name, _, address = line.strip().rpartition(" ")
        addresses[name.strip()] = address
        if {"board", "kiosk screen"} <= addresses.keys():
            break
    watchdog.cancel()
    assert "kiosk screen" in addresses, "the demonstration did not print its addresses"
    return RunningDemo(addresses["board"], addresses["kiosk screen"], home, process)


@pytest.fixture(scope="session")
def demo() -> Iterator[RunningDemo]:
    """One open-ended demonstration for all tests that only look at it."""
    home = ROOT / "var" / f"e2e-demo-{os.getpid()}"
    running = start_demo(home)
    yield running
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    shutil.rmtree(home)
