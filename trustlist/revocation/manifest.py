"""What a generation is: the hashes of its two files, and of the delta that makes it from the one before.

It is a signed target of the trust repository; whoever holds it knows every byte of the generation.
Canonical CBOR, a map: 0 version | 1 generation | 2 epoch | 3 horizon | 4 own (SHA-256, length)
| 5 foreign (SHA-256, length) | 6 fold delta (SHA-256, length), or null.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import cbor2

from healthcert.transport.cbor import CborError, Reader

from .errors import FormatError
from .limits import (
    FOREVER,
    KEY_BYTES,
    MAX_CLASSES,
    MAX_DELTA_BYTES,
    MAX_EPOCH,
    MAX_FOREIGN,
    MAX_MANIFEST_BYTES,
    MAX_SHARDS,
    SHARD_BITS,
)

VERSION = 1
_HASH = 32
# Header and directory or classes: below a megabyte each.
_MAX_OWN = (MAX_SHARDS << SHARD_BITS >> 3) + 2**20
_MAX_FOREIGN = MAX_FOREIGN * KEY_BYTES + MAX_CLASSES * 40 + 2**20


class Part(NamedTuple):
    """One file of a generation."""

    sha256: bytes
    length: int

    @classmethod
    def of(cls, data: bytes) -> Part:
        """Of content in memory."""
        return cls(hashlib.sha256(data).digest(), len(data))


class Manifest(NamedTuple):
    """`fold` is the delta from the generation before, as of `epoch`; None: there is none before."""

    generation: int
    epoch: int
    horizon: int
    own: Part
    foreign: Part
    fold: Part | None

    def encode(self) -> bytes:
        """The bytes that are signed."""
        parts = [None if part is None else list(part) for part in (self.own, self.foreign, self.fold)]
        rows = [VERSION, self.generation, self.epoch, self.horizon, *parts]
        data: bytes = cbor2.dumps(dict(enumerate(rows)), canonical=True)
        return data


def read_manifest(data: bytes) -> Manifest:
    """Parse a manifest. Raises FormatError."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise FormatError("manifest.limit")
    reader = Reader(data)
    try:
        wire = reader.item()
    except CborError as fault:
        raise FormatError("manifest.cbor") from fault
    if not isinstance(wire, dict) or set(wire) != set(range(7)) or wire[0] != VERSION:
        raise FormatError("manifest.shape")
    fold = None if wire[6] is None else _part(wire[6], MAX_DELTA_BYTES)
    read = Manifest(
        _number(wire[1], MAX_EPOCH),
        _number(wire[2], MAX_EPOCH),
        _number(wire[3], FOREVER),
        _part(wire[4], _MAX_OWN),
        _part(wire[5], _MAX_FOREIGN),
        fold,
    )
    if read.encode() != data:
        raise FormatError("manifest.not_canonical")
    return read


def _part(value: Any, top: int) -> Part:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], bytes):
        raise FormatError("manifest.shape")
    if len(value[0]) != _HASH:
        raise FormatError("manifest.shape")
    return Part(value[0], _number(value[1], top))


def _number(value: object, top: int) -> int:
    if type(value) is not int or not 0 <= value <= top:
        raise FormatError("manifest.number")
    return value
