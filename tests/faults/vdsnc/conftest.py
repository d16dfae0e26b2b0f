"""A passport authority, its signers and its lists, each of which can be made wrong in one way."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from healthcert import der
from healthcert.spki import Domain
from healthcert.transport import jcs
from healthcert.trust import StaticTrust, parse_trust_object

SEAL_SIGNER, DOCUMENT_TYPES = "2.23.136.1.1.14.2", "2.23.136.1.1.6.2"
NOON = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
HALVES = {"ES256": (32, hashes.SHA256()), "ES384": (48, hashes.SHA384()), "ES512": (66, hashes.SHA512())}


def tlv(tag: int, *contents: bytes) -> bytes:
    """One DER element."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def integer(value: int) -> bytes:
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def document_types(*codes: str) -> bytes:
    return tlv(0x30, integer(0), tlv(0x31, *(tlv(0x13, code.encode()) for code in codes)))


def spki_of(key: Any) -> bytes:
    raw: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return raw


def spelled_out(key: Any, domain: Domain, *, base: bytes | None = None, cofactor: bool = True) -> bytes:
    """A SubjectPublicKeyInfo that spells `domain` out."""
    size = (domain.prime.bit_length() + 7) // 8
    x, y = domain.base_x.to_bytes(size, "big"), domain.base_y.to_bytes(size, "big")
    a, b = (value.to_bytes(size, "big") for value in (domain.a, domain.b))
    field = tlv(0x30, bytes.fromhex("06072a8648ce3d0101"), integer(domain.prime))
    curve = tlv(0x30, tlv(4, a), tlv(4, b))
    last = (integer(domain.cofactor),) if cofactor else ()
    point = tlv(4, b"\x04" + x + y if base is None else base)
    parameters = tlv(0x30, integer(1), field, curve, point, integer(domain.order), *last)
    algorithm = tlv(0x30, bytes.fromhex("06072a8648ce3d0201"), parameters)
    return tlv(0x30, algorithm, der.children(spki_of(key))[1])


def resigned(
    certificate: bytes, key: Any, *, algorithm: bytes | None = None, spki: bytes | None = None
) -> bytes:
    """The certificate with another algorithm identifier or key, signed anew by an EC key with SHA-256."""
    tbs, old_algorithm, _ = der.children(certificate)
    algorithm = algorithm or old_algorithm
    parts = der.children(tbs)  # version, serial, algorithm, issuer, validity, subject, key, extensions
    parts[2], parts[6] = algorithm, spki or parts[6]
    tbs = tlv(0x30, *parts)
    return tlv(0x30, tbs, algorithm, tlv(3, b"\0", key.sign(tbs, ec.ECDSA(hashes.SHA256()))))


@dataclass
class SealSigner:
    certificate: bytes
    key: Any

    def sign(self, data: Any, alg: str = "ES256") -> bytes:
        half, algorithm = HALVES[alg]
        r, s = decode_dss_signature(self.key.sign(jcs.canonical(data), ec.ECDSA(algorithm)))
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")

    def seal(self, data: Any, alg: str = "ES256", **sig: Any) -> dict[str, Any]:
        """The JSON of a code; members of `sig` may be replaced."""
        members = {"alg": alg, "cer": b64(self.certificate)}
        if "sigvl" not in sig:
            members["sigvl"] = b64(self.sign(data, alg))
        return {"data": data, "sig": members | sig}

    def text(self, data: Any = None, alg: str = "ES256", **sig: Any) -> str:
        return json.dumps(self.seal(usual_data() if data is None else data, alg, **sig))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


class PassportAuthority:
    """A CSCA."""

    def __init__(
        self, key: Any, country: str = "AU", *, algorithm: Any = None, pss: bool = False, **changes: Any
    ) -> None:
        self.key, self.country = key, country
        self.algorithm = algorithm or hashes.SHA256()
        self.pss = padding.PSS(padding.MGF1(self.algorithm), 32) if pss else None
        self.name = self._named(country, "Passport Authority")
        self.key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
        self.certificate = self._issue(self.name, key, 1, FIRST, LAST, self._own_extensions(**changes))

    @staticmethod
    def _named(country: str, common: str) -> x509.Name:
        parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, country)] if country else []
        return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    @staticmethod
    def _own_extensions(
        ca: bool = True, cert_sign: bool = True, crl_sign: bool = True, bare: bool = False
    ) -> Any:
        if bare:
            return []
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "encipher_only", "decipher_only"), False)  # fmt: skip
        return [
            (x509.BasicConstraints(ca, 0 if ca else None), True),
            (x509.KeyUsage(**usage, key_cert_sign=cert_sign, crl_sign=crl_sign), True),
        ]

    def _issue(
        self, subject: Any, key: Any, serial: int, first: Any, last: Any, extensions: Any, by: Any = None
    ) -> bytes:
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
            .serial_number(serial).not_valid_before(first).not_valid_after(last)
        )  # fmt: skip
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        signed = builder.sign(by or self.key, self.algorithm, rsa_padding=self.pss)
        return signed.public_bytes(Encoding.DER)

    def signer(
        self,
        *,
        key: Any = None,
        usage: Sequence[str] | None = (SEAL_SIGNER,),
        types: Sequence[str] | None = ("NV",),
        country: str | None = None,
        serial: int = 77,
        first: datetime = FIRST,
        last: datetime = LAST,
        signed_with: Any = None,
        more: Sequence[tuple[Any, bool]] = (),
    ) -> SealSigner:
        """A signer; `signed_with` another key makes it a forgery that names this authority all the same."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        extensions: list[tuple[Any, bool]] = [
            (x509.AuthorityKeyIdentifier(self.key_id, None, None), False),
            *more,
        ]
        if usage is not None:
            extensions.append((x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in usage]), True))
        if types is not None:
            oid = x509.ObjectIdentifier(DOCUMENT_TYPES)
            extensions.append((x509.UnrecognizedExtension(oid, document_types(*types)), False))
        subject = self._named(self.country if country is None else country, "Seal Signer")
        certificate = self._issue(subject, key, serial, first, last, extensions, signed_with)
        return SealSigner(certificate, key)

    def crl(
        self,
        *revoked: int,
        since: datetime = NOON - timedelta(days=3),
        until: datetime = NOON + timedelta(days=30),
        signed_with: Any = None,
        more: Sequence[tuple[Any, bool]] = (),
        entry: Sequence[tuple[Any, bool]] = (),
    ) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(since)
            .next_update(until)
        )
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(self.key_id, None, None), critical=False)
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        for serial in revoked:
            one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
            for extension, critical in entry:
                one = one.add_extension(extension, critical=critical)
            builder = builder.add_revoked_certificate(one.build())
        signed = builder.sign(signed_with or self.key, self.algorithm, rsa_padding=self.pss)
        return signed.public_bytes(Encoding.DER)

    def listed(self, **more: Any) -> dict[str, Any]:
        return {"x5c": [b64(self.certificate)], "country": "AUS", "formats": ["vds-nc"]} | more

    def trust(self, *crls: bytes, **more: Any) -> StaticTrust:
        listed = {"authorities": [self.listed()], "x509_crls": [b64(crl) for crl in crls]}
        return parse_trust_object(listed | more)


def usual_data(**message: Any) -> dict[str, Any]:
    dose = {"dvc": "2021-10-03", "seq": 2, "ctr": "AUS", "lot": "L1", "adm": "Clinic"}
    event = {"des": "XM68M6", "nam": "Moderna Spikevax", "dis": "RA01.0", "vd": [dose]}
    person = {"n": "NGUYEN  VAN AN", "dob": "1990-04-05", "sex": "M", "i": "C1234567"}
    usual = {"uvci": "U1", "pid": person, "ve": [event]}
    return {"hdr": {"t": "icao.vacc", "v": 1, "is": "AUS"}, "msg": usual | message}


def usual_test() -> dict[str, Any]:
    message = {
        "utci": "T1",
        "pid": {"n": "NGUYEN  VAN AN", "dob": "1990-04-05", "dt": "P", "dn": "C1234567"},
        "sp": {"spn": "Lab", "ctr": "AUS", "cd": {"p": "+61 2", "e": "a@example.org", "a": "1 Street"}},
        "dat": {"sc": "2022-01-14T08:00:00+11:00", "ri": "2022-01-14T20:00:00+11:00"},
        "tr": {"tc": "molecular(PCR)", "r": "negative", "m": "nasopharyngeal"},
    }
    return {"hdr": {"t": "icao.test", "v": 1, "is": "AUS"}, "msg": message}


class Pki:
    """The builders and the keys that take long to make."""

    SealSigner, PassportAuthority = SealSigner, PassportAuthority
    tlv, integer, b64 = staticmethod(tlv), staticmethod(integer), staticmethod(b64)
    spelled_out, resigned, spki_of = staticmethod(spelled_out), staticmethod(resigned), staticmethod(spki_of)
    usual_data, usual_test = staticmethod(usual_data), staticmethod(usual_test)
    noon = NOON

    def __init__(self) -> None:
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.ec_key = ec.generate_private_key(ec.SECP256R1())
        self.authority = PassportAuthority(self.ec_key)
        self.signer = self.authority.signer()


@pytest.fixture(scope="session")
def pki() -> Pki:
    return Pki()
