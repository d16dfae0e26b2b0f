"""The demonstration: PostgreSQL, the service and one simulated kiosk on this machine, until Ctrl-C or once.

`python demo/run.py [--once]`, with APP_ENV=demo. Everything it makes lies under var/demo, which one
run has to itself.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import math
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from scenes import DEMO_NOW, ROOT, choose, load_vectors, testdata, write_frames

from scanner.identity import load_or_create
from verifier_service.cli import register_device
from verifier_service.migrate import migrate
from verifier_service.postgres.binaries import PostgresError
from verifier_service.postgres.supervisor import APP_ROLE, Cluster

HOST = "127.0.0.1"
SERVICE_PORT, SCREEN_PORT = 8080, 8090
READY_WITHIN_S = 60.0
ARRIVE_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
ONCE_HOLD_S = 0.6  # a code is read in a fraction of this even on a busy machine
SHOW_HOLD_S, SHOW_PAUSE_S = 3.0, 1.5


class DemoError(RuntimeError):
    """The demonstration cannot go on; the text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when everything that was scanned arrived (or Ctrl-C ended an open-ended run)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="each picture once, then a summary")
    parser.add_argument("--home", type=Path, default=None, help="where to keep what it makes")
    options = parser.parse_args(arguments)
    if os.environ.get("APP_ENV") != "demo":
        sys.stderr.write("the demonstration runs only with APP_ENV=demo (make demo)\n")
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell starts us with it ignored
    home = options.home or ROOT / "var" / ("demo-once" if options.once else "demo")
    try:
        with _alone_in(home.absolute()):
            return _run(home.absolute(), once=options.once)
    except KeyboardInterrupt:
        return 0 if not options.once else 130
    except (DemoError, PostgresError, LookupError, OSError, psycopg.Error) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1


@contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Hold `home` for the block; a killed run lets go of it. Raises DemoError when it is held."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "running.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"a demonstration is already running in {home}"
            raise DemoError(message) from None
        yield


def _run(home: Path, *, once: bool) -> int:
    kiosk_home = home / "kiosk"
    if once:  # a kiosk that never ran before: everything counted is of this run
        shutil.rmtree(kiosk_home, ignore_errors=True)
    kiosk_home.mkdir(parents=True, exist_ok=True)
    scenes, trust = choose(load_vectors(testdata()))
    hold, pause = (ONCE_HOLD_S, 0.0) if once else (SHOW_HOLD_S, SHOW_PAUSE_S)
    script = write_frames(scenes, kiosk_home / "camera", hold_s=hold, pause_s=pause)
    (kiosk_home / "trust.json").write_text(json.dumps(trust), encoding="utf-8")
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(home / "postgres"))
        owner = cluster.ensure_database("cong_xanh")
        migrate(owner)
        identity = load_or_create(kiosk_home / "identity", production=False)
        register_device(owner, identity.device_id, identity.public_pem, f"Demo {identity.device_id.hex[:4]}")
        port = _free_port(SERVICE_PORT)
        environment = {"DATABASE_URL": cluster.dsn("cong_xanh", APP_ROLE), "BIND": f"{HOST}:{port}"}
        environment |= {"WORKERS": "1", "REPORT_INTERVAL_S": "2", "DATA_DIR": str(home / "service")}
        environment |= {"TRUST_FILE": str(kiosk_home / "trust.json"), "DEMO_NOW": DEMO_NOW.isoformat()}
        service = stack.enter_context(
            _child(["verifier_service", "serve"], home / "service.log", environment)
        )
        address = f"http://{HOST}:{port}"
        _wait_ready(f"{address}/readyz", service)
        screen_port = 0 if once else _free_port(SCREEN_PORT)
        settings = kiosk_home / "kiosk.toml"
        settings.write_text(_settings(script, address, screen_port, repeat=not once), encoding="utf-8")
        if once:
            return _once(settings, owner, identity.device_id, home)
        argv = ["scanner", "run", "--settings", str(settings)]
        kiosk = stack.enter_context(_child(argv, home / "kiosk.log", {}))
        places = {
            "board": f"{address}/",
            "gateway": f"{address}/verify",
            "kiosk screen": f"http://{HOST}:{screen_port}/",
        }
        sys.stdout.write("".join(f"{name:<14}{place}\n" for name, place in places.items()))
        sys.stdout.write("Ctrl-C ends\n")
        sys.stdout.flush()
        while kiosk.poll() is None and service.poll() is None:
            time.sleep(0.5)
        ended = "kiosk" if kiosk.poll() is not None else "service"
        message = f"the {ended} ended by itself; see {home / ended}.log"
        raise DemoError(message)


def _once(settings: Path, owner: str, device: uuid.UUID, home: Path) -> int:
    outcomes: Counter[str] = Counter()
    latencies: list[float] = []
    argv = [sys.executable, "-m", "scanner", "run", "--settings", str(settings), "--once-through", "--jsonl"]
    with (
        (home / "kiosk.log").open("wb") as log,
        subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        ) as kiosk,
    ):
        try:
            for line in kiosk.stdout or ():
                sys.stdout.write(line)
                sys.stdout.flush()
                scan = json.loads(line)
                outcomes[scan["outcome"]] += 1
                latencies.append(float(scan["photon_to_lamp_ms"]))
            code = kiosk.wait()
        finally:
            _stop(kiosk)
    scanned = sum(outcomes.values())
    reported = _arrived(owner, device, scanned)
    summary = {
        "scanned": scanned,
        **{name: outcomes[name] for name in ("valid", "invalid", "undetermined")},
        "reported": reported,
        "p50_ms": quantile(latencies, 0.50),
        "p99_ms": quantile(latencies, 0.99),
    }
    sys.stdout.write(json.dumps(summary, separators=(",", ":")) + "\n")
    sys.stdout.flush()
    return 0 if code == 0 and scanned > 0 and reported == scanned else 1


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all do not exceed; None without values."""
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else None


def _arrived(owner: str, device: uuid.UUID, wanted: int) -> int:
    """How many checks of the kiosk the service has counted, waiting for `wanted` a while."""
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    statement = "SELECT coalesce(sum(checks), 0)::bigint FROM scan_counter WHERE device_id = %s"
    with psycopg.connect(owner, autocommit=True) as connection:
        while True:
            row = connection.execute(statement, [device]).fetchone()
            arrived = int(row[0]) if row else 0
            if arrived >= wanted or time.monotonic() > deadline:
                return arrived
            time.sleep(0.1)


def _settings(script: Path, address: str, screen_port: int, *, repeat: bool) -> str:
    lines = {
        "camera": {"kind": "folder", "path": str(script.parent), "script": str(script), "repeat": repeat},
        "lamp": {"kind": "recording"},
        "trust": {"file": "trust.json"},
        "service": {"url": address, "interval_s": 2},
        "screen": {"port": screen_port},
        "demo": {"now": DEMO_NOW.isoformat()},
    }
    return "".join(
        f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in content.items())
        for section, content in lines.items()
    )


@contextmanager
def _child(module: list[str], log: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A part of the demonstration as a process of its own session, ended with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    message = "the service did not get ready"
    raise DemoError(message)


def _free_port(wanted: int) -> int:
    """`wanted` when it is free, else any free port of this machine."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return 20_000 + secrets.randbelow(20_000)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
