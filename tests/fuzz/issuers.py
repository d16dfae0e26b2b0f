"""Keys that really sign what the fuzzers think up: the same in every process, so that a corpus stays good."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from datetime import UTC, datetime
from functools import cache

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from healthcert.errors import DecodeError
from healthcert.formats.divoc import envelope, proof
from healthcert.transport import base45, jcs, strict_json

KID = b"fuzzing!"
KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
SPKI = base64.b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED_SPKI = base64.b64encode(
    ED_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
DID = "did:example:fuzz"
SEAL_SIGNER = ObjectIdentifier("2.23.136.1.1.14.2")


def sign(data: bytes) -> bytes:
    """ES256 by KEY, r || s."""
    r, s = decode_dss_signature(KEY.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def url64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hcert(payload: bytes) -> str:
    """An HC1 text around a payload that KEY signed."""
    protected = cbor2.dumps({1: -7, 4: KID})
    signature = sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    message = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))
    return "HC1:" + base45.encode(zlib.compress(message))


def card(payload: bytes) -> str:
    """A SMART Health Card around a payload that KEY signed."""
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(payload) + packer.flush()
    header = json.dumps({"alg": "ES256", "zip": "DEF", "kid": KID.decode()}).encode()
    signed = f"{url64(header)}.{url64(body)}"
    return digits(f"{signed}.{url64(sign(signed.encode()))}")


def digits(text: str) -> str:
    """A JWS text as the digits of a code."""
    return "shc:/" + "".join(f"{ord(character) - 45:02d}" for character in text)


@cache
def authority() -> bytes:
    """The DER of a passport authority, KEY's own."""
    return _certificate("Authority", None)


@cache
def _seal_signer() -> str:
    usage = x509.ExtendedKeyUsage([SEAL_SIGNER])
    return url64(_certificate("Signer", usage))


def _certificate(name: str, usage: x509.ExtendedKeyUsage | None) -> bytes:
    def named(common: str) -> x509.Name:
        country = x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")
        return x509.Name([country, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    public = KEY.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("Authority"))
        .public_key(public)
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2031, 1, 1, tzinfo=UTC))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


def seal(data: bytes) -> str:
    """A VDS-NC code around `data` as JSON text; signed in canonical form where it has one."""
    text = data.decode("utf-8", "replace")
    try:
        signed = jcs.canonical(strict_json.loads(text))
    except (strict_json.JsonError, jcs.CanonicalError):
        signed = data
    return (
        f'{{"data":{text},"sig":{{"alg":"ES256","cer":"{_seal_signer()}","sigvl":"{url64(sign(signed))}"}}}}'
    )


def zipped(data: bytes) -> str:
    """The text of a code that carries `data` as its zip's one member."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("certificate.json", data)
    return "B64:" + base64.b64encode(packed.getvalue()).decode()


_HEADER = url64(json.dumps({"alg": "EdDSA", "b64": False, "crit": ["b64"]}, separators=(",", ":")).encode())
_PROOF = {
    "type": "Ed25519Signature2018",
    "created": "2021-09-24T16:25:43Z",
    "verificationMethod": DID,
    "proofPurpose": "assertionMethod",
}


def credential(data: bytes) -> str:
    """A DIVOC certificate around a document as JSON text; signed if its shape lets it be canonicalised."""
    text = data.decode("utf-8", "replace")
    try:
        document = strict_json.loads(text)
        unsigned = json.dumps({**document, "proof": {**_PROOF, "jws": f"{_HEADER}..{url64(bytes(64))}"}})
        parts = envelope.decode(unsigned).envelope
        signature = ED_KEY.sign(proof.signed_bytes(parts)[0])
    except (strict_json.JsonError, TypeError, DecodeError, proof.CanonicalError, AttributeError):
        return text
    return json.dumps({**document, "proof": {**_PROOF, "jws": f"{_HEADER}..{url64(signature)}"}})
