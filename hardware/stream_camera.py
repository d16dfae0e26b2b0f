"""Cameras read through OpenCV: a video file and a USB camera (V4L2, MJPG, one buffer).

A USB camera holds four buffers by default and would show the past; we ask for one, and a thread that
throws away all but the newest frame does the rest. After an unplug `read` can report success for ever, so
content and age decide whether the camera lives; a stuck one is opened anew.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import cv2
import numpy as np

from hardware.newest import LivenessGauge, ThreadedCamera
from hardware.ports import DeviceError, Pixels

log = logging.getLogger(__name__)

REOPEN_AFTER_S = 2.0


def _grey(picture: Pixels) -> Pixels:
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(grey, dtype=np.uint8)


class _StreamCamera(ThreadedCamera):
    """A camera that OpenCV reads."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._video: cv2.VideoCapture | None = None

    def _release(self, thread_ended: bool) -> None:
        if thread_ended and self._video is not None:  # never under a thread that still reads from it
            self._video.release()
        self._video = None


class VideoFileCamera(_StreamCamera):
    """Plays a video file at its own speed, once or round and round."""

    def __init__(self, path: Path, *, repeat: bool = False, fps: float | None = None) -> None:
        self._path, self._repeat, self._fps = path, repeat, fps
        super().__init__("camera-video")
        self._next, self._period_s = 0.0, 1 / 15
        self._ended = False

    @property
    def ended(self) -> bool:
        """True once the last frame has been shown (never when repeating)."""
        return self._ended

    def open(self) -> None:
        """See Camera."""
        if not self._path.is_file():
            raise DeviceError(f"video file {self._path} does not exist")
        video = cv2.VideoCapture(str(self._path))
        if not video.isOpened():
            raise DeviceError(f"video file {self._path.name} cannot be decoded")
        fps = self._fps or video.get(cv2.CAP_PROP_FPS)
        self._period_s = 1.0 / fps if 1 <= fps <= 240 else 1 / 15
        self._video, self._ended, self._next = video, False, time.monotonic()
        self._thread.start()

    def _grab(self) -> tuple[Pixels, int] | None:
        if self._video is None or self._ended:
            self._thread.rest(self._period_s)
            return None
        if self._thread.rest(max(0.0, self._next - time.monotonic())):
            return None
        self._next = max(self._next + self._period_s, time.monotonic())
        good, picture = self._video.read()
        if good:
            return _grey(np.asarray(picture, dtype=np.uint8)), time.monotonic_ns()
        if self._repeat:
            self._video.set(cv2.CAP_PROP_POS_FRAMES, 0)
        else:
            self._ended = True
        return None


class UsbCamera(_StreamCamera):
    """A V4L2 camera by number or by path (prefer /dev/v4l/by-id/..., which survives re-plugging)."""

    def __init__(self, device: int | str, *, width: int = 1280, height: int = 720, fps: int = 30) -> None:
        self._device, self._width, self._height, self._fps = device, width, height, fps
        super().__init__("camera-usb")
        self._gauge = LivenessGauge()

    def open(self) -> None:
        """See Camera."""
        self._video = self._open_device()
        self._thread.start()

    def _open_device(self) -> cv2.VideoCapture:
        video = cv2.VideoCapture(self._device, cv2.CAP_V4L2)  # type: ignore[call-overload, unused-ignore]
        if not video.isOpened():
            video.release()
            raise DeviceError(f"camera {self._device} cannot be opened")
        # MJPG first: raw 720p30 does not fit through USB 2, and the format decides the sizes on offer.
        video.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        video.set(cv2.CAP_PROP_FRAME_WIDTH, self._width)
        video.set(cv2.CAP_PROP_FRAME_HEIGHT, self._height)
        video.set(cv2.CAP_PROP_FPS, self._fps)
        video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._gauge = LivenessGauge()
        return video

    def _grab(self) -> tuple[Pixels, int] | None:
        if self._video is None:
            self._reopen()
            return None
        good, picture = self._video.read()
        captured_ns = time.monotonic_ns()
        if good and picture is not None:
            grey = _grey(np.asarray(picture, dtype=np.uint8))
            if self._gauge.feed(grey, captured_ns):
                return grey, captured_ns
        elif captured_ns - self._gauge.last_change_ns < REOPEN_AFTER_S * 1e9:
            self._thread.rest(0.02)
            return None
        log.warning("camera %s is stuck, opening it anew", self._device)
        self._video.release()
        self._video = None
        return None

    def _reopen(self) -> None:
        if self._thread.rest(REOPEN_AFTER_S / 2):
            return
        try:
            self._video = self._open_device()
        except DeviceError:
            self._thread.rest(REOPEN_AFTER_S / 2)
