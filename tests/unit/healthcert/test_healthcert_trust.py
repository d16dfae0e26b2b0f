"""Keys and trust objects, tolerant of containers and strict about keys."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from healthcert import keys
from healthcert.errors import KeyMaterialError, PolicyError, TrustObjectError
from healthcert.model import FORMATS
from healthcert.policy import DEFAULT_POLICY, Severity, ValueSetMode, parse_policy
from healthcert.times import parse_instant
from healthcert.trust import NO_KID, parse_trust_object
from healthcert.verdict import Stage

SAMPLE = Path(__file__).resolve().parents[2] / "vectors" / "sample"
KEY = ec.generate_private_key(ec.SECP256R1())
START = datetime(2021, 1, 1, tzinfo=UTC)
EKU = "2.5.29.37"


def _spki(key: Any) -> bytes:
    raw: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return raw


def _certificate(eku: bytes | None = None, constraints: bytes | None = None, key: Any = KEY) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "AT")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=730))
    )
    for oid, value in ((EKU, eku), ("2.5.29.19", constraints)):
        if value is not None:
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def _eku(*oids: str) -> bytes:
    purposes = [x509.ObjectIdentifier(oid) for oid in oids]
    return x509.ExtendedKeyUsage(purposes).public_bytes()


OFFICIAL, LEGACY = "1.3.6.1.4.1.1847.2021.1", "1.3.6.1.4.1.0.1847.2021.1"
FOREIGN = "1.3.6.1.5.5.7.3.2"


@pytest.mark.req("K01")
@pytest.mark.parametrize(
    ("eku", "usage"),
    [
        (None, None),
        (b"\x30\x00", None),
        (_eku(FOREIGN), None),
        (_eku(f"{OFFICIAL}.1"), {"t"}),
        (_eku(f"{OFFICIAL}.2"), {"v"}),
        (_eku(f"{LEGACY}.3"), {"r"}),
        (_eku(FOREIGN, f"{LEGACY}.1", f"{OFFICIAL}.3"), {"t", "r"}),
        (_eku(f"{OFFICIAL}.9"), None),
    ],
)
def test_key_usage_is_read_in_both_spellings_and_foreign_ones_do_not_count(
    eku: bytes | None, usage: set[str] | None
) -> None:
    assert keys.from_certificate(_certificate(eku)).usage == usage


@pytest.mark.req("K01")
def test_an_explicit_false_in_basic_constraints_does_not_lose_the_key() -> None:
    der = _certificate(constraints=b"\x30\x03\x01\x01\x00")
    with pytest.raises(ValueError, match=r"BasicConstraints|parsing|error"):
        _ = x509.load_der_x509_certificate(der).extensions
    material = keys.from_certificate(der)
    assert material.kid == hashlib.sha256(der).digest()[:8]
    assert (material.country, material.not_before, material.not_after) == (
        "AT",
        START,
        START + timedelta(days=730),
    )


@pytest.mark.req("K16")
@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x30\x80" * 2_000,
        b"\x00" * 50,
        _certificate()[:-4],
        _certificate() + b"\0",
        b"\x30\x03\x02\x01\x01",
    ],
)
def test_a_broken_certificate_is_a_named_error(der: bytes) -> None:
    with pytest.raises(KeyMaterialError):
        keys.from_certificate(der)


@pytest.mark.req("K16")
def test_weak_and_foreign_keys_are_named_and_kept_out() -> None:
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    entries = [
        {"spki": base64.b64encode(_spki(small)).decode()},
        {"spki": base64.b64encode(_spki(x25519.X25519PrivateKey.generate())).decode()},
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"spki": "***"},
        {"spki": 5},
        {"x5c": ["AA"]},
        {},
        [],
        {"spki": base64.b64encode(_spki(KEY)).decode(), "usage": "v"},
        {"spki": base64.b64encode(_spki(KEY)).decode(), "not_after": "soon"},
        {"spki": base64.b64encode(_spki(KEY)).decode(), "kid": 5},
        {"spki": base64.b64encode(_spki(KEY)).decode(), "x5c": 7},
    ]
    trust = parse_trust_object({"keys": entries})
    assert [index for index, _ in trust.rejected] == list(range(len(entries)))
    assert trust.signers("eu-dcc", NO_KID) == ()


@pytest.mark.req("K01")
def test_a_key_is_found_by_its_given_or_computed_name() -> None:
    spki = _spki(KEY)
    numbers = KEY.public_key().public_numbers()

    def b64url(value: int) -> str:
        return base64.urlsafe_b64encode(value.to_bytes(32, "big")).decode().rstrip("=")

    jwk = {"kty": "EC", "crv": "P-256", "x": b64url(numbers.x), "y": b64url(numbers.y)}
    text = base64.b64encode(spki).decode()
    trust = parse_trust_object(
        {
            "keys": [
                {"kid": "2Rk3X8Hntrk=", "spki": text},
                {"kid": "11", "jwk": jwk},
                {"kid": None, "jwk": jwk, "formats": ["shc"], "usage": ["v"], "country": "at"},
            ]
        }
    )
    assert trust.rejected == ()
    assert len(trust.signers("eu-dcc", base64.b64decode("2Rk3X8Hntrk="))) == 1
    assert len(trust.signers("eu-dcc", b"11")) == 1
    computed = hashlib.sha256(spki).digest()[:8]
    assert trust.signers("eu-dcc", computed) == ()
    (signer,) = trust.signers("shc", computed)
    assert (signer.usage, signer.country) == ({"v"}, "AT")


@pytest.mark.req("K01")
def test_an_entry_narrows_what_its_certificate_allows_and_never_widens_it() -> None:
    def listed(*oids: str, **limits: Any) -> Any:
        chain = [base64.b64encode(_certificate(_eku(*oids))).decode()]
        (signer,) = parse_trust_object({"keys": [{"x5c": chain, **limits}]}).signers("eu-dcc", NO_KID)
        return signer

    end = START + timedelta(days=730)
    tests = f"{OFFICIAL}.1"
    wide = listed(tests, usage=["v", "t", "r"], not_before="2019-01-01", not_after="2030-01-01")
    assert (wide.usage, wide.not_before, wide.not_after) == ({"t"}, START, end)
    narrow = listed(tests, f"{OFFICIAL}.2", usage=["v"], not_before="2021-06-01", not_after="2022-01-01")
    assert narrow.usage == {"v"}
    assert (narrow.not_before, narrow.not_after) == (
        datetime(2021, 6, 1, tzinfo=UTC),
        datetime(2022, 1, 1, tzinfo=UTC),
    )
    assert listed(tests, usage=["v"]).usage == frozenset()  # what both allow is nothing
    assert listed(FOREIGN, usage=["v"]).usage == {"v"}
    assert listed(tests, country="DE").country == "DE"


@pytest.mark.req("K16")
@pytest.mark.parametrize("obj", [None, [], "x", {"keys": {}}, {"keys": "x"}])
def test_what_is_no_trust_object_is_an_error(obj: Any) -> None:
    with pytest.raises(TrustObjectError):
        parse_trust_object(obj)


@pytest.mark.req("K01")
def test_the_version_names_the_content() -> None:
    certificate = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))["TESTCTX"]["CERTIFICATE"]
    one = parse_trust_object({"keys": [{"x5c": [certificate], "country": "AT"}]})
    same = parse_trust_object({"keys": [{"country": "AT", "x5c": [certificate]}]})
    assert one.version == same.version != parse_trust_object({"keys": []}).version


@pytest.mark.req("K16")
def test_a_policy_is_read_whole_or_not_at_all() -> None:
    policy = parse_policy(
        {"require": ["revocation"], "value_sets": "strict", "signer_window": "warn", "clock_skew_s": 60}
    )
    assert policy.require == {Stage.REVOCATION}
    assert (policy.value_sets, policy.signer_window) == (ValueSetMode.STRICT, Severity.WARN)
    assert parse_policy({}) == DEFAULT_POLICY
    for wrong in (
        {"clock_skew_s": -1},
        {"clock_skew_s": True},
        {"clock_skew_s": 9e9},
        {"require": "time"},
        {"value_sets": "loud"},
        {"x": 1},
        {"signer_window": []},
    ):
        with pytest.raises(PolicyError):
            parse_policy(wrong)


@pytest.mark.req("K16")
@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2021-05-03T18:00:00Z", "2021-05-03T18:00:00+00:00"),
        ("2021-05-30T13:38:49.798329", "2021-05-30T13:38:49.798329+00:00"),
        ("2021-05-30T13:38:49.7983291234Z", "2021-05-30T13:38:49.798329+00:00"),
        ("2021-05-30T13:38:49+02:00", "2021-05-30T11:38:49+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
    ],
)
def test_instants_are_read_as_utc(text: str | int, iso: str) -> None:
    assert parse_instant(text).isoformat() == iso


@pytest.mark.req("K16")
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_whose_utc_leaves_the_calendar_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not an instant"):
        parse_instant(text)


@pytest.mark.req("K03")
def test_an_entry_that_names_no_format_is_for_the_hcert_carrier_alone() -> None:
    for absent in ({}, {"formats": None}):
        trust = parse_trust_object({"keys": [{"spki": base64.b64encode(_spki(KEY)).decode(), **absent}]})
        assert [name for name in FORMATS if trust.signers(name, NO_KID)] == ["eu-dcc", "who-ddcc"]
