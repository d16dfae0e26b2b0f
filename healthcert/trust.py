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

from . import jwk, keys
from .errors import KeyMaterialError, TrustObjectError
from .limits import MAX_TRUST_KEYS
from .model import FORMATS, SHC
from .rid_list import RidList
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
    issuer: str | None = None  # the one `iss` it may sign for; None: not bound
    crl_version: int | None = None  # the counter its revocation list must have; None: none is announced

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


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate named as an anchor: what it signed is believed for `formats` of `country`.

    It need not be self-signed: being listed makes it an anchor. `country` as listed, 2 or 3 letters.
    """

    der: bytes
    country: str | None
    formats: frozenset[str]


class TrustView(Protocol):
    """What `verify` asks of trust data, whatever brought them here."""

    @property
    def version(self) -> str:
        """Names this state of the trust data; reports carry it."""
        ...

    def signers(self, format: str, kid: bytes) -> tuple[Signer, ...]:
        """Every signer of `format` under `kid`; `NO_KID` means every signer of the format."""
        ...

    def authorities(self, format: str) -> tuple[Authority, ...]:
        """The anchors of `format`."""
        ...

    def smart_crl(self, issuer: str, kid: str) -> Mapping[str, Any] | None:
        """The published revocation list of a SMART Health Card key; None: not checkable."""
        ...

    def x509_crls(self) -> tuple[bytes, ...]:
        """Every X.509 revocation list at hand, as DER; none: not checkable."""
        ...


class StaticTrust:
    """Trust data that do not change. `rejected` lists (index, reason) of keys that could not be used."""

    __slots__ = ("_authorities", "_by_kid", "_smart_crls", "_x509_crls", "rejected", "version")

    def __init__(
        self,
        signers: Sequence[Signer],
        version: str,
        rejected: Sequence[tuple[int, str]] = (),
        *,
        authorities: Sequence[Authority] = (),
        smart_crls: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
        x509_crls: Sequence[bytes] = (),
    ) -> None:
        by_kid: dict[tuple[str, bytes], list[Signer]] = {}
        for signer in signers:
            for name in signer.formats:
                for kid in {signer.kid, NO_KID}:
                    by_kid.setdefault((name, kid), []).append(signer)
        self._by_kid = {slot: tuple(group) for slot, group in by_kid.items()}
        self._authorities = tuple(authorities)
        self._smart_crls = {slot: RidList(published) for slot, published in (smart_crls or {}).items()}
        self._x509_crls = tuple(x509_crls)
        self.version = version
        self.rejected = tuple(rejected)

    def signers(self, format: str, kid: bytes) -> tuple[Signer, ...]:
        """Every signer of `format` under `kid`; empty when nobody is known."""
        return self._by_kid.get((format, kid), ())

    def authorities(self, format: str) -> tuple[Authority, ...]:
        """The anchors of `format`."""
        return tuple(authority for authority in self._authorities if format in authority.formats)

    def smart_crl(self, issuer: str, kid: str) -> Mapping[str, Any] | None:
        """The revocation list of a SMART Health Card key; None: not checkable."""
        return self._smart_crls.get((issuer, kid))

    def x509_crls(self) -> tuple[bytes, ...]:
        """Every X.509 revocation list at hand."""
        return self._x509_crls


def parse_trust_object(obj: Mapping[str, Any]) -> StaticTrust:
    """Trust from the JSON object of architecture §6; keys it cannot use land in `rejected`.

    Raises TrustObjectError when the object as a whole is not one.
    """
    if not isinstance(obj, Mapping):
        raise TrustObjectError("a trust object is a JSON object")
    lists = {name: _entries(obj, name) for name in ("keys", "authorities", "smart_crls", "x509_crls")}
    signers: list[Signer] = []
    rejected: list[tuple[int, str]] = []
    for index, entry in enumerate(lists["keys"]):
        try:
            signers.extend(_parse_signer(entry))
        except (KeyMaterialError, ValueError, TypeError, OverflowError) as fault:
            reason = str(fault) if isinstance(fault, KeyMaterialError) else "entry is malformed"
            rejected.append((index, reason))
    try:
        authorities = [_parse_authority(entry) for entry in lists["authorities"]]
        x509_crls = [keys.decode_base64(entry) for entry in lists["x509_crls"]]
    except KeyMaterialError as fault:
        raise TrustObjectError(str(fault)) from fault
    canonical = json.dumps(obj, sort_keys=True, separators=(",", ":"), default=str).encode()
    return StaticTrust(
        signers,
        hashlib.sha256(canonical).hexdigest()[:_VERSION_HEX],
        rejected,
        authorities=authorities,
        smart_crls=_smart_crls(lists["smart_crls"]),
        x509_crls=x509_crls,
    )


def _entries(obj: Mapping[str, Any], name: str) -> list[Any]:
    entries = obj.get(name)
    if entries is None:  # a missing list is an empty one
        return []
    if not isinstance(entries, list) or len(entries) > MAX_TRUST_KEYS:
        raise TrustObjectError(f"{name} is a list of at most {MAX_TRUST_KEYS} entries")
    return entries


def _parse_authority(entry: object) -> Authority:
    if not isinstance(entry, Mapping):
        raise KeyMaterialError("an authority is an object")
    chain, country, formats = entry.get("x5c"), entry.get("country"), entry.get("formats")
    first = chain[0] if isinstance(chain, list) and chain else chain
    return Authority(
        keys.decode_base64(first),
        country.upper() if isinstance(country, str) else None,
        frozenset(FORMATS) if formats is None else _words(formats),
    )


def _smart_crls(entries: list[Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """By (issuer, kid). Two lists for one key: neither is believed to be the newer one here."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise TrustObjectError("a revocation list is an object")
        issuer, kid = entry.get("iss"), entry.get("kid")
        if not isinstance(issuer, str) or not isinstance(kid, str) or (issuer, kid) in found:
            raise TrustObjectError("a revocation list names iss and kid, each pair once")
        found[issuer, kid] = entry
    return found


def _parse_signer(entry: object) -> list[Signer]:
    if not isinstance(entry, Mapping):
        raise KeyMaterialError("entry is not an object")
    material = _material(entry)
    usage, country = entry.get("usage"), entry.get("country")
    formats = frozenset(FORMATS) if entry.get("formats") is None else _words(entry["formats"])
    issuer = entry.get("issuer")
    if issuer is not None and not isinstance(issuer, str):  # dropped, it would bind the key to nobody
        raise KeyMaterialError("issuer is text")
    if SHC in formats and issuer is not None:
        for chain in (entry.get("x5c"), _jwk_of(entry).get("x5c")):
            if chain:
                jwk.check_certificate(chain, material.public_key, issuer)
    not_before, not_after = entry.get("not_before"), entry.get("not_after")
    signer = Signer(
        kid=material.kid,
        public_key=material.public_key,
        country=country.upper() if isinstance(country, str) else material.country,
        usage=material.usage if usage is None else _words(usage),
        not_before=material.not_before if not_before is None else parse_instant(not_before),
        not_after=material.not_after if not_after is None else parse_instant(not_after),
        formats=formats,
        issuer=issuer,
        crl_version=jwk.crl_version(entry.get("jwk")),
    )
    named = [replace(signer, kid=kid) for kid in _kids(entry.get("kid"), material.kid)]
    if entry.get("kid") is None and SHC in formats:
        name = jwk.thumbprint(material.public_key)
        if name is not None:
            named.append(replace(signer, kid=name.encode(), formats=frozenset({SHC})))
    return named


def _jwk_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    found = entry.get("jwk")
    return found if isinstance(found, Mapping) else {}


def _material(entry: Mapping[str, Any]) -> keys.KeyMaterial:
    jwk.check_members(_jwk_of(entry))
    chain = entry.get("x5c")
    if isinstance(chain, str):
        chain = [chain]
    if chain:
        if not isinstance(chain, list):
            raise KeyMaterialError("x5c is a list of certificates")
        return keys.from_certificate(keys.decode_base64(chain[0]))
    if entry.get("spki"):
        return keys.from_spki(keys.decode_base64(entry["spki"]))
    if isinstance(entry.get("jwk"), Mapping):
        return keys.from_jwk(entry["jwk"])
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
