"""Whom a verification may believe: the view it asks, and a static one built from a trust object.

Source: architecture §6 (trust object); hcert-spec §3.3.3 (every signer of a kid is tried).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from . import jwk, keys
from .anchors import AnchorIndex, Authority, CrlIndex, RevocationLists, Vouching
from .certificates import Certificate, Crl, parse_certificate, parse_crl
from .errors import KeyMaterialError, TrustObjectError
from .limits import MAX_CRL_CHARS, MAX_TRUST_KEYS
from .model import EU_DCC, FORMATS, SHC, VDS_NC, WHO_DDCC
from .revocation import HashedRevocations, RevocationBatches
from .rid_list import RidList
from .spki import PublicKey
from .times import parse_instant

NO_KID = b""  # asks for every signer of the format
# What an entry that names no format is for: keys of the HCERT carrier are published one by one, and nobody
# who lists one of them means to believe every format with it.
DEFAULT_FORMATS = frozenset((EU_DCC, WHO_DDCC))
_VERSION_HEX = 16
_FOREVER = float("inf")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Signer:
    """A key allowed to sign certificates, with its limits. `usage` None: v, t and r; bounds inclusive."""

    kid: bytes
    public_key: PublicKey
    country: str | None = None
    usage: frozenset[str] | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    formats: frozenset[str] = DEFAULT_FORMATS
    issuer: str | None = None  # the one `iss` it may sign for; None: not bound
    crl_version: int | None = None  # the counter its revocation list must have; None: none is announced
    certificate: Certificate | None = field(default=None, repr=False)  # where the key was listed with one
    aliases: frozenset[bytes] = frozenset()  # the other kids its key is listed under or computed to have

    # Worked out once, because every check needs them.
    algorithm: int | None = field(init=False, compare=False)  # the COSE algorithm the key is fixed to
    first: float = field(init=False, compare=False)  # seconds since 1970, inclusive; infinite: unlimited
    last: float = field(init=False, compare=False)
    verifies: keys.Verifier = field(init=False, compare=False, repr=False)

    @property
    def kids(self) -> frozenset[bytes]:
        """Every kid a revocation list may know it by."""
        return self.aliases | {self.kid}

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

    def authorities(self, format: str) -> tuple[Authority, ...]:
        """The anchors of `format`."""
        ...

    def smart_crl(self, issuer: str, kid: str) -> Mapping[str, Any] | None:
        """The published revocation list of a SMART Health Card key; None: not checkable."""
        ...

    def x509_crls(self) -> tuple[Crl, ...]:
        """Every X.509 revocation list at hand; none: not checkable."""
        ...

    def issuers_of(self, format: str, certificate: Certificate) -> tuple[Authority, ...]:
        """The anchors of `format` that `certificate` names as its issuer, whether they signed it or not."""
        ...

    def crls_of(self, anchor: Certificate) -> RevocationLists:
        """The revocation lists of an anchor."""
        ...

    @property
    def dcc_revocations(self) -> HashedRevocations | None:
        """The hashed revocations of EU certificates; None: not checkable."""
        ...


class StaticTrust:
    """Trust data that do not change.

    `rejected`, `rejected_authorities` and `rejected_crls` list (index, reason) of the entries of a trust
    object that could not be used; the rest is used all the same.
    """

    __slots__ = (
        "_anchors",
        "_authorities",
        "_by_kid",
        "_crl_index",
        "_smart_crls",
        "_x509_crls",
        "dcc_revocations",
        "rejected",
        "rejected_authorities",
        "rejected_crls",
        "version",
    )

    def __init__(
        self,
        signers: Sequence[Signer],
        version: str,
        rejected: Sequence[tuple[int, str]] = (),
        *,
        authorities: Sequence[Authority] = (),
        smart_crls: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
        x509_crls: Sequence[Crl] = (),
        rejected_authorities: Sequence[tuple[int, str]] = (),
        rejected_crls: Sequence[tuple[int, str]] = (),
        dcc_revocations: HashedRevocations | None = None,
    ) -> None:
        by_kid: dict[tuple[str, bytes], list[Signer]] = {}
        for signer in signers if dcc_revocations is None else _with_aliases(signers):
            for name in signer.formats:
                kids = {signer.kid, NO_KID}
                if name == VDS_NC:  # its codes bring the whole key: a listed one is found by the key itself
                    kids.add(keys.name_of(signer.public_key))
                for kid in kids:
                    by_kid.setdefault((name, kid), []).append(signer)
        self._by_kid = {slot: tuple(group) for slot, group in by_kid.items()}
        self._authorities = {
            name: tuple(authority for authority in authorities if name in authority.formats)
            for name in FORMATS
        }
        self._anchors = {name: AnchorIndex(listed) for name, listed in self._authorities.items()}
        self.dcc_revocations = dcc_revocations
        self._smart_crls = {slot: RidList(published) for slot, published in (smart_crls or {}).items()}
        self._x509_crls = tuple(x509_crls)
        self._crl_index = CrlIndex(self._x509_crls, authorities)
        self.version = version
        self.rejected = tuple(rejected)
        self.rejected_authorities = tuple(rejected_authorities)
        self.rejected_crls = tuple(rejected_crls)

    def signers(self, format: str, kid: bytes) -> tuple[Signer, ...]:
        """Every signer of `format` under `kid`; empty when nobody is known."""
        return self._by_kid.get((format, kid), ())

    def authorities(self, format: str) -> tuple[Authority, ...]:
        """The anchors of `format`."""
        return self._authorities.get(format, ())

    def smart_crl(self, issuer: str, kid: str) -> Mapping[str, Any] | None:
        """The revocation list of a SMART Health Card key; None: not checkable."""
        return self._smart_crls.get((issuer, kid))

    def x509_crls(self) -> tuple[Crl, ...]:
        """Every X.509 revocation list at hand."""
        return self._x509_crls

    def issuers_of(self, format: str, certificate: Certificate) -> tuple[Authority, ...]:
        """The anchors of `format` that `certificate` names as its issuer, whether they signed it or not."""
        index = self._anchors.get(format)
        return () if index is None else index.named_by(certificate)

    def crls_of(self, anchor: Certificate) -> RevocationLists:
        """The revocation lists of an anchor."""
        return self._crl_index.of(anchor)


def parse_trust_object(obj: Mapping[str, Any]) -> StaticTrust:
    """Trust from the JSON object of architecture §6; entries it cannot use land in `rejected` and its kin.

    A key that brings its certificate, for a format and country that have authorities here, is used only if
    one of these signed it (`anchors.Vouching`). A bare key has nothing to check and is used as listed.
    A key or authority without `formats` is for DEFAULT_FORMATS alone.
    Raises TrustObjectError when the object as a whole is not one.
    """
    if not isinstance(obj, Mapping):
        raise TrustObjectError("a trust object is a JSON object")
    lists = {name: _entries(obj, name) for name in ("keys", "authorities", "smart_crls", "x509_crls")}
    authorities, rejected_authorities = _each(lists["authorities"], _parse_authority)
    crls, rejected_crls = _each(lists["x509_crls"], _parse_crl)
    # an authority that cannot be read vouches for nobody, and its country still has one
    claims = [claim for entry in lists["authorities"] if (claim := _claim(entry)) is not None]
    vouching = Vouching(authorities, claims)

    def parse(entry: object) -> list[Signer]:
        signers = _parse_signer(entry)
        for signer in signers:
            vouching.check(signer.certificate, signer.country, signer.formats)
        return signers

    signers, rejected = _each(lists["keys"], parse)
    batches = _entries(obj, "dcc_revocations")
    canonical = json.dumps(obj, sort_keys=True, separators=(",", ":"), default=str).encode()
    return StaticTrust(
        [signer for group in signers for signer in group],
        hashlib.sha256(canonical).hexdigest()[:_VERSION_HEX],
        rejected,
        authorities=authorities,
        smart_crls=_smart_crls(lists["smart_crls"]),
        x509_crls=crls,
        rejected_authorities=rejected_authorities,
        rejected_crls=rejected_crls,
        # a name beyond architecture §6: gateway batches; absent means not checkable, not "nothing revoked"
        dcc_revocations=None if obj.get("dcc_revocations") is None else RevocationBatches(batches),
    )


def _with_aliases(signers: Sequence[Signer]) -> Iterator[Signer]:
    """Each with the kids of every listing of its key: a holder must not choose the one not revoked."""
    kids: dict[bytes, set[bytes]] = {}
    named = [(keys.name_of(signer.public_key), signer) for signer in signers]
    for name, signer in named:
        kids.setdefault(name, set()).update(signer.kids)
    for name, signer in named:
        yield replace(signer, aliases=frozenset(kids[name] - {NO_KID}))


def _each(entries: list[Any], parse: Callable[[object], _T]) -> tuple[list[_T], list[tuple[int, str]]]:
    """What can be read, and (index, reason) of what cannot."""
    found: list[_T] = []
    rejected: list[tuple[int, str]] = []
    for index, entry in enumerate(entries):
        try:
            found.append(parse(entry))
        except (KeyMaterialError, ValueError, TypeError, OverflowError) as fault:
            reason = str(fault) if isinstance(fault, KeyMaterialError) else "entry is malformed"
            rejected.append((index, reason))
    return found, rejected


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
    certificate = parse_certificate(keys.decode_base64(first))
    return Authority(
        certificate,
        country.upper() if isinstance(country, str) else certificate.country,
        DEFAULT_FORMATS if formats is None else _words(formats),
    )


def _parse_crl(entry: object) -> Crl:
    return parse_crl(keys.decode_base64(entry, MAX_CRL_CHARS))


def _claim(entry: object) -> tuple[str, frozenset[str]] | None:
    """(country, formats) an authority is listed for, whether it can be read or not."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("country"), str):
        return None
    try:
        formats = DEFAULT_FORMATS if entry.get("formats") is None else _words(entry["formats"])
    except KeyMaterialError:
        formats = frozenset(FORMATS)
    return entry["country"].upper(), formats


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
    formats = DEFAULT_FORMATS if entry.get("formats") is None else _words(entry["formats"])
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
        usage=_narrowed(material.usage, None if usage is None else _words(usage)),
        not_before=_bound(max, material.not_before, not_before),
        not_after=_bound(min, material.not_after, not_after),
        formats=formats,
        issuer=issuer,
        crl_version=jwk.crl_version(entry.get("jwk")),
        certificate=material.certificate,
        aliases=frozenset((material.kid,)),
    )
    named = [replace(signer, kid=kid) for kid in _kids(entry.get("kid"), material.kid)]
    if entry.get("kid") is None and SHC in formats:
        name = jwk.thumbprint(material.public_key)
        if name is not None:
            named.append(replace(signer, kid=name.encode(), formats=frozenset({SHC})))
    return named


def _narrowed(own: frozenset[str] | None, told: frozenset[str] | None) -> frozenset[str] | None:
    """The kinds both the certificate and the entry allow; None: any."""
    return own if told is None else told if own is None else own & told


def _bound(
    narrower: Callable[[datetime, datetime], datetime], own: datetime | None, told: object
) -> datetime | None:
    """The narrower of what the certificate and the entry say: an entry lengthens no certificate's life."""
    if told is None:
        return own
    listed = parse_instant(told)
    return listed if own is None else narrower(own, listed)


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
