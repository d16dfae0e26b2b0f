"""Which list a certificate of ours is on: its issuer, the month its validity ends, and a serial number."""

from __future__ import annotations

import calendar
from datetime import date
from typing import NamedTuple

from .errors import FormatError
from .limits import MAX_ISSUER_BYTES, MAX_MONTH, MAX_SERIAL

_EPOCH = date(1970, 1, 1)


class Shard(NamedTuple):
    """`month` is 12 * year + (month - 1). Shards sort by issuer, month, serial."""

    issuer: str
    month: int
    serial: int

    @property
    def code(self) -> bytes:
        """24 bytes that stand for this shard in files and fingerprints; they sort as shards do."""
        issuer = self.issuer.encode("ascii").ljust(MAX_ISSUER_BYTES, b"\0")
        return issuer + self.month.to_bytes(4, "big") + self.serial.to_bytes(4, "big")

    @property
    def last_day(self) -> int:
        """The last day (since 1970) of the month; after it no certificate of the shard is valid."""
        year, month = divmod(self.month, 12)
        return (date(year, month + 1, calendar.monthrange(year, month + 1)[1]) - _EPOCH).days

    @property
    def path(self) -> str:
        """The end of the published address: `VN/2027-03/0007`."""
        year, month = divmod(self.month, 12)
        return f"{self.issuer}/{year:04d}-{month + 1:02d}/{self.serial:04d}"


def shard(issuer: object, month: object, serial: object) -> Shard:
    """A shard from outside. Raises FormatError."""
    if (
        isinstance(issuer, str)
        and 1 <= len(issuer) <= MAX_ISSUER_BYTES
        and all("A" <= letter <= "Z" or "0" <= letter <= "9" or letter == "-" for letter in issuer)
        and type(month) is int
        and 12 <= month <= MAX_MONTH
        and type(serial) is int
        and 0 <= serial <= MAX_SERIAL
    ):
        return Shard(issuer, month, serial)
    raise FormatError("shard.malformed")


def shard_from_code(code: bytes) -> Shard:
    """The inverse of `Shard.code`. Raises FormatError."""
    issuer = code[:MAX_ISSUER_BYTES].rstrip(b"\0").decode("latin-1")
    read = shard(issuer, int.from_bytes(code[16:20], "big"), int.from_bytes(code[20:24], "big"))
    if read.code != code:
        raise FormatError("shard.malformed")
    return read
