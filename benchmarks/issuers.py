"""An issuer of each format, made up for measuring: its certificates, its trust, its raw signature checks."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from healthcert import decode
from healthcert.formats.divoc import proof
from healthcert.issue import CertificateRequest, LocalSigner, prepare, redeem, with_check
from healthcert.model import DIVOC, EU_DCC, SHC, VDS_NC, WHO_DDCC, Envelope
from healthcert.transport import base45, cose, jcs

NOW = datetime(2022, 4, 15, 2, 30, tzinfo=UTC)
_FIRST, _LAST = datetime(2021, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
_ISSUED_S, _EXPIRES_S = 1_640_000_000, 1_670_000_000
_ECDSA = ec.ECDSA(SHA256())
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_RSA_BITS = 2_048
_KID = b"measured"
_ISS = "https://example.org/issuer"
_DID = "did:example:measured"
_SEAL_SIGNER = ObjectIdentifier("2.23.136.1.1.14.2")


class Issued(NamedTuple):
    """Certificates of one format, what vouches for them (a trust object), and the bare check of each."""

    texts: list[str]
    trust: Mapping[str, Any]
    raw: list[Callable[[], object]]


def eu_dcc(count: int) -> Issued:
    """EU DCC under PS256 with an RSA-2048 key, as Viet Nam signs."""
    key = rsa.generate_private_key(65537, _RSA_BITS)
    signer = LocalSigner(key)
    texts = []
    for number in range(count):
        shot = {
            "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215",
            "dn": 2, "sd": 2, "dt": "2021-12-01", "co": "VN", "is": "Bộ Y tế",
            "ci": with_check(f"URN:UVCI:01:VN:7A3K9/{number:012d}"),
        }  # fmt: skip
        dcc = {"ver": "1.3.0", "nam": {"fn": "Nguyễn", "gn": "Thị Đào"}, "dob": _birth(number), "v": [shot]}
        request = CertificateRequest(dcc, "VN", signer.alg, signer.kid, NOW.replace(month=3))
        texts.append(redeem(prepare(request), signer))
    public = key.public_key()
    raw: list[Callable[[], object]] = []
    for text in texts:
        envelope = decode(text).envelope
        signed = cose.signed_bytes(envelope)
        raw.append(partial(public.verify, envelope.signature, signed, _PSS, SHA256()))
    return Issued(texts, {"keys": [_key(public, EU_DCC, None)]}, raw)


def who_ddcc(count: int) -> Issued:
    """WHO DDCC in the HCERT carrier, vaccination."""
    key = ec.generate_private_key(ec.SECP256R1())
    texts = []
    for number in range(count):
        ddcc = {
            "hcid": f"VN-{number:08d}", "name": "Nguyễn Thị Đào", "birthDate": _birth(number),
            "sex": _coding("female"), "vaccine": _coding("XM68M6"), "brand": _coding("EU/1/20/1528"),
            "manufacturer": _coding("Organization/973"), "disease": _coding("RA01.0"), "date": "2021-12-01",
            "dose": 2, "total_doses": 2, "country": _coding("VNM"), "centre": "Điểm tiêm số 3",
            "lot": "FG3529", "valid_from": "2021-12-15", "valid_until": "2022-12-15",
        }  # fmt: skip
        payload = cbor2.dumps({1: "VN", 4: _EXPIRES_S, 6: _ISSUED_S, -260: {3: ddcc}})
        unsigned = Envelope(cose.protected_header(-7, _KID), payload, b"", _KID, -7)
        signature = _sign(key, cose.signed_bytes(unsigned))
        message = cose.write(unsigned._replace(signature=signature))
        texts.append("HC1:" + base45.encode(zlib.compress(message)))
    raw = []
    for text in texts:
        envelope = decode(text).envelope
        raw.append(_raw(key, envelope.signature, cose.signed_bytes(envelope)))
    return Issued(texts, {"keys": [_key(key.public_key(), WHO_DDCC, _KID.decode())]}, raw)


def shc(count: int) -> Issued:
    """SMART Health Cards of two doses, with a revocation list of their key."""
    key = ec.generate_private_key(ec.SECP256R1())
    header = {"zip": "DEF", "alg": "ES256", "kid": _KID.decode()}
    texts, raw = [], []
    for number in range(count):
        entries: list[dict[str, Any]] = [
            {
                "resourceType": "Patient",
                "name": [{"family": "Nguyen", "given": ["Thi", "Dao"]}],
                "birthDate": _birth(number),
            }
        ]
        for day, lot in (("2021-06-01", "FG3529"), ("2021-12-01", "30155BA")):
            coding = [{"system": "http://hl7.org/fhir/sid/cvx", "code": "208"}]
            entries.append(
                {
                    "resourceType": "Immunization", "status": "completed", "vaccineCode": {"coding": coding},
                    "patient": {"reference": "resource:0"}, "occurrenceDateTime": day,
                    "performer": [{"actor": {"display": "General Hospital"}}], "lotNumber": lot,
                }
            )  # fmt: skip
        content = [{"fullUrl": f"resource:{at}", "resource": each} for at, each in enumerate(entries)]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": content}
        payload = {
            "iss": _ISS,
            "nbf": _ISSUED_S + number,
            "vc": {
                "type": [f"https://smarthealth.cards#{kind}" for kind in ("health-card", "immunization")],
                "credentialSubject": {"fhirVersion": "4.0.1", "fhirBundle": bundle},
                "rid": f"card{number}",
            },
        }
        packer = zlib.compressobj(9, wbits=-15)
        body = packer.compress(_json(payload)) + packer.flush()
        signed = f"{_url64(_json(header))}.{_url64(body)}".encode()
        signature = _sign(key, signed)
        jws = f"{signed.decode()}.{_url64(signature)}"
        texts.append("shc:/" + "".join(f"{ord(character) - 45:02d}" for character in jws))
        raw.append(_raw(key, signature, signed))
    listed = {
        "iss": _ISS,
        "kid": _KID.decode(),
        "method": "rid",
        "ctr": 1,
        "rids": ["another", "one.1640000000"],
    }
    trusted = _key(key.public_key(), SHC, _KID.decode()) | {"issuer": _ISS}
    return Issued(texts, {"keys": [trusted], "smart_crls": [listed]}, raw)


def vds_nc(count: int) -> Issued:
    """ICAO VDS-NC of two doses, the signer under an authority with a revocation list."""
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Authority", root, root)
    signer = _url64(_certificate("Signer", key, root))
    texts, raw = [], []
    for number in range(count):
        doses = [
            {"dvc": day, "seq": seq, "ctr": "VNM", "adm": "General Hospital", "lot": lot}
            for seq, day, lot in ((1, "2021-06-01", "FG3529"), (2, "2021-12-01", "30155BA"))
        ]
        shots = [{"des": "XM68M6", "nam": "Comirnaty", "dis": "RA01.0", "vd": doses}]
        person = {"n": "NGUYEN  THI DAO", "dob": _birth(number), "sex": "F", "i": f"C{number:07d}"}
        message = {"uvci": f"U{number:09d}", "pid": person, "ve": shots}
        data = {"hdr": {"t": "icao.vacc", "v": 1, "is": "VNM"}, "msg": message}
        signed = jcs.canonical(data)
        signature = _sign(key, signed)
        sig = {"alg": "ES256", "cer": signer, "sigvl": _url64(signature)}
        texts.append(_json({"data": data, "sig": sig}).decode())
        raw.append(_raw(key, signature, signed))
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name("Authority"))
        .last_update(NOW.replace(day=1))
        .next_update(_LAST)
        .add_extension(_above(root), critical=False)
        .sign(root, SHA256())
    )
    anchor = {"x5c": [_base64(authority)], "country": "VN", "formats": [VDS_NC]}
    listed = [_base64(crl.public_bytes(Encoding.DER))]
    return Issued(texts, {"authorities": [anchor], "x509_crls": listed}, raw)


def divoc(count: int) -> Issued:
    """DIVOC with an Ed25519 proof, as Sri Lanka and Indonesia write it."""
    key = ed25519.Ed25519PrivateKey.generate()
    header = _url64(_json({"alg": "EdDSA", "b64": False, "crit": ["b64"]}))
    texts, raw = [], []
    for number in range(count):
        document = _credential(number)
        made = {
            "type": "Ed25519Signature2018", "created": "2021-12-02T16:25:43Z",
            "verificationMethod": _DID, "proofPurpose": "assertionMethod",
        }  # fmt: skip
        blank = document | {"proof": made | {"jws": f"{header}..{_url64(bytes(64))}"}}
        signed = proof.signed_bytes(decode(json.dumps(blank)).envelope)[0]
        signature = key.sign(signed)
        whole = document | {"proof": made | {"jws": f"{header}..{_url64(signature)}"}}
        texts.append(json.dumps(whole, ensure_ascii=False))
        raw.append(partial(key.public_key().verify, signature, signed))
    return Issued(texts, {"keys": [_key(key.public_key(), DIVOC, _DID)]}, raw)


def _credential(number: int) -> dict[str, Any]:
    place = {"district": "North", "addressRegion": "Coast", "addressCountry": "LK"}
    shot = {
        "id": f"https://health.example/vaccine/{number}", "feedbackUrl": "https://health.example/f",
        "infoUrl": "https://health.example/i", "certificateId": f"{number}", "type": ["Vaccination"],
        "batch": "4120Z025", "vaccine": "COVISHIELD", "manufacturer": "Serum Institute of India",
        "date": "2021-12-01T05:30:00.000Z", "effectiveStart": "2021-12-01", "effectiveUntil": "2022-12-01",
        "dose": 2, "totalDoses": 2, "verifier": {"name": "Nurse One"},
        "facility": {"name": "Clinic Nine", "address": place},
    }  # fmt: skip
    person = {
        "type": "Person", "id": "did:Passport:N1", "refId": "3979", "name": "An Perera", "gender": "Female",
        "nationality": "Sri Lankan", "address": place, "dob": _birth(number),
    }  # fmt: skip
    contexts = [
        "https://www.w3.org/2018/credentials/v1",
        "https://divoc.lgcc.gov.lk/credentials/vaccination/v2",
    ]
    return {
        "@context": contexts, "type": ["VerifiableCredential", "ProofOfVaccinationCredential"],
        "credentialSubject": person, "issuer": "https://health.example/",
        "issuanceDate": "2021-12-02T16:25:43.497Z", "evidence": [shot], "nonTransferable": "true",
    }  # fmt: skip


def _birth(number: int) -> str:
    return f"19{number % 80 + 10}-02-03"


def _coding(code: str) -> dict[str, str]:
    return {"code": code, "system": "http://id.who.int/icd11/mms"}


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _raw(key: ec.EllipticCurvePrivateKey, signature: bytes, signed: bytes) -> Callable[[], object]:
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    return partial(key.public_key().verify, encode_dss_signature(r, s), signed, _ECDSA)


def _key(public: Any, format: str, kid: str | None) -> dict[str, Any]:
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {"spki": _base64(spki), "country": "VN", "formats": [format]} | ({"kid": kid} if kid else {})


def _name(common: str) -> x509.Name:
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")
    return x509.Name([country, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _above(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _certificate(common: str, key: ec.EllipticCurvePrivateKey, root: ec.EllipticCurvePrivateKey) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(_name("Authority"))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(_FIRST)
        .not_valid_after(_LAST)
        .add_extension(_above(root), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if key is not root:
        builder = builder.add_extension(x509.ExtendedKeyUsage([_SEAL_SIGNER]), critical=True)
    return builder.sign(root, SHA256()).public_bytes(Encoding.DER)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
