"""A process that does nothing but read codes in pictures, with hard limits on memory.

In: four bytes of length and a picture file, again and again. Out: one JSON line each, {"texts": [...]} or
{"error": "picture.damaged"}. It ends with its input. Whatever a picture does to it, the service lives on.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import BinaryIO

from verifier_service.gateway.limits import MAX_PICTURE_BYTES, MAX_SYMBOLS, PICTURE_ADDRESS_SPACE

LENGTH_BYTES = 4
NICENESS = 10  # texts first


def main() -> None:
    """Read until the input ends."""
    os.nice(NICENESS)
    from scanner.pictures import PictureError, decode_picture
    from scanner.vision import read_still

    resource.setrlimit(resource.RLIMIT_AS, (PICTURE_ADDRESS_SPACE, PICTURE_ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while (picture := _next(source)) is not None:
        answer: dict[str, object]
        try:
            symbols = read_still(decode_picture(picture))
            answer = {"texts": [symbol.text for symbol in symbols[:MAX_SYMBOLS]]}
        except PictureError as fault:
            answer = {"error": fault.code}
        except (MemoryError, ValueError):
            answer = {"error": "picture.too_large"}
        sink.write(json.dumps(answer).encode() + b"\n")
        sink.flush()


def _next(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH_BYTES)
    size = int.from_bytes(head, "big")
    if len(head) < LENGTH_BYTES or size > MAX_PICTURE_BYTES:
        return None
    picture = source.read(size)
    return picture if len(picture) == size else None


if __name__ == "__main__":
    main()
