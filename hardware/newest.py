"""One slot for the newest frame: a capture thread fills it, the reader empties it, nothing queues.

A queue would show the reader pictures from before the person arrived; a slot cannot.
Source: measured for this project, a fresh frame is worth more than a second look at a stale one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from hardware.ports import Frame, Pixels

log = logging.getLogger(__name__)

REST_AFTER_FAILURE_S = 0.2  # a dead device is asked five times a second, not in a busy loop


class NewestFrameSlot:
    """Holds at most one frame; a newer frame replaces one that nobody took."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._frame: Frame | None = None
        self._sequence = 0
        self.replaced = 0  # frames nobody took: the measure of a slow reader

    def put(self, pixels: Pixels, captured_ns: int) -> None:
        """Make this the newest frame."""
        with self._ready:
            self.replaced += self._frame is not None
            self._sequence += 1
            self._frame = Frame(pixels, captured_ns, self._sequence)
            self._ready.notify_all()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame, once; None after `timeout_s` seconds without one."""
        with self._ready:
            self._ready.wait_for(lambda: self._frame is not None, timeout_s)
            frame, self._frame = self._frame, None
            return frame

    def clear(self) -> None:
        """Forget the frame that nobody took."""
        with self._ready:
            self._frame = None


class CaptureThread:
    """Runs `grab` until stopped; each picture it returns goes into the slot.

    `grab` returns (pixels, captured_ns), or None for "nothing this time". It must come back within a
    second or so, because `stop` waits for it.
    """

    def __init__(
        self, name: str, slot: NewestFrameSlot, grab: Callable[[], tuple[Pixels, int] | None]
    ) -> None:
        self._slot, self._grab, self._name = slot, grab, name
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End the thread; False if it is stuck inside the driver."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def rest(self, seconds: float) -> bool:
        """Wait without holding up `stop`; True if the thread is to end."""
        return self._stop.wait(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                got = self._grab()
            except Exception as error:  # a driver may throw anything; the thread outlives it
                log.warning("capture failed: %s", type(error).__name__)
                got = None
                self._stop.wait(REST_AFTER_FAILURE_S)
            if got is not None:
                self._slot.put(*got)


class ThreadedCamera:
    """The half that all cameras share: a capture thread, its slot, and the two ways to use them.

    A driver adds `open`, `_grab` and, where it holds a device, `_release`.
    """

    def __init__(self, name: str) -> None:
        self._slot = NewestFrameSlot()
        self._thread = CaptureThread(name, self._slot, self._grab)

    def newest(self, timeout_s: float) -> Frame | None:
        """See Camera."""
        return self._slot.take(timeout_s)

    def close(self) -> None:
        """See Camera."""
        self._release(self._thread.stop())
        self._slot.clear()

    def _grab(self) -> tuple[Pixels, int] | None:
        raise NotImplementedError

    def _release(self, thread_ended: bool) -> None:
        """Let go of the device; `thread_ended` False: the thread is still inside the driver."""


class LivenessGauge:
    """Tells a live camera from one that repeats itself: age of the last frame, and change of content.

    After an unplug a V4L2 read can go on reporting success, so the return value proves nothing. A sensor
    has noise: `same_limit` exactly equal pictures in a row mean that it is stuck.
    """

    def __init__(self, same_limit: int = 30) -> None:  # 30 frames: one second at 30 fps
        self._same_limit = same_limit
        self._same = 0
        self._digest: int | None = None
        self.last_change_ns = time.monotonic_ns()

    def feed(self, pixels: Pixels, captured_ns: int) -> bool:
        """Take note of a frame; False once the content has been frozen for `same_limit` frames."""
        digest = hash(pixels[::8, ::8].tobytes())  # 14,400 of 921,600 pixels: about 20 us
        if digest == self._digest:
            self._same += 1
        else:
            self._same, self._digest, self.last_change_ns = 0, digest, captured_ns
        return self._same < self._same_limit
