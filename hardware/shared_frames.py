"""A picture ring in shared memory: one process writes luminance, one reads the newest.

Header (64 bytes, little-endian): magic, width, height, slots, then `published` (uint64: number of frames
written so far). Each slot: captured_ns (uint64) and width*height bytes. The writer fills slot
`published % slots` and only then raises `published`; the reader copies and checks that the writer has not
come round to its slot meanwhile. Only the standard library: the writer runs under the system Python,
whose numpy must never meet ours.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

MAGIC = b"CXF1"
HEADER = struct.Struct("<4sIII")
COUNT = struct.Struct("<Q")
COUNT_AT = 16
DATA_AT = 64
SLOTS = 3  # one being written, one complete, one being read
MAX_PIXELS = 4096 * 4096


class FrameRing:
    """The mapped ring, for either side."""

    def __init__(self, mapped: mmap.mmap, width: int, height: int, slots: int) -> None:
        self._map, self.width, self.height, self._slots = mapped, width, height, slots
        self._slot_bytes = COUNT.size + width * height

    @classmethod
    def create(cls, path: Path, width: int, height: int) -> FrameRing:
        """Writer's side: make the file (mode 0600) and map it."""
        if not 0 < width * height <= MAX_PIXELS:
            raise ValueError(f"frame size {width}x{height} is out of bounds")
        size = DATA_AT + SLOTS * (COUNT.size + width * height)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.ftruncate(fd, size)
            mapped = mmap.mmap(fd, size)
        finally:
            os.close(fd)
        ring = cls(mapped, width, height, SLOTS)
        mapped[: HEADER.size] = HEADER.pack(MAGIC, width, height, SLOTS)
        return ring

    @classmethod
    def attach(cls, path: Path) -> FrameRing | None:
        """Reader's side: None while the writer has not finished making it."""
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            size = os.fstat(fd).st_size
            if size < DATA_AT:
                return None
            mapped = mmap.mmap(fd, size, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
        magic, width, height, slots = HEADER.unpack_from(mapped)
        if magic != MAGIC or size != DATA_AT + slots * (COUNT.size + width * height):
            mapped.close()
            return None
        return cls(mapped, width, height, slots)

    @property
    def published(self) -> int:
        """How many frames were written so far."""
        return int(COUNT.unpack_from(self._map, COUNT_AT)[0])

    def write(self, luminance: bytes | memoryview, captured_ns: int) -> None:
        """Publish one frame of width*height bytes."""
        count = self.published
        at = DATA_AT + (count % self._slots) * self._slot_bytes
        self._map[at : at + COUNT.size] = COUNT.pack(captured_ns)
        self._map[at + COUNT.size : at + self._slot_bytes] = luminance
        self._map[COUNT_AT : COUNT_AT + COUNT.size] = COUNT.pack(count + 1)

    def read(self, after: int) -> tuple[bytes, int, int] | None:
        """(luminance, captured_ns, count) of the newest frame above `after`; None if there is none."""
        for _ in range(3):
            count = self.published
            if count <= after:
                return None
            at = DATA_AT + ((count - 1) % self._slots) * self._slot_bytes
            captured_ns = int(COUNT.unpack_from(self._map, at)[0])
            luminance = self._map[at + COUNT.size : at + self._slot_bytes]
            if self.published < count + self._slots - 1:  # the writer has not begun on our slot
                return luminance, captured_ns, count
        return None

    def close(self) -> None:
        """Unmap."""
        self._map.close()
