"""Command line of the kiosk: `python -m scanner read | run | selftest | identity`."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def _print(line: dict[str, Any]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


def read(paths: Sequence[Path]) -> int:
    """One JSON line a picture; 1 if any picture could not be used."""
    import cv2

    from scanner import pictures, vision  # noqa: F401  (once here, not in the process of each picture)
    from scanner.read_apart import read_apart

    cv2.setNumThreads(1)  # a pool of threads does not survive into those processes
    bad = False
    for path in paths:
        begun = time.perf_counter()
        line = {"path": str(path), **read_apart(path)}
        bad = bad or "error" in line
        line["ms"] = round((time.perf_counter() - begun) * 1000, 1)
        _print(line)
    return int(bad)


def run(settings_file: Path, *, once_through: bool, jsonl: bool) -> int:
    """The kiosk until SIGTERM; 0 clean, 2 cannot start, 3 reports were left behind."""
    from hardware.ports import DeviceError
    from scanner import settings as configuration
    from scanner.bootstrap import build
    from scanner.identity import IdentityError
    from scanner.outbox import OutboxError
    from scanner.trust_store import TrustUnavailable

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = configuration.load(settings_file)
        kiosk = build(settings, on_scan=(lambda scan: _print(scan.line())) if jsonl else lambda scan: None)
    except (configuration.SettingsError, DeviceError, TrustUnavailable, OutboxError, IdentityError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        return 0 if kiosk.run(stop, once_through=once_through) else 3
    except DeviceError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        kiosk.close()


def selftest(settings_file: Path) -> int:
    """One JSON object; 0 if all parts work, 1 if not, 2 for bad settings."""
    from scanner import selftest as test
    from scanner import settings as configuration

    try:
        result = test.run(configuration.load(settings_file))
    except configuration.SettingsError as error:
        _print({"ok": False, "error": str(error)})
        return 2
    _print(result)
    return 0 if result["ok"] else 1


def identity(settings_file: Path) -> int:
    """Print the device id and the public key to register at the service; both are made on first use."""
    from scanner import settings as configuration
    from scanner.identity import IdentityError, load_or_create

    try:
        settings = configuration.load(settings_file)
        mine = load_or_create(settings.identity, production=settings.app_env == "production")
    except (configuration.SettingsError, IdentityError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"identity.path: {error.strerror}: {error.filename}", file=sys.stderr)
        return 2
    print(f"device-id: {mine.device_id}\n{mine.public_pem.decode('ascii')}", end="")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse and do."""
    parser = argparse.ArgumentParser(prog="python -m scanner", description="The kiosk.")
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("read", help="read the codes in picture files")
    reading.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    running = commands.add_parser("run", help="run the kiosk")
    running.add_argument("--settings", type=Path, required=True)
    running.add_argument(
        "--once-through", action="store_true", help="stop when the scripted camera has ended"
    )
    running.add_argument("--jsonl", action="store_true", help="print each check as one JSON line")
    testing = commands.add_parser("selftest", help="try each part once")
    testing.add_argument("--settings", type=Path, required=True)
    naming = commands.add_parser("identity", help="print the id and public key to register at the service")
    naming.add_argument("--settings", type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    if options.command == "read":
        return read(options.images)
    if options.command == "run":
        return run(options.settings, once_through=options.once_through, jsonl=options.jsonl)
    return {"selftest": selftest, "identity": identity}[options.command](options.settings)


if __name__ == "__main__":
    raise SystemExit(main())
