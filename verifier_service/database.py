"""The pool of one worker process: opened on first use (never before a fork), bounded, closed at its end.

Source: psycopg_pool documentation, "Pool and multiple processes".
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from verifier_service.problems import DatabaseUnready
from verifier_service.settings import Settings

PING_S = 1.0


class Database:
    """Connections in autocommit.

    One statement is one commit. `waited_s` of the last hand-outs is smoothed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._pool: ConnectionPool[psycopg.Connection[Any]] | None = None
        self.waited_s = 0.0

    @contextmanager
    def connection(self, timeout_s: float | None = None) -> Iterator[psycopg.Connection[Any]]:
        """A connection for the length of the block. Raises PoolTimeout after `pool_wait_s` without one."""
        asked = monotonic()
        with self._opened().connection(timeout_s or self._settings.pool_wait_s) as link:
            self.waited_s += 0.1 * (monotonic() - asked - self.waited_s)
            yield link

    def ping(self) -> None:
        """Return when the database answers within PING_S. Raises DatabaseUnready."""
        try:
            with self.connection(PING_S) as link:
                link.execute("SELECT 1")
        except psycopg.Error as error:
            raise DatabaseUnready() from error

    def close(self) -> None:
        """Give all connections back to the server."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=2)

    def _options(self) -> str:
        """Start-up options; none behind a pgbouncer, which refuses them (set the limit on the role there)."""
        limit = int(self._settings.statement_timeout_s * 1000)
        return f"-c statement_timeout={limit}" if self._settings.prepare else ""

    def _opened(self) -> ConnectionPool[psycopg.Connection[Any]]:
        pool = self._pool
        if pool is not None:
            return pool
        settings = self._settings
        with self._lock:
            if self._pool is None:
                if not settings.database_url:
                    raise DatabaseUnready("DATABASE_URL is not set")
                self._pool = ConnectionPool(
                    settings.database_url,
                    min_size=1,
                    max_size=settings.threads,
                    max_waiting=settings.threads * 4,
                    timeout=settings.pool_wait_s,
                    reconnect_timeout=5,
                    kwargs={
                        "autocommit": True,
                        "connect_timeout": 3,
                        "prepare_threshold": 1 if settings.prepare else None,
                        "options": self._options(),
                    },
                    open=False,
                    name="service",
                )
                self._pool.open(wait=False)
            return self._pool
