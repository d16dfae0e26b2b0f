"""Frame to texts. One quick look at each frame, a second at the same frame when the first finds nothing.

A fresh frame is worth more than a slow second engine on a stale one, so the extra work is small: an unsharp
mask, on every other miss an enlarged centre, and zbar on every fifth miss on a thread of its own.
Still pictures cannot get fresher, so `read_still` tries harder, up to a deadline.
Source: measurements of 2026-11 on 1,554 rendered frames and 179 photographs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from scanner.engines import Engine, Pixels, Symbol, zbar_engine, zxing_engine

MAX_FRAME_PIXELS = 4096 * 2304  # a 4K sensor and some
ZBAR_EVERY = 5  # misses between two looks by the second reader
STILL_WITHIN_S = 10.0  # what is readable took at most 0.5 s when measured, and a small computer is slower
STILL_UPSCALE_PIXELS = 4_000_000  # enlarging a bigger picture costs much and has never helped


class Reader:
    """Reads the frames of one camera. `read` is for one thread."""

    def __init__(self, first: Engine | None, second: Engine | None) -> None:
        if first is None and second is None:
            raise RuntimeError("no QR reader is installed: zxing-cpp or pyzbar is needed")
        self._first: Engine = first or second  # type: ignore[assignment]  # one of them is there
        self._misses = 0
        self._spare = _SpareLook(second) if first is not None and second is not None else None

    def read(self, pixels: Pixels) -> tuple[Symbol, ...]:
        """The codes in a grey frame uint8[H, W]; empty when there is none, whatever the picture."""
        if pixels.ndim != 2 or not 0 < pixels.size <= MAX_FRAME_PIXELS:
            return ()
        symbols = self._first(pixels)
        if symbols:
            self._misses = 0
            return symbols
        self._misses += 1
        symbols = self._first(_prepared(unsharp, pixels))
        if not symbols and self._misses % 2 == 0:
            symbols = self._first(_prepared(centre_doubled, pixels))
        if not symbols and self._spare is not None:
            symbols = self._spare.result()
            if not symbols and self._misses % ZBAR_EVERY == 0:
                self._spare.start(pixels)
        if symbols:
            self._misses = 0
        return symbols


class _SpareLook:
    """One frame at a time for the second reader, off the decode path; its find is fetched a frame later."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._busy = False
        self._found: tuple[Symbol, ...] = ()

    def start(self, pixels: Pixels) -> None:
        with self._lock:
            if self._busy:
                return
            self._busy = True
        threading.Thread(target=self._look, args=(pixels,), name="second-reader", daemon=True).start()

    def _look(self, pixels: Pixels) -> None:
        found = self._engine(pixels)
        with self._lock:
            self._found, self._busy = found, False

    def result(self) -> tuple[Symbol, ...]:
        with self._lock:
            found, self._found = self._found, ()
            return found


def default_reader() -> Reader:
    """zxing-cpp first and zbar second, or the one that is installed. Raises RuntimeError for none."""
    return Reader(zxing_engine(), zbar_engine())


def _prepared(change: Callable[[Pixels], Pixels], pixels: Pixels) -> Pixels:
    try:
        return change(pixels)
    except (cv2.error, ValueError, MemoryError):
        return pixels


def _pixels(picture: Any) -> Pixels:
    return np.ascontiguousarray(picture, dtype=np.uint8)


def unsharp(pixels: Pixels) -> Pixels:
    """Edges made steeper: sigma 2, amount 2.5; undoes about half a module of defocus."""
    soft = cv2.GaussianBlur(pixels, (0, 0), 2)
    return _pixels(cv2.addWeighted(pixels, 3.5, soft, -2.5, 0))


def doubled(pixels: Pixels) -> Pixels:
    """Twice the size, cubic."""
    return _pixels(cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))


def centre_doubled(pixels: Pixels) -> Pixels:
    """The middle two thirds of each side at twice the size."""
    height, width = pixels.shape
    return doubled(pixels[height // 6 : height - height // 6, width // 6 : width - width // 6])


def _views(pixels: Pixels) -> Iterator[Callable[[], Pixels]]:
    """Ways to look at a still picture, cheap ones first; made one at a time."""
    small_enough = pixels.size <= STILL_UPSCALE_PIXELS
    yield lambda: pixels
    yield lambda: unsharp(pixels)
    if small_enough:
        yield lambda: doubled(pixels)
        yield lambda: unsharp(doubled(pixels))
    yield lambda: _adaptive(pixels, 31)
    yield lambda: _pixels(cv2.medianBlur(pixels, 3))
    yield lambda: _pixels(cv2.GaussianBlur(pixels, (0, 0), 1.2))
    yield lambda: _adaptive(_pixels(cv2.GaussianBlur(pixels, (0, 0), 1.2)), 51)
    yield lambda: _pixels(cv2.copyMakeBorder(pixels, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=(255,)))
    for scale in (0.75, 0.5, 0.35):
        yield lambda scale=scale: _scaled(pixels, scale)  # type: ignore[misc]
    if small_enough:
        yield lambda: _adaptive(doubled(pixels), 71)
        yield lambda: _pixels(cv2.createCLAHE(3.0, (8, 8)).apply(pixels))
        for degrees in (15, 30, 45):
            yield lambda degrees=degrees: _turned(pixels, degrees)  # type: ignore[misc]
        for stretch in (1.3, 1 / 1.3):
            yield lambda stretch=stretch: _stretched(pixels, stretch)  # type: ignore[misc]


def _adaptive(pixels: Pixels, block: int) -> Pixels:
    return _pixels(
        cv2.adaptiveThreshold(pixels, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, block, 5)
    )


def _scaled(pixels: Pixels, scale: float) -> Pixels:
    return _pixels(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _stretched(pixels: Pixels, factor: float) -> Pixels:
    return _pixels(cv2.resize(pixels, None, fx=2 * factor, fy=2, interpolation=cv2.INTER_CUBIC))


def _turned(pixels: Pixels, degrees: float) -> Pixels:
    height, width = pixels.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    side = int(np.hypot(width, height))
    turn[0, 2] += (side - width) / 2
    turn[1, 2] += (side - height) / 2
    return _pixels(cv2.warpAffine(pixels, turn, (side, side), flags=cv2.INTER_CUBIC, borderValue=(255,)))


def read_still(
    pixels: Pixels,
    engines: tuple[Engine, ...] | None = None,
    *,
    within_s: float = STILL_WITHIN_S,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Symbol, ...]:
    """The codes in a still picture uint8[H, W]: several scales, thresholds and turns, both readers.

    After `within_s` seconds no further look is begun. One look takes 4 s at noise of 16 megapixels, minutes
        at a page of tiny finder patterns: who reads for strangers does it in a process that can be ended.
    """
    if engines is None:
        engines = tuple(e for e in (zxing_engine(), zbar_engine()) if e is not None)
    ends = clock() + within_s
    for view in _views(pixels):
        prepared = _prepared(lambda _, view=view: view(), pixels)  # type: ignore[misc]
        for engine in engines:
            if symbols := engine(prepared):
                return symbols
            if clock() >= ends:
                return ()
    return ()
