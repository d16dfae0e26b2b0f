"""The Raspberry Pi camera (CSI): a capture process under the system Python, pixels over shared memory."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hardware.newest import LivenessGauge, ThreadedCamera
from hardware.ports import DeviceError, Pixels
from hardware.shared_frames import FrameRing

log = logging.getLogger(__name__)

SYSTEM_PYTHON = "/usr/bin/python3"
CAPTURE = Path(__file__).with_name("pi_capture.py")
OPEN_WITHIN_S = 10.0  # libcamera needs 1 to 3 s on a Zero 2 W; three times that
STALE_AFTER_S = 3.0
POLL_S = 0.002
NO_LIBRARY = 3  # exit code of pi_capture.py, which is of another Python and cannot be imported here


class PiCamera(ThreadedCamera):
    """Newest frame from the capture process; a process that dies or goes quiet is started anew."""

    def __init__(
        self,
        *,
        width: int = 1280,
        height: int = 720,
        fps: int = 30,
        shutter_us: int = 8_000,
        lens_dioptres: float = 6.7,  # 1 / 0.15 m
        command: Sequence[str] = (SYSTEM_PYTHON, str(CAPTURE)),
        extra: Sequence[str] = (),
    ) -> None:
        self._arguments = [str(n) for n in (width, height, fps, shutter_us, lens_dioptres)] + list(extra)
        self._command = list(command)
        super().__init__("camera-pi")
        self._process: subprocess.Popen[bytes] | None = None
        self._ring: FrameRing | None = None
        self._path: Path | None = None
        self._count, self._last_ns = 0, 0
        self._gauge = LivenessGauge()

    def open(self) -> None:
        """See Camera."""
        self._start()
        self._thread.start()

    def _release(self, thread_ended: bool) -> None:
        self._end()

    def _start(self) -> None:
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112  # memory, not a disk
        handle, name = tempfile.mkstemp(prefix="cong-xanh-frames-", dir=memory)
        os.close(handle)
        self._path, self._count = Path(name), 0
        argv = [self._command[0], *self._command[1:], name, *self._arguments]
        try:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        except OSError as error:
            self._end()
            raise DeviceError(f"camera process: {error.strerror}") from error
        ends = time.monotonic() + OPEN_WITHIN_S
        while time.monotonic() < ends and self._process.poll() is None:
            self._ring = self._ring or FrameRing.attach(self._path)
            if self._ring is not None and self._ring.published:
                self._last_ns, self._gauge = time.monotonic_ns(), LivenessGauge(same_limit=90)
                return
            time.sleep(POLL_S)
        code = self._process.poll()
        self._end()
        if code == NO_LIBRARY:
            raise DeviceError(f"camera: picamera2 is not installed for {self._command[0]}")
        raise DeviceError("camera process gave no frame: is the camera attached?")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        ring, self._ring = self._ring, None
        if ring is not None:
            ring.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def _grab(self) -> tuple[Pixels, int] | None:
        if self._ring is None:
            self._thread.rest(1.0)
            self._start()
            return None
        got = self._ring.read(self._count)
        now = time.monotonic_ns()
        if got is not None:
            luminance, captured_ns, self._count = got
            pixels = np.frombuffer(luminance, dtype=np.uint8).reshape(self._ring.height, self._ring.width)
            if self._gauge.feed(pixels, captured_ns):
                self._last_ns = now
                return pixels, captured_ns
        if now - self._last_ns > STALE_AFTER_S * 1e9:
            log.warning("camera process is quiet, starting it anew")
            self._end()
        else:
            self._thread.rest(POLL_S)
        return None
