"""The kiosk's end of the pipe to the screen process. Imports no Flask; never makes the caller wait.

Only the newest message of each type is kept: a screen that is slow or gone misses some, the lamp misses none.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

log = logging.getLogger(__name__)

RESTART_AFTER_S = 2.0


class NoScreen:
    """A kiosk without a display: lamps and sound say it all."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class ScreenLink:
    """Starts the screen process, feeds it, and starts it again when it dies."""

    def __init__(self, port: int, language: str, command: Sequence[str] | None = None) -> None:
        module = [sys.executable, "-m", "scanner.screen", "--port", str(port), "--language", language]
        self._command = list(command or module)
        self._wake = threading.Condition()
        self._latest: dict[str, Mapping[str, Any]] = {}
        self._dirty: set[str] = set()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="screen-link", daemon=True)
        self._thread.start()

    def send(self, message: Mapping[str, Any]) -> None:
        """Show this as soon as the screen can; returns at once."""
        with self._wake:
            kind = str(message.get("type"))
            self._latest[kind] = message
            self._dirty.add(kind)
            self._wake.notify()

    def close(self) -> None:
        """End the screen process."""
        self._stopping.set()
        with self._wake:
            self._wake.notify()
        self._thread.join(3)
        process = self._process
        if self._thread.is_alive() and process is not None:
            process.kill()  # a screen that no longer reads holds the thread in its write
            self._thread.join(3)
        self._end()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)
                self._feed(self._process)
            except OSError as error:
                log.warning("screen: %s", type(error).__name__)
            self._end()
            self._stopping.wait(RESTART_AFTER_S)

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        with self._wake:
            self._dirty = set(self._latest)
        while not self._stopping.is_set() and process.poll() is None and process.stdin is not None:
            with self._wake:
                self._wake.wait_for(lambda: self._dirty or self._stopping.is_set(), 1.0)
                messages = [self._latest[kind] for kind in sorted(self._dirty)]
                self._dirty.clear()
            for message in messages:
                process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                log.debug("screen: pipe already broken")
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
