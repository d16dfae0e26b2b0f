"""Cameras that look at picture files: a folder with a script, and a mailbox that a test harness fills.

The script is JSON: a list of {"file": name, "hold": seconds}; without one the pictures come in name order.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hardware.newest import ThreadedCamera
from hardware.ports import DeviceError, Pixels

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
DEFAULT_HOLD_S = 1.0
MAX_FILE_BYTES = 16 * 1024 * 1024  # a 4K PNG of noise has about 8 MB; more is not a camera frame
MAX_SCRIPT_BYTES = 4 * 1024 * 1024  # 2,000 lines of at most ~200 bytes, ten times over


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture and how many seconds it is held before the lens."""

    file: Path
    hold_s: float


def load_grey(path: Path) -> Pixels:
    """A picture file as uint8[H, W]. Raises DeviceError when it is missing, too large or not a picture."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DeviceError(f"picture {path.name} is larger than {MAX_FILE_BYTES} bytes")
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise DeviceError(f"picture {path.name}: {error.strerror}") from error
    picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if picture is None:
        raise DeviceError(f"picture {path.name} cannot be decoded")
    return np.ascontiguousarray(picture, dtype=np.uint8)


def read_script(folder: Path, script: Path | None) -> tuple[Scene, ...]:
    """The scenes of a folder, from `script` if given. Raises DeviceError naming the faulty entry."""
    if not folder.is_dir():
        raise DeviceError(f"picture folder {folder} does not exist")
    if script is None:
        names = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        if not names:
            raise DeviceError(f"picture folder {folder} holds no picture")
        return tuple(Scene(path, DEFAULT_HOLD_S) for path in names)
    try:
        if script.stat().st_size > MAX_SCRIPT_BYTES:
            raise DeviceError(f"camera script {script.name} is larger than {MAX_SCRIPT_BYTES} bytes")
        entries = json.loads(script.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeviceError(f"camera script {script}: {error.strerror}") from error
    except ValueError as error:
        raise DeviceError(f"camera script {script.name} is not JSON") from error
    if not isinstance(entries, list) or not entries:
        raise DeviceError(f"camera script {script.name} must be a list with at least one entry")
    return tuple(_scene(folder, entry, index) for index, entry in enumerate(entries))


def _scene(folder: Path, entry: object, index: int) -> Scene:
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
        raise DeviceError(f'camera script entry {index}: expected {{"file": name, "hold": seconds}}')
    hold = entry.get("hold", DEFAULT_HOLD_S)
    if isinstance(hold, bool) or not isinstance(hold, int | float) or not (math.isfinite(hold) and hold > 0):
        raise DeviceError(f"camera script entry {index}: hold must be seconds above 0")
    path = folder / entry["file"]
    if not path.is_file():
        raise DeviceError(f"camera script entry {index}: no file {entry['file']}")
    return Scene(path, float(hold))


class FolderCamera(ThreadedCamera):
    """Shows the pictures of a folder at `fps`, each for its hold time, once or round and round."""

    def __init__(
        self, folder: Path, script: Path | None = None, *, fps: float = 15.0, repeat: bool = False
    ) -> None:
        self._folder, self._script, self._repeat = folder, script, repeat
        self._period_s = 1.0 / fps
        super().__init__("camera-folder")
        self._scenes: tuple[Scene, ...] = ()
        self._index, self._scene_ends = 0, 0.0
        self._pixels: Pixels | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        """True once every scene has been shown (never when repeating)."""
        return self._ended

    def open(self) -> None:
        """Read the script and start. Raises DeviceError."""
        self._scenes = read_script(self._folder, self._script)
        self._index, self._ended, self._pixels = 0, False, None
        self._thread.start()

    def _grab(self) -> tuple[Pixels, int] | None:
        if self._thread.rest(self._period_s if self._pixels is not None else 0.0) or self._ended:
            self._thread.rest(self._period_s)
            return None
        now = time.monotonic()
        if self._pixels is not None and now >= self._scene_ends:
            self._pixels = None
            self._index += 1
            if self._index >= len(self._scenes):
                self._index, self._ended = 0, not self._repeat
                if self._ended:
                    return None
        if self._pixels is None:
            scene = self._scenes[self._index]
            self._pixels, self._scene_ends = load_grey(scene.file), time.monotonic() + scene.hold_s
        return self._pixels, time.monotonic_ns()


class MailboxCamera(ThreadedCamera):
    """Looks at the newest picture of a folder, which somebody else replaces by an atomic rename.

    The picture is shown again at `fps` until another arrives: a held code. `captured_ns` is the moment of
    each look, as with a sensor. An unreadable picture is skipped until it is replaced.
    """

    def __init__(self, folder: Path, *, fps: float = 30.0) -> None:
        self._folder, self._period_s = folder, 1.0 / fps
        super().__init__("camera-mailbox")
        self._stamp: tuple[int, int, str] | None = None
        self._pixels: Pixels | None = None

    def open(self) -> None:
        """Start looking. Raises DeviceError if there is no such folder."""
        if not self._folder.is_dir():
            raise DeviceError(f"mailbox folder {self._folder} does not exist")
        self._thread.start()

    def _newest_file(self) -> tuple[tuple[int, int, str], Path] | None:
        found = []
        for path in self._folder.iterdir():
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                try:
                    stat = path.stat()
                except FileNotFoundError:  # replaced while we looked
                    continue
                found.append(((stat.st_mtime_ns, stat.st_ino, path.name), path))
        return max(found, default=None)

    def _grab(self) -> tuple[Pixels, int] | None:
        if self._thread.rest(self._period_s):
            return None
        newest = self._newest_file()
        if newest is None:
            self._pixels = self._stamp = None
            return None
        if newest[0] != self._stamp:
            self._stamp, self._pixels = newest[0], None
            self._pixels = load_grey(newest[1])
        return None if self._pixels is None else (self._pixels, time.monotonic_ns())
