"""The ring of pictures in shared memory: whoever reads gets a whole picture, also when the writer laps."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hardware.shared_frames import SLOTS, FrameRing

WIDTH, HEIGHT = 40, 30
BYTES = WIDTH * HEIGHT


class Halfway(mmap.mmap):
    """A map in whose middle of a copy something happens, once."""

    happens: Callable[[], None] | None = None

    def __getitem__(self, part: Any) -> Any:
        if not isinstance(part, slice) or self.happens is None:
            return super().__getitem__(part)
        middle = (part.start + part.stop) // 2
        first = super().__getitem__(slice(part.start, middle))
        happens, self.happens = self.happens, None
        happens()
        return first + super().__getitem__(slice(middle, part.stop))


@pytest.mark.req("K01")
@pytest.mark.parametrize("frames", range(SLOTS + 2))
def test_a_picture_overwritten_while_it_is_copied_is_not_handed_out(tmp_path: Path, frames: int) -> None:
    writer = FrameRing.create(tmp_path / "ring", WIDTH, HEIGHT)
    writer.write(bytes([1]) * BYTES, 1)
    with (tmp_path / "ring").open("rb") as file:
        mapped = Halfway(file.fileno(), 0, access=mmap.ACCESS_READ)
    reader = FrameRing(mapped, WIDTH, HEIGHT, SLOTS)
    mapped.happens = lambda: [writer.write(bytes([n]) * BYTES, n) for n in range(2, 2 + frames)] and None
    found = reader.read(0)
    assert found is not None
    luminance, captured_ns, count = found
    assert luminance == bytes([captured_ns]) * BYTES, "one picture and its own moment"
    assert count == captured_ns
    assert reader.published == 1 + frames
