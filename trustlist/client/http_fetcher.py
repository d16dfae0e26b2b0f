"""Files over HTTP: a deadline for the whole transfer, length limits while reading, resume where it was cut.

A socket time-out bounds only the gap between two bytes: one byte a second never meets it. Here a second
thread closes the connection when the transfer's time is over, be it in headers or body. Names are resolved
within the resolver's own time-outs. The server's `Date` is remembered as a hint for words, never as time.
Source: notes/distribution-and-fleet §2.1 (drip), §2.3 (resume); RFC 9110 §14.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)
from tuf.ngclient import FetcherInterface

CONNECT_S = 10.0
GRACE_S = 20.0  # for any file, however small
# The slowest line we serve: 4 kB/s, EDGE in the mountains. A trust list of 160 kB gets 20 s + 40 s.
MIN_BYTES_PER_S = 4_096
MAX_CUTS = 5  # of one transfer; each must have brought bytes
_CHUNK = 65_536
_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(?:\d{1,15}|\*)\Z")
_IMMUTABLE = re.compile(r"/[0-9a-f]{64}\.[^/]+\Z")  # named by its hash: part of it stays part of it


class HttpFetcher(FetcherInterface):
    """One polling session with one server; not for threads. `parts` keeps what a cut left."""

    def __init__(
        self, parts: Path, *, grace_s: float = GRACE_S, bytes_per_s: float = MIN_BYTES_PER_S
    ) -> None:
        self._parts = parts
        self._grace_s = grace_s
        self._bytes_per_s = bytes_per_s
        self._connection: http.client.HTTPConnection | None = None
        self._origin = ("", "")
        self.told_date: datetime | None = None  # unsigned

    def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fetch(self, url: str) -> Iterator[bytes]:
        raise DownloadError(f"{url}: fetched without a length limit")  # `download_file` is the only door

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """The file at `url`, at most `max_length` bytes. Raises DownloadError and its kin."""
        deadline = time.monotonic() + self._grace_s + max_length / self._bytes_per_s
        self._parts.mkdir(parents=True, exist_ok=True)
        part = self._parts / f"{sha256(url.encode()).hexdigest()}.part"
        if not _IMMUTABLE.search(url):
            part.unlink(missing_ok=True)
        cuts = 0
        while True:
            before = part.stat().st_size if part.exists() else 0
            try:
                self._transfer(url, part, max_length, deadline)
                break
            except (OSError, http.client.HTTPException) as fault:
                self.close()
                if time.monotonic() >= deadline:
                    raise SlowRetrievalError(f"{url}: not complete within its time") from fault
                grown = part.exists() and part.stat().st_size > before
                cuts += 1
                if not grown or cuts > MAX_CUTS:
                    raise DownloadError(f"{url}: {type(fault).__name__}") from fault
        try:
            with part.open("rb") as file:
                yield file
        finally:
            part.unlink(missing_ok=True)  # taken, or refused by whoever checked it: never to be resumed

    def _transfer(self, url: str, part: Path, max_length: int, deadline: float) -> None:
        """Append to `part` until the server says it is whole. OSError and HTTPException mean: cut."""
        have = part.stat().st_size if part.exists() else 0
        if have >= max_length:  # nothing of it can be left to ask for
            part.unlink()
            have = 0
        connection, path = self._connect(url)
        headers = {"Accept-Encoding": "identity", "User-Agent": "cong-xanh-trustlist"}
        if have:
            headers["Range"] = f"bytes={have}-"
        watch = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, (connection.sock,))
        watch.daemon = True
        watch.start()
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            self._note_date(response.headers.get("Date"))
            if have and response.status in (200, 416):
                part.unlink()
                have = 0
            if response.status == 206 and not _continues(response.headers.get("Content-Range"), have):
                part.unlink(missing_ok=True)
                raise DownloadError(f"{url}: another range than asked for")
            if response.status == 416:
                raise http.client.HTTPException("range refused")
            if response.status not in (200, 206):
                if response.length == 0:
                    response.close()  # the usual "no newer root": the next request takes the same way
                else:
                    self.close()  # whatever its body is, nobody reads it
                raise DownloadHTTPError(f"{url}: HTTP {response.status}", response.status)
            if response.length is not None and have + response.length > max_length:
                self.close()
                part.unlink(missing_ok=True)
                raise DownloadLengthMismatchError(f"{url}: longer than {max_length} bytes")
            self._read(url, response, part, have, max_length, deadline)
        finally:
            watch.cancel()
        if time.monotonic() >= deadline:
            raise TimeoutError("cut by the watch")

    def _read(
        self,
        url: str,
        response: http.client.HTTPResponse,
        part: Path,
        have: int,
        max_length: int,
        deadline: float,
    ) -> None:
        with part.open("ab") as file:
            while chunk := response.read1(_CHUNK):
                have += len(chunk)
                if have > max_length:
                    self.close()
                    part.unlink()
                    raise DownloadLengthMismatchError(f"{url}: longer than {max_length} bytes")
                file.write(chunk)
                if time.monotonic() >= deadline:
                    raise TimeoutError("over time")
        if response.length:  # the connection ended before the announced length
            raise http.client.IncompleteRead(b"", response.length)
        response.close()  # the connection stays for the next request

    def _connect(self, url: str) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise DownloadError("only http and https addresses are fetched")
        origin = (parts.scheme, parts.netloc)
        if self._connection is None or self._origin != origin or self._connection.sock is None:
            self.close()
            if parts.scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=CONNECT_S, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=CONNECT_S)
            self._connection.connect()
            self._origin = origin
        return self._connection, parts.path or "/"

    def _note_date(self, told: str | None) -> None:
        with suppress(TypeError, ValueError, OverflowError):
            date = parsedate_to_datetime(told) if told else None
            if date is not None:
                self.told_date = date if date.tzinfo else date.replace(tzinfo=UTC)


def _continues(content_range: str | None, have: int) -> bool:
    match = _RANGE.match(content_range or "")
    return have > 0 and match is not None and int(match[1]) == have


def _cut(sock: socket.socket | None) -> None:
    """End a connection another thread is reading from: its read returns at once."""
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
