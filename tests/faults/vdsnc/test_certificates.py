"""X.509 as it is in the field, and X.509 made to be read in two ways."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcert import der, keys
from healthcert.certificates import Certificate, Scheme, is_signed_by, parse_certificate, parse_crl
from healthcert.errors import KeyMaterialError
from healthcert.limits import MAX_CERTIFICATE_BYTES, MAX_CRL_BYTES
from healthcert.spki import DOMAINS, Domain, load_public_key
from healthcert.trust import parse_trust_object

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K16")]
CURVES = [(domain, curve) for domain, curve in DOMAINS]
ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")
ECDSA_SHA1 = bytes.fromhex("06072a8648ce3d0401")
NULL = b"\x05\x00"


def test_the_fields_of_a_signer_are_read(pki: Any) -> None:
    read = parse_certificate(pki.signer.certificate)
    assert (read.country, read.serial, read.document_types) == ("AU", 77, {"NV"})
    assert read.extended_usage == {"2.23.136.1.1.14.2"}
    assert read.authority_key_id == pki.authority.key_id
    assert (read.is_ca, read.key_cert_sign, read.subject_key_id) == (None, None, None)
    assert read.tbs in read.der
    assert (read.scheme.kind, read.scheme.hash) == ("ecdsa", "sha256") if read.scheme else False
    authority = parse_certificate(pki.authority.certificate)
    assert (authority.is_ca, authority.path_length, authority.key_cert_sign) == (True, 0, True)
    assert authority.subject == authority.issuer == read.issuer
    assert authority.key_ids == {pki.authority.key_id}


def test_only_the_key_that_signed_has_signed(pki: Any) -> None:
    read = parse_certificate(pki.signer.certificate)
    assert is_signed_by(read, pki.ec_key.public_key())
    for other in (
        pki.rsa_key,
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
    ):
        assert not is_signed_by(read, other.public_key())
    assert not is_signed_by(dataclasses.replace(read, scheme=None), pki.ec_key.public_key())
    assert not is_signed_by(dataclasses.replace(read, signature=b""), pki.ec_key.public_key())
    assert not is_signed_by(dataclasses.replace(read, tbs=read.tbs + b"\0"), pki.ec_key.public_key())


def test_null_parameters_beside_ecdsa_are_no_reason_to_refuse(pki: Any) -> None:
    with_null = pki.tlv(0x30, ECDSA_SHA256, NULL)
    odd = pki.resigned(pki.signer.certificate, pki.ec_key, algorithm=with_null)
    assert with_null in odd
    assert is_signed_by(parse_certificate(odd), pki.ec_key.public_key())


def test_a_weak_hash_or_two_algorithms_sign_nothing(pki: Any) -> None:
    weak = pki.resigned(pki.signer.certificate, pki.ec_key, algorithm=pki.tlv(0x30, ECDSA_SHA1))
    assert parse_certificate(weak).scheme is None
    tbs, _, signature = der.children(pki.signer.certificate)
    two = pki.tlv(0x30, tbs, pki.tlv(0x30, bytes.fromhex("06082a8648ce3d040303")), signature)
    assert parse_certificate(two).scheme is None


# Curves spelled out


@pytest.mark.parametrize(("domain", "curve"), CURVES)
def test_a_known_curve_spelled_out_is_known(pki: Any, domain: Domain, curve: Any) -> None:
    key = ec.generate_private_key(curve())
    size = (domain.prime.bit_length() + 7) // 8
    compressed = bytes((2 + domain.base_y % 2,)) + domain.base_x.to_bytes(size, "big")
    for spelled in (
        pki.spelled_out(key, domain),
        pki.spelled_out(key, domain, base=compressed),
        pki.spelled_out(key, domain, cofactor=False),
    ):
        assert load_public_key(spelled) == key.public_key()


@pytest.mark.parametrize(("domain", "curve"), CURVES)
@pytest.mark.parametrize("part", Domain._fields)
def test_a_curve_that_differs_in_one_part_is_another(pki: Any, domain: Domain, curve: Any, part: str) -> None:
    key = ec.generate_private_key(curve())
    changed = domain._replace(**{part: getattr(domain, part) - 1})
    with pytest.raises(KeyMaterialError):
        load_public_key(pki.spelled_out(key, changed))


def test_the_other_root_is_another_base_point(pki: Any) -> None:
    domain, curve = DOMAINS[0]
    key = ec.generate_private_key(curve())
    x = domain.base_x.to_bytes(32, "big")
    other = bytes((3 - domain.base_y % 2,)) + x
    hybrid = bytes((6 + domain.base_y % 2,)) + x + domain.base_y.to_bytes(32, "big")
    for base in (other, hybrid, b"", b"\0", b"\x04" + x):
        with pytest.raises(KeyMaterialError):
            load_public_key(pki.spelled_out(key, domain, base=base))


def test_the_numbers_of_the_curves_are_those_of_the_library() -> None:
    for domain, curve in DOMAINS:
        base = ec.derive_private_key(1, curve()).public_key().public_numbers()
        assert (base.x, base.y) == (domain.base_x, domain.base_y)
        assert (domain.base_y**2 - domain.base_x**3 - domain.a * domain.base_x - domain.b) % domain.prime == 0
        opposite = ec.derive_private_key(domain.order - 1, curve()).public_key().public_numbers()
        assert (opposite.x, opposite.y) == (domain.base_x, domain.prime - domain.base_y)


# DER and nothing else


def _indefinite(data: bytes) -> bytes:
    return b"\x30\x80" + der.content(data) + b"\0\0"


def _long_length(data: bytes) -> bytes:
    body = der.content(data)
    return b"\x30\x84" + len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\0",
        lambda data: data + data,
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: b"\x30\x82",
        lambda data: data[1:],
        lambda data: b"\x30\x82\xff\xff" + data[4:],
        lambda data: b"\x30" * 3_000,
        lambda data: b"\x30\x84\xff\xff\xff\xff",
        lambda data: b"\x1f\x81\x80\x01" + data,
        _indefinite,
        _long_length,
    ],
)
def test_what_is_not_one_element_of_der_is_refused(pki: Any, change: Callable[[bytes], bytes]) -> None:
    for data, parse in ((pki.signer.certificate, parse_certificate), (pki.authority.crl(7), parse_crl)):
        with pytest.raises(KeyMaterialError):
            parse(change(data))


def test_nesting_and_size_are_bounded(pki: Any) -> None:
    deep = b"\x05\x00"
    for _ in range(200):
        deep = pki.tlv(0x30, deep)
    with pytest.raises(der.DerError, match="too deep"):
        der.check(deep)
    for limit, parse in ((MAX_CERTIFICATE_BYTES, parse_certificate), (MAX_CRL_BYTES, parse_crl)):
        with pytest.raises(KeyMaterialError, match="too large"):
            parse(pki.tlv(0x30, bytes(limit)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_never_makes_another_error(pki: Any, data: st.DataObject) -> None:
    original = pki.signer.certificate
    position = data.draw(st.integers(0, len(original) - 1))
    changed = original[:position] + bytes((data.draw(st.integers(0, 255)),)) + original[position + 1 :]
    for parse in (parse_certificate, parse_crl):
        try:
            read = parse(changed)
        except KeyMaterialError:
            continue
        if changed != original:
            assert not is_signed_by(read, pki.ec_key.public_key()) or read.tbs in original


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_make_another_error(data: bytes) -> None:
    for parse in (parse_certificate, parse_crl, load_public_key):
        with pytest.raises(KeyMaterialError):
            parse(data)


# Extensions


def with_extensions(pki: Any, *extensions: bytes) -> Certificate:
    tbs = der.children(der.children(pki.signer.certificate)[0])
    tbs[-1] = pki.tlv(0xA3, pki.tlv(0x30, *extensions))
    _, algorithm, signature = der.children(pki.signer.certificate)
    return parse_certificate(pki.tlv(0x30, pki.tlv(0x30, *tbs), algorithm, signature))


def extension(pki: Any, oid: str, value: bytes, critical: bool = False) -> bytes:
    mark = (b"\x01\x01\xff",) if critical else ()
    return pki.tlv(0x30, pki.tlv(6, bytes.fromhex(oid)), *mark, pki.tlv(4, value))  # type: ignore[no-any-return]


CONSTRAINTS, USAGE, TYPES = "551d13", "551d0f", "67810801010602"


def test_an_extension_that_stands_twice_is_refused(pki: Any) -> None:
    one = extension(pki, CONSTRAINTS, b"\x30\x03\x01\x01\xff")
    assert with_extensions(pki, one).is_ca is True
    with pytest.raises(KeyMaterialError):
        with_extensions(pki, one, extension(pki, CONSTRAINTS, b"\x30\x00"))


def test_an_extension_that_cannot_be_read_never_widens(pki: Any) -> None:
    junk = b"\xff\xff\xff"
    read = with_extensions(pki, *(extension(pki, oid, junk) for oid in (CONSTRAINTS, USAGE, TYPES, "551d23")))
    assert (read.is_ca, read.key_cert_sign, read.crl_sign, read.digital_signature) == (False,) * 4
    assert (read.document_types, read.authority_key_id) == (frozenset(), None)
    assert not read.may_sign_certificates


def test_an_explicit_false_is_read_as_one(pki: Any) -> None:
    assert with_extensions(pki, extension(pki, CONSTRAINTS, b"\x30\x03\x01\x01\x00")).is_ca is False


def test_a_critical_extension_we_do_not_know_is_named(pki: Any) -> None:
    critical = extension(pki, "2a0304", NULL, critical=True)
    assert with_extensions(pki, critical, extension(pki, "2a0305", NULL)).unread_critical == {"1.2.3.4"}


# Revocation lists


def test_a_list_is_read(pki: Any) -> None:
    reason = [(x509.CRLReason(x509.ReasonFlags.key_compromise), False)]
    for read in (
        parse_crl(pki.authority.crl(7, 2**64, 128)),
        parse_crl(pki.authority.crl(7, 2**64, 128, entry=reason)),
    ):
        assert read.revoked == {7, 2**64, 128}
        assert read.authority_key_id == pki.authority.key_id
        assert read.next_update is not None
        assert read.this_update < pki.noon < read.next_update
        assert is_signed_by(read, pki.ec_key.public_key())
    assert parse_crl(pki.authority.crl()).revoked == frozenset()


def test_an_entry_taken_off_again_is_not_revoked(pki: Any) -> None:
    removed = [(x509.CRLReason(x509.ReasonFlags.remove_from_crl), False)]
    assert parse_crl(pki.authority.crl(7, entry=removed)).revoked == frozenset()


def test_a_list_that_is_not_complete_by_itself_is_refused(pki: Any) -> None:
    of_part = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), NULL)
    for more in ((x509.DeltaCRLIndicator(1), False), (of_part, True), (unknown, True)):
        with pytest.raises(KeyMaterialError):
            parse_crl(pki.authority.crl(more=[more]))
    assert (
        parse_crl(pki.authority.crl(more=[(unknown, False), (x509.CRLNumber(5), True)])).revoked
        == frozenset()
    )
    other_issuer = (x509.CertificateIssuer([x509.DNSName("example.org")]), True)
    with pytest.raises(KeyMaterialError):
        parse_crl(pki.authority.crl(7, entry=[other_issuer]))


def test_a_list_as_long_as_the_limit_is_read_in_time(pki: Any) -> None:
    entry = pki.tlv(0x30, pki.integer(2**100), pki.tlv(0x17, b"220101000000Z"))
    tbs, algorithm, signature = der.children(pki.authority.crl(7))
    parts = der.children(tbs)
    parts[5] = pki.tlv(0x30, *[entry] * ((MAX_CRL_BYTES - 1_000) // len(entry)))
    started = time.perf_counter()
    assert parse_crl(pki.tlv(0x30, pki.tlv(0x30, *parts), algorithm, signature)).revoked == {2**100}
    assert time.perf_counter() - started < 2


# Keys of a trust object


def test_pss_with_any_of_the_three_hashes_is_understood(pki: Any) -> None:
    for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        authority = pki.PassportAuthority(pki.rsa_key, algorithm=algorithm, pss=True)
        read = parse_certificate(authority.certificate)
        assert read.scheme == ("pss", algorithm.name, 32)
        assert is_signed_by(read, pki.rsa_key.public_key())
    assert not is_signed_by(
        dataclasses.replace(read, scheme=Scheme("rsa", "sha512")), pki.rsa_key.public_key()
    )
    signature = pki.rsa_key.sign(read.tbs, padding.PKCS1v15(), hashes.SHA512())
    assert not is_signed_by(dataclasses.replace(read, signature=signature), pki.rsa_key.public_key())


def test_a_key_of_a_certificate_keeps_it(pki: Any) -> None:
    trust = parse_trust_object({"keys": [{"x5c": [pki.b64(pki.signer.certificate)], "formats": ["eu-dcc"]}]})
    kid = keys.from_certificate(pki.signer.certificate).kid
    (signer,) = trust.signers("eu-dcc", kid)
    assert signer.certificate == parse_certificate(pki.signer.certificate)
