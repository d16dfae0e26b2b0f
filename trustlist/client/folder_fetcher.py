"""Files from a folder, say a USB stick: only regular files inside it, never more than asked for.

A stick is as hostile as a network: links, devices and pipes are refused, so nothing outside is read and
nothing waits for ever. Source: notes/distribution-and-fleet §2.3, §5.3 (evil stick).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError
from tuf.ngclient import FetcherInterface

from ..files import read_bounded

BASE = "folder:/"  # the address a folder answers to


class FolderFetcher(FetcherInterface):
    """Reads `metadata/` and `targets/` under `folder`."""

    told_date: datetime | None = None  # a folder has no clock

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def close(self) -> None:
        """Nothing is held."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        raise DownloadError(f"{url}: fetched without a length limit")

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """The file behind `url`. Raises DownloadHTTPError 404 when there is none."""
        # metadata names arrive percent-encoded, and so they lie on the disk; targets as they are
        steps = url.removeprefix(BASE).strip("/").split("/")
        if not url.startswith(BASE) or any(
            step in ("", ".", "..") or "%2f" in step.lower() for step in steps
        ):
            raise DownloadError("an address outside the folder")
        path = self._folder.joinpath(*(unquote(step) for step in steps))
        try:
            if path.parent.resolve() != path.parent:
                raise DownloadError(f"{path.name}: reached through a link")
            if path.stat(follow_symlinks=False).st_size > max_length:
                raise DownloadLengthMismatchError(f"{path.name}: longer than {max_length} bytes")
            data = read_bounded(path, max_length)
        except FileNotFoundError as fault:
            raise DownloadHTTPError(f"{path.name} is not there", 404) from fault
        except (OSError, ValueError) as fault:
            raise DownloadError(f"{path.name} cannot be read") from fault
        yield io.BytesIO(data)
