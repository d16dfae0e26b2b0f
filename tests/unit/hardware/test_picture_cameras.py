"""The scripted folder, the mailbox and the frame ring in their own ways."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from hardware.newest import LivenessGauge, NewestFrameSlot
from hardware.picture_camera import FolderCamera, MailboxCamera, read_script
from hardware.ports import DeviceError, rises_within_a_second
from hardware.scene import render
from hardware.shared_frames import FrameRing


def put(home: Path, name: str, shade: int) -> None:
    fresh = home / f".{name}.new.png"
    cv2.imwrite(str(fresh), np.full((12, 16), shade, dtype=np.uint8))
    fresh.replace(home / name)


def test_a_script_is_played_in_its_order_and_ends(tmp_path: Path) -> None:
    for shade in (10, 20, 30):
        put(tmp_path, f"{shade}.png", shade)
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"file": f"{s}.png", "hold": 0.08} for s in (20, 10, 20, 30)]))
    camera = FolderCamera(tmp_path, script, fps=100)
    camera.open()
    shades: list[int] = []
    ends = time.monotonic() + 10
    while not camera.ended and time.monotonic() < ends:
        frame = camera.newest(0.05)
        if frame is not None and (not shades or shades[-1] != frame.pixels[0, 0]):
            shades.append(int(frame.pixels[0, 0]))
    camera.close()
    assert shades == [20, 10, 20, 30]


@pytest.mark.parametrize(
    "script",
    ["", "{}", "[]", "[1]",
     '[{"file": 1}]', '[{"file": "a.png", "hold": 0}]', '[{"file": "a.png", "hold": true}]',
     '[{"file": "absent.png"}]', '[{"file": "a.png", "hold": 1e999}]'],
)  # fmt: skip
def test_a_faulty_script_is_a_clear_error(tmp_path: Path, script: str) -> None:
    put(tmp_path, "a.png", 1)
    (tmp_path / "script.json").write_text(script)
    with pytest.raises(DeviceError, match="camera script"):
        read_script(tmp_path, tmp_path / "script.json")


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no picture"):
        FolderCamera(tmp_path).open()


def test_the_mailbox_shows_what_was_put_there_last_and_survives_rubbish(tmp_path: Path) -> None:
    camera = MailboxCamera(tmp_path, fps=100)
    camera.open()

    def sees(shade: int) -> bool:
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            frame = camera.newest(0.1)
            if frame is not None and frame.pixels[0, 0] == shade:
                return True
        return False

    put(tmp_path, "now.png", 10)
    assert sees(10)
    put(tmp_path, "now.png", 20)
    assert sees(20)
    (tmp_path / "now.png").write_bytes(b"rubbish")
    put(tmp_path, "other.png", 30)
    assert sees(30)
    camera.close()


def test_a_slot_keeps_one_frame_the_newest() -> None:
    slot = NewestFrameSlot()
    for shade in range(5):
        slot.put(np.full((2, 2), shade, dtype=np.uint8), shade)
    frame = slot.take(0)
    assert frame is not None
    assert (frame.captured_ns, frame.sequence, slot.replaced) == (4, 5, 4)
    assert slot.take(0) is None


def test_a_frozen_picture_is_told_from_a_still_scene_with_noise() -> None:
    frozen, alive = LivenessGauge(5), LivenessGauge(5)
    random = np.random.default_rng(0)
    still = np.full((64, 64), 90, dtype=np.uint8)
    assert [frozen.feed(still, n) for n in range(7)] == [True] * 5 + [False] * 2
    assert all(alive.feed(still + random.integers(0, 3, still.shape, dtype=np.uint8), n) for n in range(50))


def test_the_ring_hands_over_the_newest_frame_once(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    assert FrameRing.attach(path) is None
    writer = FrameRing.create(path, 4, 2)
    reader = FrameRing.attach(path)
    assert reader is not None
    assert reader.read(0) is None
    for shade in range(1, 6):
        writer.write(bytes([shade]) * 8, shade * 100)
    assert reader.read(0) == (bytes([5]) * 8, 500, 5)
    assert reader.read(5) is None
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"CXF1", b"XXXX" + bytes(100), b"CXF1" + bytes(100)])
def test_a_foreign_file_is_no_ring(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ring").write_bytes(content)
    ring = FrameRing.attach(tmp_path / "ring")
    assert ring is None or ring.read(0) is None


def test_rises_are_counted_over_any_second() -> None:
    assert rises_within_a_second([(1, 0.1), (0, 0.1)] * 4, repeat=False) == 4
    assert rises_within_a_second([(1, 0.3), (0, 0.3)], repeat=True) == 2
    assert rises_within_a_second([(1, 2.0)], repeat=False) == 1


def test_a_scene_is_the_same_for_the_same_seed_and_shows_its_code() -> None:
    cells = np.random.default_rng(3).integers(0, 2, (60, 60)) * 255
    code = cv2.imencode(".png", np.kron(cells, np.ones((8, 8))))[1]
    first, again, other = (render(code.tobytes(), seed=s) for s in (1, 1, 2))
    assert first.shape == (720, 1280)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() > 2 * render(None, seed=1).std()
