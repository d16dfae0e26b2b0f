"""What two states must agree on to be equal: how many entries there are, and the XOR of their SHA-256.

It changes entry by entry, in any order, and can be taken back: a whole month or expiry date leaves at once.
Not a defence by itself (XOR of hashes can be steered by who chooses the entries): it is signed with the delta
and finds mistakes, not attacks. Source: notes/revocation §3.3.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

_OWN, _SHARD, _FOREIGN = b"own\0", b"shard\0", b"foreign\0"
MIX_BYTES = 32


class Fingerprint(NamedTuple):
    """Of a set of entries; `size` of them, `mix` is the XOR of their hashes as a number."""

    size: int = 0
    mix: int = 0

    def add(self, entry: int) -> Fingerprint:
        """With one entry more."""
        return Fingerprint(self.size + 1, self.mix ^ entry)

    def drop(self, entry: int) -> Fingerprint:
        """With one entry less."""
        return Fingerprint(self.size - 1, self.mix ^ entry)

    def merge(self, other: Fingerprint) -> Fingerprint:
        """Of both sets together, which share nothing."""
        return Fingerprint(self.size + other.size, self.mix ^ other.mix)


def own_entry(shard_code: bytes, index: int) -> int:
    """The hash of one set bit."""
    return _hash(_OWN + shard_code + index.to_bytes(4, "big"))


def shard_entry(shard_code: bytes) -> int:
    """The hash of an open shard, so that an empty one counts too."""
    return _hash(_SHARD + shard_code)


def foreign_entry(key: bytes, day: int) -> int:
    """The hash of one foreign entry and the day it lasts until."""
    return _hash(_FOREIGN + key + day.to_bytes(4, "big"))


def _hash(entry: bytes) -> int:
    return int.from_bytes(hashlib.sha256(entry).digest(), "big")
