"""Every camera keeps the same promises, whether its pictures come from a file, a process or a test."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from hardware.pi_camera import CAPTURE, PiCamera
from hardware.picture_camera import FolderCamera, MailboxCamera
from hardware.ports import Camera, DeviceError, Frame
from hardware.simulated import HandCamera
from hardware.stream_camera import UsbCamera, VideoFileCamera

Make = Callable[[Path], Camera]
WIDTH, HEIGHT = 160, 120


def picture(shade: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), shade, dtype=np.uint8)


def folder(home: Path) -> Camera:
    for shade in (10, 60, 110):
        cv2.imwrite(str(home / f"{shade:03}.png"), picture(shade))
    script = home / "script.json"
    script.write_text(json.dumps([{"file": f"{s:03}.png", "hold": 0.1} for s in (10, 60, 110)]))
    return FolderCamera(home, script, fps=60, repeat=True)


def mailbox(home: Path) -> Camera:
    cv2.imwrite(str(home / "now.png"), picture(10))
    return MailboxCamera(home, fps=60)


def video(home: Path) -> Camera:
    path = home / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 60, (WIDTH, HEIGHT))
    for shade in range(0, 240, 8):
        writer.write(cv2.cvtColor(picture(shade), cv2.COLOR_GRAY2BGR))
    writer.release()
    return VideoFileCamera(path, repeat=True)


def pi(_: Path) -> Camera:
    return PiCamera(
        width=WIDTH, height=HEIGHT, fps=60, command=(sys.executable, str(CAPTURE)), extra=("--synthetic",)
    )


class FedByHand(HandCamera):
    """A hand camera with somebody who keeps showing pictures."""

    def newest(self, timeout_s: float) -> Frame | None:
        if self.opened:
            self.show(picture(10))
        return super().newest(timeout_s)


@pytest.fixture(
    params=[folder, mailbox, video, pi, lambda _: FedByHand()],
    ids=["folder", "mailbox", "video", "pi", "hand"],
)
def camera(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Camera]:
    made = request.param(tmp_path)
    made.open()
    yield made
    made.close()


def test_a_frame_is_grey_bytes_in_rows(camera: Camera) -> None:
    frame = camera.newest(5)
    assert frame is not None
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.shape == (HEIGHT, WIDTH)


def test_a_frame_is_handed_out_once_and_later_ones_are_newer(camera: Camera) -> None:
    frames = [camera.newest(5) for _ in range(4)]
    seen = [frame for frame in frames if frame is not None]
    assert len(seen) == 4
    assert all(a.sequence < b.sequence for a, b in itertools.pairwise(seen))
    assert all(a.captured_ns <= b.captured_ns for a, b in itertools.pairwise(seen))


@pytest.mark.req("K01")
def test_a_slow_reader_gets_the_newest_frame_and_no_stale_one(camera: Camera) -> None:
    assert camera.newest(5) is not None
    time.sleep(0.4)  # about 24 frames pass; a queue would now hand out the oldest
    frame = camera.newest(5)
    assert frame is not None
    assert (time.monotonic_ns() - frame.captured_ns) / 1e6 < 150


def test_the_moment_of_capture_is_on_the_monotonic_clock(camera: Camera) -> None:
    frame = camera.newest(5)
    assert frame is not None
    assert 0 <= time.monotonic_ns() - frame.captured_ns < 5e9


def test_closing_twice_and_without_opening_is_harmless(camera: Camera) -> None:
    camera.close()
    camera.close()
    assert camera.newest(0) is None


def test_a_closed_camera_opens_again(camera: Camera) -> None:
    assert camera.newest(5) is not None
    camera.close()
    camera.open()
    assert camera.newest(5) is not None


def test_a_machine_without_picamera2_is_told_so_without_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "picamera2.py").write_text("raise ModuleNotFoundError('No module', name='picamera2')")
    command = ("/usr/bin/env", f"PYTHONPATH={tmp_path}", sys.executable, str(CAPTURE))
    with pytest.raises(DeviceError, match="picamera2 is not installed for /usr/bin/env"):
        PiCamera(command=command).open()
    assert capfd.readouterr() == ("", "")


def test_a_camera_library_that_fails_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "picamera2.py").write_text(
        "class Picamera2:\n def __init__(self): raise RuntimeError('busy')"
    )
    command = ("/usr/bin/env", f"PYTHONPATH={tmp_path}", sys.executable, str(CAPTURE))
    with pytest.raises(DeviceError, match="gave no frame"):
        PiCamera(command=command).open()
    assert capfd.readouterr() == ("", "camera process: RuntimeError: busy\n")


@pytest.mark.parametrize(
    "make",
    [
        lambda home: FolderCamera(home / "absent"),
        lambda home: MailboxCamera(home / "absent"),
        lambda home: VideoFileCamera(home / "absent.avi"),
        lambda home: UsbCamera(str(home / "video99")),
        lambda home: PiCamera(command=(str(home / "no-python"),)),
        lambda home: PiCamera(command=(sys.executable, "-c", "raise SystemExit(1)")),
    ],
    ids=["folder", "mailbox", "video", "usb", "pi without python", "pi without picamera2"],
)
def test_a_camera_that_is_not_there_says_so(make: Make, tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        make(tmp_path).open()
