"""Texts per second through the gateway over HTTP, alone and while pictures flood in."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

from benchmarks.measure import Figure, figure

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "vectors" / "sample" / "at-1-vaccination.json"
CALLERS, FLOODERS = 8, 6
SECONDS, ROUNDS = 2.0, 5
LIMIT = 800


def figures() -> list[Figure]:
    """gateway.verify_per_s and gateway.ratio_flooded."""
    vector = json.loads(SAMPLE.read_text("utf-8"))
    home = ROOT / "var" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    trust = home / "gateway-trust.json"
    trust.write_text(json.dumps({"keys": [{"x5c": [vector["TESTCTX"]["CERTIFICATE"]]}]}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = {
        "APP_ENV": "demo", "BIND": f"127.0.0.1:{port}", "TRUST_FILE": str(trust), "WORKERS": "2",
        "DEMO_NOW": "2021-06-01T00:00:00Z", "GATEWAY_TEXTS_PER_MIN": "0", "GATEWAY_PICTURES_PER_MIN": "0",
        "DATABASE_URL": "postgresql://127.0.0.1:9/none",
    }  # fmt: skip
    with (home / "gateway.log").open("wb") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "verifier_service", "serve"],
            env={**os.environ, **settings}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            _wait(f"http://127.0.0.1:{port}/healthz")
            alone, flooded = [], []
            picture = base64.b64decode(vector["2DCODE"])
            for _ in range(ROUNDS):
                alone.append(_texts(port, vector["PREFIX"]))
                flooded.append(_texts_in_a_flood(port, vector["PREFIX"], picture))
        finally:
            service.terminate()
            service.wait(30)
    how = f"{CALLERS} callers on the same two cores, two workers, medians of {ROUNDS} rounds of {SECONDS:g} s"
    rate = statistics.median(alone)
    ratio = statistics.median(a / b for a, b in zip(flooded, alone, strict=True))
    return [
        figure("gateway.verify_per_s", rate, "texts/s", f">= {LIMIT}", how),
        figure("gateway.ratio_flooded", ratio, "", f"beside {FLOODERS} callers sending pictures", how),
    ]


def _texts(port: int, text: str) -> float:
    """Texts answered per second by CALLERS that ask one after another."""
    body = json.dumps({"text": text})

    def ask(until: float) -> int:
        link, done = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0
        while time.perf_counter() < until:
            link.request("POST", "/api/v1/verify", body, {"Content-Type": "application/json"})
            answer = link.getresponse()
            told = answer.read()
            assert answer.status == 200, told
            assert b'"valid"' in told[:40], told
            done += 1
        link.close()
        return done

    begun = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        total = sum(pool.map(ask, [begun + SECONDS] * CALLERS))
    return total / (time.perf_counter() - begun)


def _texts_in_a_flood(port: int, text: str, picture: bytes) -> float:
    stop = threading.Event()

    def flood() -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not stop.is_set():
            link.request("POST", "/api/v1/verify", picture, {"Content-Type": "image/png"})
            answer = link.getresponse()
            answer.read()
            if answer.status == 503:
                stop.wait(0.05)  # told to come again: a real caller would wait longer
        link.close()

    threads = [threading.Thread(target=flood) for _ in range(FLOODERS)]
    for thread in threads:
        thread.start()
    try:
        return _texts(port, text)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the service did not get ready")
