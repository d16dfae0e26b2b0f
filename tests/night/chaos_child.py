"""The kiosk or the service as they are, wired by their own bootstrap, with points that kill.

`python chaos_child.py kiosk HOME SETTINGS` or `python chaos_child.py service HOME POSTMASTER_PID_FILE`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from chaos_crash import crash_point


def kiosk(home: Path, settings_file: str) -> None:
    from scanner import settings, uplink
    from scanner.bootstrap import build

    # Minutes of patience are right at a gate and only make this test long: the order of events is the same.
    uplink.BACKOFF_MAX_S = uplink.INTERVAL_MAX_S = 1

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    point = crash_point(home / "kiosk.plan", home / "kiosk.done")
    scans = (home / "kiosk.scans").open("a", buffering=1)
    built = build(
        settings.load(Path(settings_file)),
        on_scan=lambda scan: print(scan.verdict.issuer, file=scans, flush=True),
        point=point,
    )
    assert built.uplink is not None
    built.uplink.interval_s = 0.3  # many messages, each with its windows
    try:
        built.run(stop)
    finally:
        built.close()


def service(home: Path, postmaster: str) -> None:
    figures = home / "figures"
    figures.mkdir(exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(figures)
    from verifier_service.server import Server
    from verifier_service.settings import load_settings

    Server(
        load_settings(os.environ), crash_point(home / "service.plan", home / "service.done", Path(postmaster))
    ).run()


if __name__ == "__main__":
    {"kiosk": kiosk, "service": service}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
