"""The address the service listens on: read once, tried before anything is started."""

from __future__ import annotations

import socket

UNIX = "unix:"  # gunicorn's spelling of a socket in the file system; there is nothing to try beforehand


def host_and_port(bind: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as two parts; ("", 0) for a socket in the file system. Raises ValueError."""
    if bind.startswith(UNIX):
        return "", 0
    host, _, port = bind.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if not bare or (":" in bare and not bracketed) or not (port.isascii() and port.isdigit()):
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:8080")
    if int(port) > 65535:
        raise ValueError("has a port above 65535")
    return bare, int(port)


def why_taken(bind: str) -> str | None:
    """Why nothing can listen on `bind` now; None when it can."""
    host, port = host_and_port(bind)
    if not host:
        return None
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
