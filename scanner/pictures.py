"""Picture files from outside: measured by their headers before a single pixel is unpacked.

A file may be 100 MB, cut off, a small file that unpacks to gigabytes, or one whose decoder passes over it
ten thousand times: each ends in a PictureError with a stable code, in bounded memory and time. Formats: PNG,
JPEG, BMP, GIF, WebP.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scanner.picture_headers import Header, PictureError, measure

__all__ = ["MAX_FILE_BYTES", "PictureError", "decode_picture", "load_picture"]

Pixels = npt.NDArray[np.uint8]

MAX_FILE_BYTES = 32 * 1024 * 1024  # a 50-megapixel phone photograph has 12 to 25 MB
MAX_PIXELS = 64_000_000  # 50 megapixels and some; grey they take 64 MB
# 50 megapixels with transparency, 64 in colour, 64 as a JPEG of many scans with the usual halved colours. The
# decoder keeps it up to twice: 500 MB in all, and 2 s at the 120 MB/s of the slowest one.
MAX_UNPACKED = 260_000_000
MAX_SCANS = 100  # passes of a JPEG over its pixels: a progressive one has about 10
MAX_SCANNED = (
    2_000_000_000  # pixels of all passes: 31 over 64 megapixels; an empty pass does 4 * 10**9 a second
)
HALVED_FROM = (
    24_000_000  # a bigger picture is looked at in half its width: 12 megapixels are a usual photograph
)
STRIP_ROWS = 256  # of a transparent picture laid on white at a time


def load_picture(path: Path) -> Pixels:
    """A file as grey uint8[H, W]. Raises PictureError."""
    try:
        if not path.is_file():
            raise PictureError("picture.missing")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError:
        raise PictureError("picture.unreadable") from None
    return decode_picture(data)


def decode_picture(data: bytes) -> Pixels:
    """The bytes of a picture file as grey uint8[H, W], H * W <= HALVED_FROM. Raises PictureError."""
    if len(data) > MAX_FILE_BYTES:
        raise PictureError("picture.too_large")
    header = measure(data)
    pixels = header.width * header.height
    if header.width <= 0 or header.height <= 0:
        raise PictureError("picture.damaged")
    if pixels > MAX_PIXELS or header.unpacked > MAX_UNPACKED:
        raise PictureError("picture.too_large")
    if header.scans > MAX_SCANS or header.scans * pixels > MAX_SCANNED:
        raise PictureError("picture.too_large")
    try:
        picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), _how(header))
    except (cv2.error, MemoryError):
        picture = None
    if picture is None:
        raise PictureError("picture.damaged")
    grey = _to_grey(np.asarray(picture))
    while grey.size > HALVED_FROM:
        grey = np.asarray(
            cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8
        )
    return grey


def _how(header: Header) -> int:
    if not header.opaque:
        return cv2.IMREAD_UNCHANGED
    halved = header.jpeg and header.width * header.height > HALVED_FROM
    how = cv2.IMREAD_REDUCED_GRAYSCALE_2 if halved else cv2.IMREAD_GRAYSCALE
    return how | cv2.IMREAD_IGNORE_ORIENTATION


def _to_grey(picture: npt.NDArray[np.generic]) -> Pixels:
    if picture.ndim == 2 and picture.dtype == np.uint8:
        return np.ascontiguousarray(picture, dtype=np.uint8)
    grey = np.empty(picture.shape[:2], dtype=np.uint8)
    for top in range(0, len(picture), STRIP_ROWS):  # working copies of a strip, never of the whole
        grey[top : top + STRIP_ROWS] = _strip_to_grey(picture[top : top + STRIP_ROWS])
    return grey


def _strip_to_grey(strip: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    if strip.dtype == np.uint16:
        strip = (strip >> 8).astype(np.uint8)  # type: ignore[operator]
    pixels = strip.astype(np.uint8, copy=False)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return pixels.reshape(pixels.shape[:2])
    if pixels.shape[2] == 2:  # grey with transparency, where a decoder leaves it so
        grey, cover = pixels[:, :, 0], pixels[:, :, 1]
    else:
        grey = np.asarray(cv2.cvtColor(pixels[:, :, :3], cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        cover = pixels[:, :, 3] if pixels.shape[2] == 4 else np.full(grey.shape, 255, dtype=np.uint8)
    if int(cover.min()) == 255:
        return grey
    # What is transparent is seen on white paper; unseen black on black would hide the code.
    alpha = cover.astype(np.uint16)
    return ((grey * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
