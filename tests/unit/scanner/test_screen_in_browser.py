"""Every word of the kiosk screen fits its place, in both languages, on each panel; a fault shows itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = Path("/usr/bin/chromium")
PANELS = [(800, 480), (1920, 1080), (360, 740)]
REASONS = ["trust.unknown_kid", "decode.not_a_certificate", "key.usage", "valueset.v.mp"]
MESSAGES: dict[str, dict[str, Any]] = {
    "idle": {"signal": "idle"},
    "complete": {"signal": "complete", "kind": "vaccination", "doses": [2, 2], "again": True},
    "started": {"signal": "started", "kind": "vaccination", "doses": [1, 2], "again": True},
    "ask": {"signal": "ask", "reasons": ["undetermined.trust_stale"], "again": True},
    "fault": {"signal": "fault"},
    **{f"refused {r}": {"signal": "refused", "reasons": [r], "again": True} for r in REASONS},
}
MEASURE = """() => {
  const box = (node) => node.getBoundingClientRect();
  const range = document.createRange();
  range.selectNodeContents(document.getElementById("word"));
  const said = box(document.querySelector(".said")), main = box(document.querySelector("main"));
  return {
    wordRight: range.getBoundingClientRect().right, width: innerWidth,
    scroll: document.documentElement.scrollWidth,
    above: main.top - said.top, below: said.bottom - main.bottom,
  };
}"""


@pytest.fixture(scope="module")
def screen() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "scanner.screen", "--port", str(port)], stdin=subprocess.PIPE, cwd=ROOT
    )
    address, ends = f"http://127.0.0.1:{port}/", time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            with urlopen(address, timeout=1):
                break
        except OSError:
            time.sleep(0.05)
    yield address, process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(10)


def send(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


@pytest.mark.e2e
@pytest.mark.req("K02")
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is absent")
def test_every_word_fits_and_nothing_scrolls_sideways(
    screen: tuple[str, subprocess.Popen[bytes]], browser: Browser
) -> None:
    address, process = screen
    shots = os.environ.get("CONG_XANH_SCREENSHOTS")
    faults: list[str] = []
    for width, height in PANELS:
        for lang in ("vi", "en"):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
            send(process, {"type": "signal", "signal": "idle"})
            page.goto(f"{address}?lang={lang}")
            for name, message in MESSAGES.items():
                bad = name == "fault"
                status = {"trust_age_min": 3000 if bad else 12, "network": not bad, "queue": 3}
                send(process, {"type": "status", **status, "disk_full": bad})
                send(process, {"type": "signal", **message})
                page.locator(f"html[data-signal={message['signal']}]").wait_for()
                page.wait_for_timeout(60)
                page.evaluate("document.fonts.ready")
                got = page.evaluate(MEASURE)
                fits = got["wordRight"] <= got["width"] >= got["scroll"]
                if not fits or got["above"] > 1 or got["below"] > 1:
                    faults.append(f"{width}x{height} {lang} {name}: {got}")
                if shots:
                    page.screenshot(path=f"{shots}/{width}-{lang}-{name.replace(' ', '-')}.png")
            page.close()
    assert faults == []


@pytest.mark.e2e
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is absent")
def test_a_page_whose_kiosk_died_goes_out_of_service_by_itself(browser: Browser) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "scanner.screen", "--port", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
    page = browser.new_page()
    for _ in range(100):
        try:
            page.goto(f"http://127.0.0.1:{port}/")
            break
        except Exception:
            time.sleep(0.1)
    send(process, {"type": "signal", "signal": "complete"})
    page.locator("html[data-signal=complete]").wait_for()
    process.kill()
    process.wait()
    page.locator("html[data-signal=fault]").wait_for(timeout=15_000)
    page.close()
