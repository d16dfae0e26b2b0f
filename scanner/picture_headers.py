"""What a picture file will cost to unpack, read off its headers before a single pixel is unpacked.

Source: PNG (W3C, third edition) §5, §11; JPEG (ITU-T T.81) annex B; RFC 9649 (WebP); GIF89a; BMP.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

MAX_SEGMENTS = 4_096
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_END_OF_CODED = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # within coded data no other marker can occur
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


class PictureError(Exception):
    """The picture cannot be used; `code` says why: picture.missing, .too_large, .truncated, ..."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Header:
    """Size in pixels. `unpacked`: bytes the decoder works on. `scans`: passes over them (JPEG).

    `opaque`: there is no transparency, so it may be unpacked as grey at once. `jpeg`: and at half its size.
    """

    width: int
    height: int
    unpacked: int
    scans: int = 1
    opaque: bool = False
    jpeg: bool = False


def measure(data: bytes) -> Header:
    """The header. Raises PictureError, also for a file without its end."""
    try:
        return _measure(data)
    except (struct.error, IndexError):
        raise PictureError("picture.truncated") from None


def _measure(data: bytes) -> Header:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", data, 18)
        return _coloured(width, abs(height))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _coloured(*struct.unpack_from("<HH", data, 6))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    raise PictureError("picture.format")


def _coloured(width: int, height: int) -> Header:
    return Header(width, height, width * height * 4)


def _png(data: bytes) -> Header:
    width, height, depth, kind = struct.unpack_from(">IIBB", data, 16)
    at, transparent = 8, kind in (4, 6)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name = data[at + 4 : at + 8]
        at += 12 + length
        transparent = transparent or name == b"tRNS"
        if name == b"IEND" and at <= len(data):
            samples = 4 if transparent and kind == 3 else _PNG_CHANNELS.get(kind, 4)
            size = width * height * samples * max(8, depth) // 8
            return Header(width, height, size, opaque=not transparent)
    raise PictureError("picture.truncated")


def _jpeg(data: bytes) -> Header:
    frame: tuple[int, int, int, bool] | None = None
    at, scans, first_scan = 2, 0, 0
    for _ in range(MAX_SEGMENTS):
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise PictureError("picture.damaged")
        if marker == 0xD9 or (scans and at + 4 > len(data)):
            break
        if marker in _JPEG_WITHOUT_LENGTH:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _JPEG_SIZES and frame is None:
            frame = _jpeg_frame(data, at, marker)
        at += 2 + length
        if marker == 0xDA:
            first_scan = first_scan or at
            scans += 1
            end = _END_OF_CODED.search(data, at)
            if end is None:
                break
            at = end.start()
    else:
        raise PictureError("picture.damaged")
    if frame is None:
        raise PictureError("picture.damaged")
    if not scans or data.find(b"\xff\xd9", first_scan) < 0:
        raise PictureError("picture.truncated")
    width, height, coefficients, progressive = frame
    # Only with several scans all coefficients are kept, two bytes each; else a row of blocks is.
    unpacked = width * height + (2 * coefficients if progressive or scans > 1 else 0)
    return Header(width, height, unpacked, scans, opaque=True, jpeg=True)


def _jpeg_frame(data: bytes, at: int, marker: int) -> tuple[int, int, int, bool]:
    """Width, height, number of coefficients, and whether they come in many scans."""
    height, width, count = struct.unpack_from(">HHB", data, at + 5)
    factors = [(data[at + 11 + 3 * n] >> 4, data[at + 11 + 3 * n] & 15) for n in range(count)]
    most = max((h for h, _ in factors), default=0) * max((v for _, v in factors), default=0)
    if most == 0:
        raise PictureError("picture.damaged")
    share = sum(h * v for h, v in factors)
    return width, height, width * height * share // most, marker in _JPEG_PROGRESSIVE


def _webp(data: bytes) -> Header:
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        raise PictureError("picture.truncated")
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        return _coloured(width, int.from_bytes(data[27:30], "little") + 1)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return _coloured((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
    width, height = struct.unpack_from("<HH", data, 26)
    return _coloured(width & 0x3FFF, height & 0x3FFF)
