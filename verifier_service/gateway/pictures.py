"""Pictures to texts, in child processes of their own: bounded in number, time, memory and waiting."""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from verifier_service.gateway import limits
from verifier_service.gateway.picture_child import LENGTH_BYTES
from verifier_service.problems import ServiceError

_COMMAND = (sys.executable, "-m", "verifier_service.gateway.picture_child")
_LINE_BYTES = 8 * 1_048_576  # eight texts of 131,072 characters, escaped


class PictureUnreadable(ServiceError):
    """The file is no picture we can use; the detail is a stable code."""

    code = "picture-unreadable"


class PicturesBusy(ServiceError):
    """All readers are at work and enough requests wait."""

    code = "busy"


class PicturePool:
    """`read(picture)` from any thread. Children start when first needed."""

    def __init__(
        self,
        *,
        children: int = limits.PICTURE_CHILDREN,
        waiting: int = limits.PICTURE_WAITING,
        wait_s: float = limits.PICTURE_WAIT_S,
        seconds: float = limits.PICTURE_SECONDS,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        self._free: queue.LifoQueue[_Child] = queue.LifoQueue()
        for _ in range(children):
            self._free.put(_Child(command))
        self._entries = threading.BoundedSemaphore(children + waiting)
        self._wait_s, self._seconds = wait_s, seconds

    def read(self, picture: bytes) -> list[str]:
        """The texts of the codes in a picture file, empty when there is none.

        Raises PictureUnreadable, PicturesBusy.
        """
        if not self._entries.acquire(blocking=False):
            raise PicturesBusy("too many pictures at once")
        try:
            try:
                child = self._free.get(timeout=self._wait_s)
            except queue.Empty:
                raise PicturesBusy("too many pictures at once") from None
            try:
                answer = child.ask(picture, self._seconds)
            finally:
                self._free.put(child)
        finally:
            self._entries.release()
        if "error" in answer:
            raise PictureUnreadable(str(answer["error"]))
        return [text for text in answer["texts"] if isinstance(text, str)]

    def close(self) -> None:
        """End all children that are not at work."""
        while True:
            try:
                self._free.get_nowait().end()
            except queue.Empty:
                return


class _Child:
    """One reading process, started anew when it died, was too slow or is worn out."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def ask(self, picture: bytes, seconds: float) -> dict[str, list[str] | str]:
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            answer = self._exchange(picture, time.monotonic() + seconds)
        except (OSError, ValueError, TimeoutError):
            self.end()
            return {"error": "picture.too_hard"}
        self._asked += 1
        if self._asked >= limits.PICTURES_PER_CHILD:
            self.end()
        return answer

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()

    def _start(self) -> None:
        self.end()
        self._asked = 0
        environment = {
            name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ
        }
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            bufsize=0,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)  # type: ignore[union-attr]  # both are pipes

    def _exchange(self, picture: bytes, until: float) -> dict[str, list[str] | str]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ValueError("no process")
        into, out = process.stdin.fileno(), process.stdout.fileno()
        left = memoryview(len(picture).to_bytes(LENGTH_BYTES, "big") + picture)
        line = bytearray()
        while True:
            remaining = until - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            readable, writable, _ = select.select([out], [into] if left else [], [], remaining)
            if writable:
                left = left[os.write(into, left) :]
            if readable:
                part = os.read(out, 65_536)
                line += part
                if not part or len(line) > _LINE_BYTES:
                    raise ValueError("the child is gone or mad")
                if line.endswith(b"\n"):
                    answer = json.loads(line)
                    if not isinstance(answer, dict):
                        raise ValueError("not an answer")
                    return answer
