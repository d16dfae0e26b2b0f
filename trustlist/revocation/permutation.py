"""The order in which a shard's indices are given out: a secret permutation of a counter.

Neighbouring certificates get unrelated indices, so an index does not tell when one was issued, and a counter
never gives the same index twice. A Feistel network over two halves of 10 bits; ten rounds as in FF1, since
halves this small need more than the classical four.
Source: Luby and Rackoff 1988; NIST SP 800-38G (round count); notes/revocation §3.1.
"""

from __future__ import annotations

import hashlib
from array import array

from .limits import SHARD_BITS

SIZE = 1 << SHARD_BITS
KEY_LENGTH = 32
_HALF = SHARD_BITS // 2
_MASK = (1 << _HALF) - 1
_ROUNDS = range(10)
_PERSON = b"revoke-index-1"


class IndexPermutation:
    """A bijection of 0 .. 2^20 - 1 under a 32-byte key that belongs to one shard only."""

    __slots__ = ("_rounds",)

    def __init__(self, key: bytes) -> None:
        """Raises ValueError unless the key has 32 bytes."""
        if len(key) != KEY_LENGTH:
            raise ValueError("a permutation key has 32 bytes")
        # 10 rounds of 1,024 values, 20 KB and a few ms once; each index then costs a microsecond.
        self._rounds = [
            array("H", (_round(key, number, half) for half in range(_MASK + 1))) for number in _ROUNDS
        ]

    def index(self, counter: int) -> int:
        """The index of the certificate numbered `counter` in its shard. Raises ValueError out of range."""
        left, right = self._halves(counter)
        for table in self._rounds:
            left, right = right, left ^ table[right]
        return left << _HALF | right

    def counter(self, index: int) -> int:
        """The inverse: which number got `index` (after a restore: where to go on). Raises ValueError."""
        left, right = self._halves(index)
        for table in reversed(self._rounds):
            left, right = right ^ table[left], left
        return left << _HALF | right

    @staticmethod
    def _halves(value: int) -> tuple[int, int]:
        if not 0 <= value < SIZE:
            raise ValueError("a shard holds 2^20 indices")
        return value >> _HALF, value & _MASK


def _round(key: bytes, number: int, half: int) -> int:
    keyed = hashlib.blake2b(bytes((number, half >> 8, half & 0xFF)), key=key, digest_size=2, person=_PERSON)
    return int.from_bytes(keyed.digest(), "big") & _MASK
