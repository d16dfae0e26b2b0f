"""One picture file in a process of its own, with hard limits: a reader in C++ cannot be interrupted.

A page full of tiny finder patterns keeps the QR reader busy for minutes in one call; such a process is ended
by the kernel, and the pictures after it are read as usual.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

CPU_S = 20  # twice the deadline of `read_still`, whose last look may take some seconds
ADDRESS_SPACE = 2 * 1024**3  # the libraries map about 700 MB; a picture and its copies take at most 700 MB


def read_picture(path: Path) -> dict[str, Any]:
    """{"symbols": [{"text", "engine"}]} of a picture file. Raises PictureError."""
    from scanner.pictures import load_picture
    from scanner.vision import read_still

    return {"symbols": [{"text": s.text, "engine": s.engine} for s in read_still(load_picture(path))]}


def read_apart(
    path: Path,
    read: Callable[[Path], dict[str, Any]] = read_picture,
    *,
    cpu_s: int = CPU_S,
    address_space: int = ADDRESS_SPACE,
) -> dict[str, Any]:
    """What `read` answers, or {"symbols": [], "error": code}. Never raises for what a picture does."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(source)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
            with os.fdopen(sink, "w") as out:
                json.dump(_answer(path, read), out)
            code = 0
        finally:
            os._exit(code)
    os.close(sink)
    with os.fdopen(source, "rb") as answer:
        told = answer.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return dict(json.loads(told))
    slow = status in (-signal.SIGXCPU, -signal.SIGKILL)
    return {"symbols": [], "error": "picture.too_slow" if slow else "picture.failed: ended"}


def _answer(path: Path, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    from scanner.picture_headers import PictureError

    try:
        return read(path)
    except PictureError as error:
        return {"symbols": [], "error": error.code}
    except MemoryError:
        return {"symbols": [], "error": "picture.too_large"}
    except Exception as error:  # one picture must not cost the answers for the others
        return {"symbols": [], "error": f"picture.failed: {type(error).__name__}"}
