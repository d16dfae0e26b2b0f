"""Capture process of the Raspberry Pi camera: runs under the *system* Python, imports nothing of ours but
the ring beside it, and hands luminance over shared memory.

Why a process: Debian's picamera2 is built against numpy 1, OpenCV wants numpy 2; they cannot live together.
Usage: pi_capture.py RING WIDTH HEIGHT FPS SHUTTER_US LENS(dioptres, 0 = autofocus) [--synthetic]
Ends by itself when its standard input closes, so no orphan keeps the camera; Ctrl-C of the terminal it shares
with the kiosk is not for it. Exit codes beside 0: NO_LIBRARY, FAILED (with one line on standard error).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from shared_frames import FrameRing  # type: ignore[import-not-found]

NO_LIBRARY, FAILED = 3, 4


def main(argv: list[str]) -> int:
    """Capture until the parent goes away; never a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _capture(argv)
    except ModuleNotFoundError as error:
        return NO_LIBRARY if error.name == "picamera2" else _failed(error)
    except Exception as error:
        return _failed(error)
    return 0


def _failed(error: Exception) -> int:
    sys.stderr.write(f"camera process: {type(error).__name__}: {error}\n")
    return FAILED


def _capture(argv: list[str]) -> None:
    path, width, height, fps, shutter_us = Path(argv[0]), *(int(a) for a in argv[1:5])
    lens = float(argv[5])
    ring = FrameRing.create(path, width, height)
    gone = threading.Event()
    threading.Thread(target=_watch_parent, args=(gone,), daemon=True).start()
    if "--synthetic" in argv:
        _synthetic(ring, width, height, fps, gone)
    else:
        _picamera(ring, width, height, fps, shutter_us, lens, gone)


def _watch_parent(gone: threading.Event) -> None:
    while sys.stdin.buffer.read(1):
        pass
    gone.set()


def _synthetic(ring: Any, width: int, height: int, fps: int, gone: threading.Event) -> None:
    shade = 0
    while not gone.wait(1.0 / fps):
        shade = (shade + 1) % 256
        ring.write(bytes([shade]) * (width * height), time.monotonic_ns())


def _picamera(
    ring: Any, width: int, height: int, fps: int, shutter_us: int, lens: float, gone: threading.Event
) -> None:
    from picamera2 import Picamera2  # only the system Python has it

    camera = Picamera2()
    controls: dict[str, Any] = {
        "FrameDurationLimits": (1_000_000 // fps, 1_000_000 // fps),
        # A capped exposure: noise costs fewer reads than motion blur does.
        "ExposureTimeMode": 1,
        "ExposureTime": shutter_us,
        "AfMode": 0 if lens > 0 else 2,
    }
    if lens > 0:
        controls["LensPosition"] = lens  # 1 / metres; a known distance beats a hunting autofocus
    controls = {name: value for name, value in controls.items() if name in camera.camera_controls}
    camera.configure(
        camera.create_video_configuration(
            lores={"size": (width, height), "format": "YUV420"},
            buffer_count=4,
            queue=False,
            controls=controls,
        )
    )
    camera.start()
    try:
        while not gone.is_set():
            request = camera.capture_request()
            try:
                # SensorTimestamp: CLOCK_BOOTTIME ns of the exposure's start; brought to CLOCK_MONOTONIC.
                sensor_ns = int(request.get_metadata()["SensorTimestamp"])
                offset = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
                rows = request.make_array("lores")[:height, :width]  # the first rows of YUV420 are grey
                ring.write(rows.tobytes(), sensor_ns - offset)
            finally:
                request.release()
    finally:
        camera.stop()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # a usual exit dies over the thread that still reads standard input
