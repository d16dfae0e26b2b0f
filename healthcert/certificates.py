"""X.509 certificates and revocation lists, read tolerantly: the one module that does.

Certificates in the field break rules that touch neither key nor signature: an explicit cA=FALSE, an empty
extended-key-usage sequence, NULL parameters beside ecdsa-with-SHA384, a curve spelled out instead of named.
A strict parser would drop whole countries. So fields are read with asn1crypto, one by one, and only key and
signature go to `cryptography`. What is not tolerated: anything but DER, two extensions of one kind, a curve
that only resembles a known one.
Source: RFC 5280; RFC 4055 (PSS); RFC 5758 (ECDSA); ICAO Doc 9303-12 §7 (profiles, document type list).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from asn1crypto import algos, core, crl, x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from . import der
from .errors import KeyMaterialError
from .limits import MAX_CERTIFICATE_BYTES, MAX_CRL_BYTES, MAX_SALT_BYTES
from .spki import PublicKey, key_bits, load_public_key

SUBJECT_KEY_ID, KEY_USAGE, BASIC_CONSTRAINTS = "2.5.29.14", "2.5.29.15", "2.5.29.19"
AUTHORITY_KEY_ID, EXTENDED_USAGE = "2.5.29.35", "2.5.29.37"
DOCUMENT_TYPES = "2.23.136.1.1.6.2"
_DELTA_LIST = "2.5.29.27"
# Critical extensions we honour, or that bind neither signature nor purpose: names, policies, addresses.
_KNOWN = {SUBJECT_KEY_ID, KEY_USAGE, BASIC_CONSTRAINTS, AUTHORITY_KEY_ID, EXTENDED_USAGE, DOCUMENT_TYPES}
_KNOWN |= {"2.5.29.16", "2.5.29.17", "2.5.29.18", "2.5.29.31", "2.5.29.32"}
_KNOWN_IN_LIST = {AUTHORITY_KEY_ID, "2.5.29.18", "2.5.29.20"}
_COUNTRY_OID = b"\x06\x03\x55\x04\x06"
_REASON_OID, _REMOVED = b"\x06\x03\x55\x1d\x15", b"\x0a\x01\x08"
_IN_CERTIFICATE, _IN_LIST = 0xA3, 0xA0  # tags of the extensions
_KINDS = {"rsassa_pkcs1v15": "rsa", "rsassa_pss": "pss", "ecdsa": "ecdsa"}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_FAULTS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class Scheme(NamedTuple):
    """How something was signed. `kind`: "rsa" (PKCS#1 v1.5), "pss" or "ecdsa"; `salt` in bytes, for pss."""

    kind: str
    hash: str  # "sha256" | "sha384" | "sha512"
    salt: int = 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one certificate says. Equal when the bytes are. None: the certificate does not say.

    `tbs` is the signed part exactly as received; `scheme` is None when it is none of those we verify.
    An extension that is there and cannot be read never widens what the certificate may do.
    """

    der: bytes = field(repr=False)
    tbs: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    scheme: Scheme | None = field(compare=False)
    public_key: PublicKey = field(compare=False, repr=False)
    key_id: bytes = field(
        compare=False
    )  # SHA-1 of the key bits: RFC 5280 §4.2.1.2 (1), for those without one
    serial: int = field(compare=False)
    subject: bytes = field(compare=False, repr=False)  # name, DER
    issuer: bytes = field(compare=False, repr=False)
    country: str | None = field(compare=False)  # two letters, of the subject, else of the issuer
    not_before: datetime | None = field(compare=False)  # aware
    not_after: datetime | None = field(compare=False)
    subject_key_id: bytes | None = field(compare=False)
    authority_key_id: bytes | None = field(compare=False)
    extended_usage: frozenset[str] | None = field(compare=False)  # dotted OIDs; may be empty
    document_types: frozenset[str] | None = field(compare=False)
    is_ca: bool | None = field(compare=False)
    path_length: int | None = field(compare=False)
    key_cert_sign: bool | None = field(compare=False)
    crl_sign: bool | None = field(compare=False)
    digital_signature: bool | None = field(compare=False)
    unread_critical: frozenset[str] = field(compare=False)

    @property
    def may_sign_certificates(self) -> bool:
        """Whether nothing in it forbids that."""
        return self.is_ca is not False and self.key_cert_sign is not False

    @property
    def key_ids(self) -> frozenset[bytes]:
        """The names others may know its key by."""
        return frozenset(name for name in (self.subject_key_id, self.key_id) if name)


@dataclass(frozen=True, slots=True)
class Crl:
    """A complete revocation list of one authority. `revoked` holds serial numbers; times are aware."""

    der: bytes = field(repr=False)
    tbs: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    scheme: Scheme | None = field(compare=False)
    issuer: bytes = field(compare=False, repr=False)  # name, DER
    authority_key_id: bytes | None = field(compare=False)
    this_update: datetime = field(compare=False)
    next_update: datetime | None = field(compare=False)
    revoked: frozenset[int] = field(compare=False, repr=False)


def parse_certificate(data: bytes) -> Certificate:
    """The certificate in `data`: one, in DER, with nothing behind it. Raises KeyMaterialError."""
    tbs = _signed_part(data, MAX_CERTIFICATE_BYTES, "certificate")
    try:
        whole = x509.Certificate.load(data, strict=True)
        body = whole["tbs_certificate"]
        extensions = _extensions(tbs, _IN_CERTIFICATE)
        spki = body["subject_public_key_info"].dump()
        names = {name: body[name].dump() for name in ("subject", "issuer")}
        constraints = _constraints(extensions)
        key_usage = _read(extensions, KEY_USAGE, x509.KeyUsage, frozenset())
        usage = extensions.get(EXTENDED_USAGE)
        return Certificate(
            der=data,
            tbs=tbs,
            signature=whole["signature_value"].native,
            scheme=_scheme(whole["signature_algorithm"], body["signature"]),
            public_key=load_public_key(spki),
            key_id=hashlib.sha1(key_bits(spki), usedforsecurity=False).digest(),
            serial=body["serial_number"].native,
            subject=names["subject"],
            issuer=names["issuer"],
            country=_country(names["subject"], names["issuer"]),
            not_before=_bound(body["validity"], "not_before"),
            not_after=_bound(body["validity"], "not_after"),
            subject_key_id=_read(extensions, SUBJECT_KEY_ID, core.OctetString, None),
            authority_key_id=_authority_key_id(extensions),
            extended_usage=None if usage is None else _oids(usage[1]),
            document_types=_document_types(extensions),
            is_ca=None if constraints is None else constraints["ca"],
            path_length=None if constraints is None else constraints["path_len_constraint"],
            key_cert_sign=None if key_usage is None else "key_cert_sign" in key_usage,
            crl_sign=None if key_usage is None else "crl_sign" in key_usage,
            digital_signature=None if key_usage is None else "digital_signature" in key_usage,
            unread_critical=frozenset(oid for oid, (critical, _) in extensions.items() if critical) - _KNOWN,
        )
    except _FAULTS as fault:
        raise KeyMaterialError("certificate is not readable") from fault


def parse_crl(data: bytes) -> Crl:
    """The revocation list in `data`. Raises KeyMaterialError, also for one that is not complete by itself.

    Not complete: a delta list, a list of part of the certificates, or one that speaks for other issuers.
    Such lists carry critical extensions, and a list with one we do not know must not be used (RFC 5280 §5.2).
    """
    tbs = _signed_part(data, MAX_CRL_BYTES, "revocation list")
    try:
        whole = crl.CertificateList.load(data, strict=True)
        body = whole["tbs_cert_list"]
        extensions = _extensions(tbs, _IN_LIST)
        critical = {oid for oid, (is_critical, _) in extensions.items() if is_critical}
        if critical - _KNOWN_IN_LIST or _DELTA_LIST in extensions:
            raise KeyMaterialError("revocation list is not complete by itself")
        entries = body["revoked_certificates"]
        return Crl(
            der=data,
            tbs=tbs,
            signature=whole["signature"].native,
            scheme=_scheme(whole["signature_algorithm"], body["signature"]),
            issuer=body["issuer"].dump(),
            authority_key_id=_authority_key_id(extensions),
            this_update=body["this_update"].native.astimezone(UTC),
            next_update=_bound(body, "next_update"),
            revoked=frozenset() if isinstance(entries, core.Void) else frozenset(_revoked(entries.dump())),
        )
    except _FAULTS as fault:
        raise KeyMaterialError("revocation list is not readable") from fault


def is_signed_by(child: Certificate | Crl, public_key: PublicKey) -> bool:
    """Whether `public_key` made the signature over `child`; never an error."""
    scheme = child.scheme
    if scheme is None or (scheme.kind == "ecdsa") is not isinstance(public_key, ec.EllipticCurvePublicKey):
        return False
    algorithm = _HASHES[scheme.hash]
    try:
        if isinstance(public_key, ec.EllipticCurvePublicKey):
            public_key.verify(child.signature, child.tbs, ec.ECDSA(algorithm))
        elif not isinstance(public_key, rsa.RSAPublicKey):  # Ed25519 signs no certificate here
            return False
        elif scheme.kind == "pss":
            pss = padding.PSS(padding.MGF1(algorithm), scheme.salt)
            public_key.verify(child.signature, child.tbs, pss, algorithm)
        else:
            public_key.verify(child.signature, child.tbs, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, OverflowError):
        return False
    return True


def _signed_part(data: bytes, limit: int, what: str) -> bytes:
    """The first of the three parts, byte for byte, once the whole is known to be DER."""
    if len(data) > limit:
        raise KeyMaterialError(f"{what} is too large")
    try:
        der.check(data)
        first, _, _ = der.children(data)
    except ValueError as fault:
        raise KeyMaterialError(f"{what} is not readable") from fault
    return first


def _scheme(outer: algos.SignedDigestAlgorithm, inner: algos.SignedDigestAlgorithm) -> Scheme | None:
    """None: an algorithm we do not verify, or two that contradict each other. NULL parameters are ignored."""
    if outer["algorithm"].dotted != inner["algorithm"].dotted:
        return None
    try:
        kind = _KINDS.get(outer.signature_algo)
        if kind is None:
            return None
        if kind != "pss":
            return Scheme(kind, outer.hash_algo) if outer.hash_algo in _HASHES else None
        given = outer["parameters"]
        digest = given["hash_algorithm"]["algorithm"].native
        mask = given["mask_gen_algorithm"]["parameters"]["algorithm"].native
        if (
            digest not in _HASHES
            or mask != digest
            or given["trailer_field"].native not in (1, "trailer_field_bc")
        ):
            return None
        salt = given["salt_length"].native
        return Scheme(kind, digest, salt) if 0 <= salt <= MAX_SALT_BYTES else None
    except _FAULTS:
        return None


def _extensions(tbs: bytes, tag: int) -> dict[str, tuple[bool, bytes]]:
    """By dotted OID: (critical, content). Raises ValueError when one stands there twice.

    By hand, because asn1crypto reads the content of those it knows at once, and gives all up for one.
    """
    found: dict[str, tuple[bool, bytes]] = {}
    blocks = [part for part in der.children(tbs) if part[0] == tag]
    for extension in der.children(der.content(blocks[0])) if blocks else ():
        name, *mark, value = der.children(extension)
        oid = core.ObjectIdentifier.load(name, strict=True).dotted
        if oid in found or len(mark) > 1:
            raise ValueError("extension is malformed or stands twice")
        found[oid] = (_is_true(mark), der.content(value))
    return found


def _is_true(mark: list[bytes]) -> bool:
    """Whether there is a BOOLEAN and it is not FALSE: BER knows more than one TRUE."""
    return bool(mark) and der.content(mark[0]) != b"\0"


def _read(extensions: dict[str, tuple[bool, bytes]], oid: str, kind: Any, unreadable: Any) -> Any:
    if oid not in extensions:
        return None
    try:
        return kind.load(extensions[oid][1], strict=True).native
    except _FAULTS:
        return unreadable


def _constraints(extensions: dict[str, tuple[bool, bytes]]) -> dict[str, Any] | None:
    unreadable = {"ca": False, "path_len_constraint": None}
    found: dict[str, Any] | None = _read(extensions, BASIC_CONSTRAINTS, x509.BasicConstraints, unreadable)
    return found


def _authority_key_id(extensions: dict[str, tuple[bool, bytes]]) -> bytes | None:
    found = _read(extensions, AUTHORITY_KEY_ID, x509.AuthorityKeyIdentifier, None)
    return None if found is None else found["key_identifier"]


def _oids(data: bytes) -> frozenset[str]:
    return frozenset(purpose.dotted for purpose in x509.ExtKeyUsageSyntax.load(data, strict=True))


def _document_types(extensions: dict[str, tuple[bool, bytes]]) -> frozenset[str] | None:
    """SEQUENCE { version INTEGER, docTypeList SET OF PrintableString }; unreadable: none of them."""
    if DOCUMENT_TYPES not in extensions:
        return None
    try:
        _, listed = der.children(extensions[DOCUMENT_TYPES][1])
        return frozenset(der.content(code).decode("ascii") for code in der.children(listed))
    except ValueError:
        return frozenset()


def _revoked(entries: bytes) -> Iterator[int]:
    """Serial numbers of the entries: serial, time, extensions. Raises ValueError on what changes their sense.

    By hand, because a list may hold tens of thousands.
    """
    for entry in der.children(entries):
        serial, _, *more = der.children(entry)
        removed = False
        for extension in der.children(more[0]) if more else ():
            oid, *mark, value = der.children(extension)
            if oid == _REASON_OID:
                removed = der.content(value) == _REMOVED
            elif _is_true(mark):
                raise ValueError("entry has a critical extension")
        if not removed:
            yield int.from_bytes(der.content(serial), "big", signed=True)


def _country(*names: bytes) -> str | None:
    """The two letters of the first name that has just one countryName; by hand: whole names cost more."""
    for name in names:
        parts = (der.children(part) for group in der.children(name) for part in der.children(group))
        found = [der.content(value) for oid, value in parts if oid == _COUNTRY_OID]
        if len(found) == 1 and len(found[0]) == 2 and found[0].isalpha():
            return found[0].decode("ascii").upper()
    return None


def _bound(body: Any, name: str) -> datetime | None:
    try:
        value = body[name].native
    except (ValueError, TypeError, OverflowError):
        return None
    return value.astimezone(UTC) if isinstance(value, datetime) else None
