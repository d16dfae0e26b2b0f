"""The trust data of the service: a trust object in a file, read anew when the file changes."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from healthcert.errors import HealthCertError
from trustlist.snapshot import TrustSnapshot, told_issued_at

LOOK_EVERY_S = 5.0
MAX_TRUST_BYTES = 64 * 1_048_576  # the Union's list has about 1 MB; all countries with room to grow
_log = logging.getLogger(__name__)


class TrustFile:
    """`current()` is the snapshot of the file, None while there is none; a bad new file changes nothing."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = monotonic) -> None:
        self._path, self._clock, self._lock = path, clock, threading.Lock()
        self._snapshot: TrustSnapshot | None = None
        self._seen: tuple[int, int] | None = None
        self._look_at = 0.0

    def current(self) -> TrustSnapshot | None:
        """The snapshot to judge by now."""
        if self._path is not None and self._clock() >= self._look_at:
            with self._lock:
                if self._clock() >= self._look_at:
                    self._look(self._path)
                    self._look_at = self._clock() + LOOK_EVERY_S
        return self._snapshot

    def _look(self, path: Path) -> None:
        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size)
            if mark == self._seen:
                return
            self._seen = mark
            if status.st_size > MAX_TRUST_BYTES:
                raise ValueError("too large")
            content = json.loads(path.read_text("utf-8"))
            told = told_issued_at(content) if isinstance(content, dict) else None
            issued = told or datetime.fromtimestamp(status.st_mtime, UTC)
            self._snapshot = TrustSnapshot.from_trust_object(content, issued_at=issued)
            _log.info("trust: version %s", self._snapshot.version)
        except (OSError, ValueError, HealthCertError, RecursionError) as fault:
            _log.error("trust: the file cannot be used, the last good one stays (%s)", type(fault).__name__)
