"""The kiosk's end of the screen: one warning for a taken port, a hanging screen is started anew."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.screen.link import PORT_TAKEN, ScreenLink

ROOT = Path(__file__).resolve().parents[3]
STATUS = {"type": "status", "queue": 1}


def until(happened: Callable[[], object], within_s: float = 20) -> None:
    ends = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


def fake_screen(home: Path, body: str) -> list[str]:
    """A screen process that notes each start in `home`/starts and then does `body`."""
    note = f"import sys, time; print('.', file=open({str(home / 'starts')!r}, 'a'), flush=True); {body}"
    return [sys.executable, "-S", "-c", note]


def starts(home: Path) -> int:
    return len((home / "starts").read_text().split()) if (home / "starts").exists() else 0


@pytest.mark.req("K02")
def test_a_screen_that_hangs_without_dying_is_started_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    link = ScreenLink(
        1, "vi", "UTC", fake_screen(tmp_path, "time.sleep(60)"), silent_after_s=0.1, restart_after_s=0.01
    )
    try:
        link.send(STATUS)
        until(lambda: starts(tmp_path) >= 3)
    finally:
        link.close()
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == [
        "screen: no answer for 0 s, starting it anew"
    ]


def test_a_screen_that_answers_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heard = tmp_path / "heard"
    keep = f"print(line, file=open({str(heard)!r}, 'a'), flush=True)"
    echo = f"[({keep}, print('ok', flush=True)) for line in sys.stdin]"
    link = ScreenLink(1, "vi", "UTC", fake_screen(tmp_path, echo), silent_after_s=1.5)
    try:
        for number in range(4):
            link.send({"type": "status", "queue": number})
            until(lambda n=number: heard.exists() and f'"queue": {n}' in heard.read_text())
        assert starts(tmp_path) == 1
    finally:
        link.close()
    assert caplog.records == []


def test_a_taken_port_is_one_warning_that_names_the_setting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    command = fake_screen(tmp_path, f"raise SystemExit({PORT_TAKEN})")
    link = ScreenLink(8090, "vi", "UTC", command, restart_after_s=0.01)
    try:
        link.send(STATUS)
        until(lambda: starts(tmp_path) >= 3)
    finally:
        link.close()
    (told,) = [record.message for record in caplog.records]
    assert told.startswith("screen: screen.port 8090 is taken")


def test_the_screen_process_says_by_its_exit_code_that_the_port_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        command = [sys.executable, "-m", "scanner.screen", "--port", str(other.getsockname()[1])]
        done = subprocess.run(command, input=b"", capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (PORT_TAKEN, b"", b"")


def test_the_screen_process_answers_each_line_and_ctrl_c_ends_it_only_through_the_kiosk() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    screen = subprocess.Popen(
        [sys.executable, "-m", "scanner.screen", "--port", str(port), "--acknowledge"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert screen.stdin is not None
    assert screen.stdout is not None
    line = json.dumps(STATUS).encode() + b"\n"
    screen.stdin.write(line)
    screen.stdin.flush()
    assert screen.stdout.readline() == b"ok\n"
    screen.send_signal(signal.SIGINT)  # a terminal sends it to the whole group
    screen.stdin.write(line)
    screen.stdin.flush()
    assert screen.stdout.readline() == b"ok\n"
    _, told = screen.communicate(timeout=20)
    assert (screen.returncode, told) == (0, b"")
