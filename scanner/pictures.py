"""Picture files from outside: measured by their header before a single pixel is unpacked.

A file may be 100 MB, cut off, or a small file that unpacks to gigabytes: each ends in a PictureError with a
stable code, in bounded memory. Formats: PNG, JPEG, BMP, GIF, WebP.
"""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

MAX_FILE_BYTES = 32 * 1024 * 1024  # a 50-megapixel phone photograph has 12 to 25 MB
MAX_PIXELS = 64_000_000  # 50 megapixels and some; grey they take 64 MB
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MAX_SEGMENTS = 4_096


class PictureError(Exception):
    """The picture cannot be used; `code` says why: picture.missing, .too_large, .truncated, ..."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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
    """The bytes of a picture file as grey uint8[H, W]. Raises PictureError."""
    if len(data) > MAX_FILE_BYTES:
        raise PictureError("picture.too_large")
    try:
        width, height = measure(data)
    except (struct.error, IndexError):
        raise PictureError("picture.truncated") from None
    if width <= 0 or height <= 0:
        raise PictureError("picture.damaged")
    if width * height > MAX_PIXELS:
        raise PictureError("picture.too_large")
    try:
        picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError):
        picture = None
    if picture is None:
        raise PictureError("picture.damaged")
    return _to_grey(np.asarray(picture))


def _to_grey(picture: npt.NDArray[np.generic]) -> Pixels:
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)  # type: ignore[operator]
    pixels = picture.astype(np.uint8, copy=False)
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    if pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels[:, :, 0])
    grey = np.asarray(cv2.cvtColor(pixels[:, :, :3], cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    if pixels.shape[2] == 4 and int(pixels[:, :, 3].min()) < 255:
        # What is transparent is seen on white paper; unseen black on black would hide the code.
        alpha = pixels[:, :, 3].astype(np.uint16)
        grey = ((grey * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    return grey


def measure(data: bytes) -> tuple[int, int]:
    """(width, height) from the header. Raises PictureError, also for a file without its end."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", data, 18)
        return width, abs(height)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        gif: tuple[int, int] = struct.unpack_from("<HH", data, 6)
        return gif
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    raise PictureError("picture.format")


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND" and at <= len(data):
            return int(width), int(height)
    raise PictureError("picture.truncated")


def _jpeg(data: bytes) -> tuple[int, int]:
    size: tuple[int, int] | None = None
    at = 2
    for _ in range(MAX_SEGMENTS):
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise PictureError("picture.damaged")
        if marker in _JPEG_WITHOUT_LENGTH:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _JPEG_SIZES and size is None:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = (width, height)
        if marker == 0xDA:  # from here on only coded data, in which the end marker cannot occur
            if data.find(b"\xff\xd9", at) < 0:
                raise PictureError("picture.truncated")
            if size is None:
                raise PictureError("picture.damaged")
            return size
        at += 2 + length
    raise PictureError("picture.damaged")


def _webp(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        raise PictureError("picture.truncated")
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        return width, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF
