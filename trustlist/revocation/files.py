"""Writing so that a cut of power leaves the old or the new: the only place where the store touches a disk.

Tests put a layer over the four primitives that fails at any one of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

NEW = ".new"


class Files:
    """New files whole, old ones replaced by rename, a journal grown at its end."""

    def write(self, path: Path, pieces: Iterable[bytes]) -> tuple[bytes, int]:
        """Make or replace a file at once; the SHA-256 and length of what was written. Raises OSError."""
        digest, length, new = self.prepare(path, pieces)
        self.publish(new, path)
        return digest, length

    def prepare(self, path: Path, pieces: Iterable[bytes]) -> tuple[bytes, int, Path]:
        """Write and sync the new content beside `path`; it takes effect with `publish`. Raises OSError."""
        new, digest, length = path.with_name(path.name + NEW), hashlib.sha256(), 0
        with new.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                length += len(piece)
                self.put(file, piece)
            self.sync(file)
        return digest.digest(), length, new

    def publish(self, new: Path, path: Path) -> None:
        """Put what was prepared in its place. Raises OSError."""
        self.rename(new, path)
        self.sync_folder(path.parent)

    def append(self, path: Path, begins: int, data: bytes) -> None:
        """Write `data` from byte `begins` on, over what an earlier attempt left. Raises OSError."""
        with path.open("r+b") as file:
            file.truncate(begins)
            file.seek(begins)
            self.put(file, data)
            self.sync(file)

    def remove(self, path: Path) -> None:
        """Remove a file nobody needs; one that cannot be removed only takes room."""
        with suppress(OSError):
            path.unlink()

    def put(self, file: BinaryIO, data: bytes) -> None:
        """Write to an open file."""
        file.write(data)

    def sync(self, file: BinaryIO) -> None:
        """Until it lies on the disk."""
        file.flush()
        os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        """Atomic within a folder."""
        old.replace(new)

    def sync_folder(self, folder: Path) -> None:
        """Until the names in it lie on the disk."""
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
