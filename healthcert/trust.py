"""Whom a verification may believe: the view it asks, and a static one built from a trust object.

Source: architecture §6 (trust object); hcert-spec §3.3.3 (every signer of a kid is tried).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from . import keys
from .errors import KeyMaterialError, TrustObjectError
from .limits import MAX_TRUST_KEYS
from .model import FORMATS
from .times import parse_instant

NO_KID = b""  # asks for every signer of the format
_VERSION_HEX = 16
_FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Signer:
    """A key allowed to sign certificates, with its limits. `usage` None: v, t and r; bounds inclusive."""

    kid: bytes
    public_key: keys.PublicKey
    country: str | None = None
    usage: frozenset[str] | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    formats: frozenset[str] = frozenset(FORMATS)
    issuer: str | None = None

    # Worked out once, because every check needs them.
    algorithm: int | None = field(init=False, compare=False)  # the COSE algorithm the key is fixed to
    first: float = field(init=False, compare=False)  # seconds since 1970, inclusive; infinite: unlimited
    last: float = field(init=False, compare=False)
    verifies: keys.Verifier = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__  # frozen: the one place these are written
        put(self, "algorithm", keys.algorithm_of(self.public_key))
        put(self, "first", self.not_before.timestamp() if self.not_before else -_FOREVER)
        put(self, "last", self.not_after.timestamp() if self.not_after else _FOREVER)
        put(self, "verifies", keys.verifier_of(self.public_key))


class TrustView(Protocol):
    """What `verify` asks of trust data, whatever brought them here."""

    @property
    def version(self) -> str:
        """Names this state of the trust data; reports carry it."""
        ...

    def signers(self, format: str, kid: bytes) -> tuple[Signer, ...]:
        """Every signer of `format` under `kid`; `NO_KID` means every signer of the format."""
        ...


class StaticTrust:
    """Trust data that do not change. `rejected` lists (index, reason) of keys that could not be used."""

    __slots__ = ("_by_kid", "rejected", "version")

    def __init__(
        self, signers: Sequence[Signer], version: str, rejected: Sequence[tuple[int, str]] = ()
    ) -> None:
        by_kid: dict[tuple[str, bytes], tuple[Signer, ...]] = {}
        every: dict[tuple[str, bytes], list[Signer]] = {}
        for signer in signers:
            for name in signer.formats:
                for kid in {signer.kid, NO_KID}:
                    every.setdefault((name, kid), []).append(signer)
        for slot, group in every.items():
            by_kid[slot] = tuple(group)
        self._by_kid = by_kid
        self.version = version
        self.rejected = tuple(rejected)

    def signers(self, format: str, kid: bytes) -> tuple[Signer, ...]:
        """Every signer of `format` under `kid`; empty when nobody is known."""
        return self._by_kid.get((format, kid), ())


def parse_trust_object(obj: Mapping[str, Any]) -> StaticTrust:
    """Trust from the JSON object of architecture §6; keys it cannot use land in `rejected`.

    Raises TrustObjectError when the object as a whole is not one.
    """
    entries = obj.get("keys") if isinstance(obj, Mapping) else ()
    if entries is None:  # a missing list is an empty one
        entries = []
    if not isinstance(entries, list) or len(entries) > MAX_TRUST_KEYS:
        raise TrustObjectError("a trust object holds a list of keys")
    signers: list[Signer] = []
    rejected: list[tuple[int, str]] = []
    for index, entry in enumerate(entries):
        try:
            signers.extend(_parse_signer(entry))
        except (KeyMaterialError, ValueError, TypeError, OverflowError) as fault:
            reason = str(fault) if isinstance(fault, KeyMaterialError) else "entry is malformed"
            rejected.append((index, reason))
    canonical = json.dumps(obj, sort_keys=True, separators=(",", ":"), default=str).encode()
    return StaticTrust(signers, hashlib.sha256(canonical).hexdigest()[:_VERSION_HEX], rejected)


def _parse_signer(entry: object) -> list[Signer]:
    if not isinstance(entry, Mapping):
        raise KeyMaterialError("entry is not an object")
    material = _material(entry)
    usage, formats, country = entry.get("usage"), entry.get("formats"), entry.get("country")
    not_before, not_after = entry.get("not_before"), entry.get("not_after")
    signer = Signer(
        kid=material.kid,
        public_key=material.public_key,
        country=country.upper() if isinstance(country, str) else material.country,
        usage=material.usage if usage is None else _words(usage),
        not_before=material.not_before if not_before is None else parse_instant(not_before),
        not_after=material.not_after if not_after is None else parse_instant(not_after),
        formats=frozenset(FORMATS) if formats is None else _words(formats),
        issuer=entry.get("issuer") if isinstance(entry.get("issuer"), str) else None,
    )
    return [replace(signer, kid=kid) for kid in _kids(entry.get("kid"), material.kid)]


def _material(entry: Mapping[str, Any]) -> keys.KeyMaterial:
    chain = entry.get("x5c")
    if isinstance(chain, str):
        chain = [chain]
    if chain:
        if not isinstance(chain, list):
            raise KeyMaterialError("x5c is a list of certificates")
        return keys.from_certificate(keys.decode_base64(chain[0]))
    if entry.get("spki"):
        return keys.from_spki(keys.decode_base64(entry["spki"]))
    jwk = entry.get("jwk")
    if isinstance(jwk, Mapping):
        return keys.from_jwk(jwk)
    raise KeyMaterialError("entry holds no key")


def _words(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise KeyMaterialError("a list of words was expected")
    return frozenset(value)


def _kids(given: object, computed: bytes) -> set[bytes]:
    """A given kid may be base64 or plain text and nothing tells which: both spellings find the key."""
    if given is None:
        return {computed}
    if not isinstance(given, str) or not given:
        raise KeyMaterialError("kid is text")
    found = {given.encode("utf-8", "surrogatepass")}
    with contextlib.suppress(KeyMaterialError):
        found.add(keys.decode_base64(given))
    found.discard(NO_KID)
    return found
