"""The kiosk's end of the pipe to the screen process. Imports no Flask; never makes the caller wait.

Only the newest message of each type is kept: a screen that is slow or gone misses some, the lamp misses none.
The screen answers what it takes; one that dies or stops answering is started anew.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)

RESTART_AFTER_S = 2.0
SILENT_AFTER_S = 30.0  # a Raspberry Pi Zero 2 W needs about 10 s to start the screen; three times that
PORT_TAKEN = 3  # exit code of a screen whose port another program has


class NoScreen:
    """A kiosk without a display: lamps and sound say it all."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class ScreenLink:
    """Starts the screen process, feeds it, and starts it again when it dies or hangs."""

    def __init__(
        self,
        port: int,
        language: str,
        timezone: str,
        command: Sequence[str] | None = None,
        *,
        silent_after_s: float = SILENT_AFTER_S,
        restart_after_s: float = RESTART_AFTER_S,
    ) -> None:
        module = [sys.executable, "-m", "scanner.screen", "--port", str(port), "--language", language]
        self._command = list(command or [*module, "--timezone", timezone, "--acknowledge"])
        self._port, self._silent_after_s, self._restart_after_s = port, silent_after_s, restart_after_s
        self._told = ""
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
                self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            except OSError as error:
                self._tell(f"the screen process does not start: {error.strerror}")
            else:
                hung = False
                with suppress(OSError):  # it died while we wrote; its exit code says why
                    hung = self._feed(self._process)
                code = self._end()
                if code == PORT_TAKEN:
                    self._tell(
                        f"screen.port {self._port} is taken by another program: no screen until it is free"
                    )
                elif code and not hung and not self._stopping.is_set():
                    self._tell(f"the screen process ended with code {code}, starting it anew")
            self._stopping.wait(self._restart_after_s)

    def _tell(self, message: str) -> None:
        """Warn once: the same again and again helps nobody. A screen that answers clears it."""
        if message != self._told:
            log.warning("screen: %s", message)
        self._told = message

    def _feed(self, process: subprocess.Popen[bytes]) -> bool:
        """Until it ends (False) or had to be ended because it hung (True)."""
        if process.stdin is None or process.stdout is None:
            return False
        os.set_blocking(process.stdout.fileno(), False)
        owed_since: float | None = None  # since when the screen owes us an answer
        with self._wake:
            self._dirty = set(self._latest)
        while not self._stopping.is_set() and process.poll() is None:
            with self._wake:
                self._wake.wait_for(lambda: self._dirty or self._stopping.is_set(), 1.0)
                messages = [self._latest[kind] for kind in sorted(self._dirty)]
                self._dirty.clear()
            for message in messages:
                process.stdin.write(json.dumps(message).encode() + b"\n")
                owed_since = time.monotonic() if owed_since is None else owed_since
            process.stdin.flush()
            if process.stdout.read():  # any answer: it reads, and it serves its page
                owed_since, self._told = None, ""
            elif owed_since is not None and time.monotonic() - owed_since > self._silent_after_s:
                self._tell(f"no answer for {self._silent_after_s:.0f} s, starting it anew")
                process.kill()
                return True
        return False

    def _end(self) -> int | None:
        """End the process, if there is one; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
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
        if process.stdout is not None:
            process.stdout.close()
        return process.returncode
