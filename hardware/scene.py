"""Draws what a kiosk camera would see: a code picture held before the lens, a little soft and noisy.

Seeded, so the same arguments give the same frame. For demonstrations, benchmarks and tests.
"""

from __future__ import annotations

import cv2
import numpy as np

from hardware.ports import Pixels

CODE_HEIGHT = 0.78  # of the frame: 560 of 720 pixels, over 4 pixels a module for 100 modules and margin
QUIET = 0.06  # white margin on each side, relative to the code


def render(picture: bytes | None, width: int = 1280, height: int = 720, seed: int = 0) -> Pixels:
    """A frame uint8[height, width] with the PNG or JPEG `picture` in it, or an empty desk for None.

    Raises ValueError when `picture` is not a picture.
    """
    random = np.random.default_rng(seed)
    frame = _background(width, height, random)
    if picture is not None:
        code = cv2.imdecode(np.frombuffer(picture, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
        if code is None:
            raise ValueError("not a picture")
        _hold(frame, np.asarray(code, dtype=np.uint8), random)
    soft = cv2.GaussianBlur(frame, (0, 0), 0.6 + 0.3 * random.random())
    noisy = np.asarray(soft, dtype=np.float32) + random.normal(0, 2.5, (height, width)).astype(np.float32)
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def _background(width: int, height: int, random: np.random.Generator) -> Pixels:
    across = np.linspace(55, 95, width, dtype=np.float32)[None, :]
    down = np.linspace(0, 25, height, dtype=np.float32)[:, None]
    coarse = random.normal(0, 6, (height // 40, width // 40)).astype(np.float32)
    cloud = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    light = np.asarray(across + down + cloud, dtype=np.float32)
    return np.asarray(np.clip(light, 0, 255), dtype=np.uint8)


def _hold(frame: Pixels, code: Pixels, random: np.random.Generator) -> None:
    """Paste the code on a white sheet, turned by up to 6 degrees and a little off the centre."""
    height, width = frame.shape
    margin = max(4, int(max(code.shape) * QUIET))
    sheet = cv2.copyMakeBorder(code, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(255,))
    scale = CODE_HEIGHT * height / max(sheet.shape)
    angle = random.uniform(-6, 6)
    turn = cv2.getRotationMatrix2D((sheet.shape[1] / 2, sheet.shape[0] / 2), angle, scale)
    turn[0, 2] += width / 2 - sheet.shape[1] / 2 + random.uniform(-0.08, 0.08) * width
    turn[1, 2] += height / 2 - sheet.shape[0] / 2 + random.uniform(-0.03, 0.03) * height
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    placed = np.asarray(cv2.warpAffine(sheet, turn, (width, height), flags=way), dtype=np.uint8)
    mask = np.asarray(cv2.warpAffine(np.full_like(sheet, 255), turn, (width, height)), dtype=np.uint8) > 127
    frame[mask] = np.clip(placed[mask].astype(np.float32) * 0.86 + 14, 0, 255).astype(np.uint8)
