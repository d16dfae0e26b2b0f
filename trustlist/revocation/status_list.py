"""A shard as a signed list that outsiders read with standard code.

Pinned: draft-ietf-oauth-status-list-17 in its CWT form: type "application/statuslist+cwt" under header 16,
claims 2 (sub, the list's address), 4 (exp), 6 (iat), 65534 (ttl, seconds), 65533 {bits, lst}; bits = 1, the
bits zlib-compressed, least significant first. Earlier drafts number the claims and name the type otherwise.
W3C's list has the opposite bit order and shares nothing with this. An export: no verifier of ours reads it.
"""

from __future__ import annotations

import zlib

import cbor2

from healthcert.issuing.signers import Signer

from .shard_id import Shard
from .shards import changed
from .state import State

TYPE = "application/statuslist+cwt"
CLAIM_STATUS = 65_535  # in the certificate: {"status_list": {"idx", "uri"}}
_CLAIM_LIST, _CLAIM_TTL = 65_533, 65_534
_SUB, _EXP, _IAT = 2, 4, 6
_ALG, _KID, _TYP = 1, 4, 16
_COSE_SIGN1 = 18


def status_list(bits: bytes) -> dict[str, int | bytes]:
    """The list inside the token."""
    return {"bits": 1, "lst": zlib.compress(bits, 9)}


def status_claim(uri: str, index: int) -> dict[str, dict[str, int | str]]:
    """What the certificate carries under CLAIM_STATUS."""
    return {"status_list": {"idx": index, "uri": uri}}


def token(bits: bytes, *, uri: str, issued_at: int, expires: int, ttl: int, signer: Signer) -> bytes:
    """The tagged COSE_Sign1; times in seconds since 1970."""
    claims = {
        _SUB: uri,
        _EXP: expires,
        _IAT: issued_at,
        _CLAIM_LIST: status_list(bits),
        _CLAIM_TTL: ttl,
    }
    protected = cbor2.dumps({_ALG: signer.alg, _TYP: TYPE}, canonical=True)
    payload = cbor2.dumps(claims, canonical=True)
    signature = signer.sign(cbor2.dumps(["Signature1", protected, b"", payload], canonical=True))
    tagged: bytes = cbor2.dumps(
        cbor2.CBORTag(_COSE_SIGN1, [protected, {_KID: signer.kid}, payload, signature]), canonical=True
    )
    return tagged


def shard_bits(state: State, shard: Shard) -> bytes:
    """All bits of an open shard at the state's epoch. Raises KeyError for any other."""
    if shard not in state.shards:
        raise KeyError(shard)
    return changed(state.base.own.bits_of(shard), state.bits.get(shard, {}))
