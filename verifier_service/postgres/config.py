"""The server's own settings: unix socket only, durable, and silent about what people typed."""

from __future__ import annotations

import os
from pathlib import Path

PORT = 5432
# sockaddr_un.sun_path holds 108 bytes with the closing zero. Source: unix(7).
MAX_SOCKET_PATH = 107
# 100 connections: 2 workers x 16 threads of the service, migrations, exports and a person with psql.
MAX_CONNECTIONS = 100
# An eighth of the smallest machine we promise to run on (1 GB).
SHARED_BUFFERS_MB = 128


def socket_path(directory: Path) -> Path:
    """The socket file PostgreSQL makes inside `directory`."""
    return directory / f".s.PGSQL.{PORT}"


def fits_socket(directory: Path) -> bool:
    """Whether a socket inside `directory` has a path the system accepts."""
    return len(os.fsencode(socket_path(directory))) <= MAX_SOCKET_PATH


def server_conf(socket_dir: Path) -> str:
    """The whole postgresql.conf. Statements never reach the log: they may hold what nobody should read."""
    settings: dict[str, str | int] = {
        "listen_addresses": "''",
        "port": PORT,
        "unix_socket_directories": _quoted(str(socket_dir)),
        "unix_socket_permissions": "0700",
        "max_connections": MAX_CONNECTIONS,
        "shared_buffers": f"{SHARED_BUFFERS_MB}MB",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_wal_size": "1GB",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "lc_messages": "'C'",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": 0,
        "log_parameter_max_length_on_error": 0,
        "log_error_verbosity": "terse",
        "idle_in_transaction_session_timeout": "'60s'",
    }
    lines = [f"{key} = {value}" for key, value in settings.items()]
    return "\n".join(["# Written anew at every start; changes here are lost.", *lines, ""])


def access_conf() -> str:
    """The whole pg_hba.conf: whoever may enter the 0700 socket directory is trusted, nobody else exists."""
    return "# Written anew at every start; changes here are lost.\nlocal all all trust\n"


def _quoted(text: str) -> str:
    if '"' in text or "," in text or "\n" in text:
        message = "a socket directory may not hold commas, quotes or line ends"
        raise ValueError(message)
    return "'" + text.replace("'", "''") + "'"
