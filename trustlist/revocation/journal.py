"""The deltas applied since the files were written: each whole and with its hash, or not there.

A record: length u32 | first 8 bytes of SHA-256 | the delta. What a cut of power left half-written does not
match its hash; reading stops there, and the next record is written over it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from .errors import FormatError
from .limits import MAX_DELTA_BYTES, MAX_JOURNAL_BYTES

_LENGTH, _CHECK = 4, 8
_HEAD = _LENGTH + _CHECK
# The journal, and one delta of the largest size that made it overflow.
MAX_FILE_BYTES = MAX_JOURNAL_BYTES + MAX_DELTA_BYTES + _HEAD


def record(delta: bytes) -> bytes:
    """As it stands in the journal."""
    return len(delta).to_bytes(_LENGTH, "big") + hashlib.sha256(delta).digest()[:_CHECK] + delta


def read_journal(path: Path) -> Iterator[tuple[bytes, int]]:
    """Every whole delta, and where it ends. Raises FormatError if the file cannot be read at all."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES)
    except OSError as fault:
        raise FormatError("journal.unreadable") from fault
    begins = 0
    while begins + _HEAD <= len(data):
        length = int.from_bytes(data[begins : begins + _LENGTH], "big")
        ends = begins + _HEAD + length
        delta = data[begins + _HEAD : ends]
        if ends > len(data) or record(delta) != data[begins:ends]:
            return
        yield delta, ends
        begins = ends
