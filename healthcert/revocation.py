"""Revocation of EU certificates by hash: what is hashed, and a list built from gateway batches.

Of an ES256 signature only r is hashed: (r, n - s) verifies as well, so a hash of the whole would miss a copy
whose s was turned over. A list is scoped by the signer's kid, or by its country where a batch does not know
the kid: one country cannot revoke another's certificates. Both scopes come from whose signature held, never
from the kid in the code: that one need not be signed, so the holder may delete or respell it.
Source: EU gateway RevocationBatchDto and the reference verifier; notes/certificates-eu-dcc §3.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from . import keys
from .errors import TrustObjectError
from .limits import MAX_REVOCATION_BATCH, MAX_REVOCATION_BATCHES
from .model import Envelope
from .rules.countries import alpha_2
from .times import parse_instant
from .verdict import Check, Stage, Status

# What every format says where there is no list to ask.
NOT_CHECKABLE = Check(Stage.REVOCATION, Status.NOT_RUN, ("revocation.not_checkable",))
HASH_BYTES = 16
UNKNOWN_KID = "UNKNOWN_KID"
_P256_HALF = 32
_FOREVER = float("inf")
_PASS = Check(Stage.REVOCATION, Status.PASS)
_REVOKED = Check(Stage.REVOCATION, Status.FAIL, ("revocation.revoked",))
_NO_SCOPE = Check(Stage.REVOCATION, Status.UNKNOWN, ("revocation.scope_unknown",))


class HashType(StrEnum):
    """What a batch hashes."""

    SIGNATURE = "SIGNATURE"
    UCI = "UCI"
    COUNTRYCODEUCI = "COUNTRYCODEUCI"


class HashedRevocations(Protocol):
    """What the check asks of a list, whatever store it lives in."""

    def is_listed(self, scope: bytes, kind: HashType, digest: bytes, instant: float) -> bool:
        """Whether the 16-byte `digest` is revoked at `instant` (s since 1970) under `scope`.

        `scope` is a kid, or the two letters of a country for batches that know no kid.
        """
        ...


def digests(envelope: Envelope, dcc: Mapping[str, Any]) -> Iterator[tuple[HashType, bytes]]:
    """Every hash a batch may name for this certificate: its signature, and each entry's identifiers."""
    signature = envelope.signature
    yield HashType.SIGNATURE, _digest(signature[:_P256_HALF] if envelope.alg == keys.ES256 else signature)
    for group in ("v", "t", "r"):
        entries = dcc.get(group)
        for entry in entries if isinstance(entries, list) else ():
            identifier = entry.get("ci") if isinstance(entry, Mapping) else None
            if not isinstance(identifier, str):
                continue
            country = entry.get("co")
            yield HashType.UCI, _digest(identifier.encode("utf-8", "surrogatepass"))
            both = (country if isinstance(country, str) else "") + identifier
            yield HashType.COUNTRYCODEUCI, _digest(both.encode("utf-8", "surrogatepass"))


def check_hashes(
    envelope: Envelope,
    dcc: Mapping[str, Any],
    kids: Collection[bytes],
    countries: Collection[str],
    revocations: HashedRevocations,
    instant: float,
) -> Check:
    """Refused if any hash is listed under one of the `kids` or `countries` of those whose signature held.

    Without a kid or without a country half of the lists cannot be asked: then nothing is cleared.
    """
    scopes = {*kids, *(country_scope(country) for country in countries)}
    for kind, digest in digests(envelope, dcc):
        if any(revocations.is_listed(scope, kind, digest, instant) for scope in scopes):
            return _REVOKED
    return _PASS if kids and countries else _NO_SCOPE


def country_scope(country: str) -> bytes:
    """The scope of a country told in two or three letters."""
    told = country.strip().upper()
    return (alpha_2(told) or told).encode("utf-8", "surrogatepass")


class RevocationBatches:
    """A list in memory, from batches as the EU gateway hands them out."""

    __slots__ = ("_ends",)

    def __init__(self, batches: Iterable[Mapping[str, Any]]) -> None:
        self._ends: dict[tuple[bytes, HashType, bytes], float] = {}
        for number, batch in enumerate(batches):
            if number == MAX_REVOCATION_BATCHES:
                raise TrustObjectError("too many revocation batches")
            try:
                self._add(batch)
            except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, OverflowError) as fault:
                raise TrustObjectError("a revocation batch is malformed") from fault

    def __len__(self) -> int:
        return len(self._ends)

    def _add(self, batch: Mapping[str, Any]) -> None:
        kid, entries = batch["kid"], batch["entries"]
        if not isinstance(entries, list) or len(entries) > MAX_REVOCATION_BATCH:
            raise ValueError("entries")
        by_country = kid == UNKNOWN_KID
        scope = country_scope(batch["country"]) if by_country else base64.b64decode(kid, validate=True)
        kind = HashType(batch["hashType"])
        told = batch.get("expires")
        ends = _FOREVER if told is None else parse_instant(told).timestamp()
        for entry in entries:
            digest = base64.b64decode(entry["hash"], validate=True)
            if len(digest) != HASH_BYTES:
                raise ValueError("hash")
            slot = (scope, kind, digest)
            self._ends[slot] = max(ends, self._ends.get(slot, ends))

    def is_listed(self, scope: bytes, kind: HashType, digest: bytes, instant: float) -> bool:
        """As the protocol says; a batch that has expired revokes nothing."""
        ends = self._ends.get((scope, kind, digest))
        return ends is not None and instant <= ends


def batch_of(
    kind: HashType, found: Iterable[bytes], *, kid: bytes, country: str, expires: datetime
) -> dict[str, Any]:
    """A gateway batch of 16-byte digests, as `RevocationBatches` reads it."""
    return {
        "country": country,
        "expires": expires.isoformat(),
        "kid": base64.b64encode(kid).decode(),
        "hashType": kind.value,
        "entries": [{"hash": base64.b64encode(digest).decode()} for digest in found],
    }


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:HASH_BYTES]
