"""Keys that some version of `cryptography` takes and we never do, whatever version is installed."""

from __future__ import annotations

from typing import Any

import pytest
from asn1crypto.keys import PublicKeyInfo, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from healthcert.errors import KeyMaterialError
from healthcert.spki import load_public_key

pytestmark = [pytest.mark.req("K14"), pytest.mark.req("K16")]
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048).public_key()
MODULUS = RSA.public_numbers().n
# sect283k1 and sect163k1, keys made by cryptography 42: later versions cannot even name the curves
BINARY_CURVES = (
    "305e301006072a8648ce3d020106052b81040010034a0004072f74c4ae16fc6e7a478decc11fbf9cd11e66c6e34bab"
    "8f5afc2f3aa1d3923231155c52001c088a48177398b17c675c50fb73f4f0532b430b0974287db7ad128ea3a2ec89ae"
    "7376",
    "3040301006072a8648ce3d020106052b81040001032c00040400ecface9891eeba396591bfff9d41e64e1b2fc10143"
    "9523765ea55daf255e69f342966a9423de0cb1",
)
SPELLED_TWISTED = bytes.fromhex("06092b2403030208010108")  # brainpoolP256t1
PLAIN = bytes.fromhex("06092b2403030208010107")  # brainpoolP256r1


def _spki(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _rsa(modulus: int, exponent: int) -> bytes:
    numbers = RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    return bytes(PublicKeyInfo.wrap(numbers, "rsa").dump())


def _on(curve: ec.EllipticCurve) -> bytes:
    return _spki(ec.derive_private_key(0xC0FFEE, curve).public_key())


def _ed25519() -> bytes:
    return _spki(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key())


def _unused_bits(spki: bytes, count: int) -> bytes:
    """The same key with `count` bits of its last byte declared unused, and zero as DER wants them."""
    assert spki.count(b"\x00\x04") == 1
    return spki[:-1].replace(b"\x00\x04", bytes([count, 4])) + bytes([spki[-1] & (0xFF << count) & 0xFF])


def _padded(spki: bytes) -> bytes:
    """A third part behind algorithm and key."""
    return bytes([0x30, spki[1] + 2]) + spki[2:] + b"\x05\x00"


REFUSED = {
    "rsa-exponent-1": _rsa(MODULUS, 1),  # every padded text is its own signature
    "rsa-exponent-0": _rsa(MODULUS, 0),
    "rsa-exponent-even": _rsa(MODULUS, 65_536),
    "rsa-exponent-beyond-modulus": _rsa(MODULUS, MODULUS + 2),
    "ec-p192": _on(ec.SECP192R1()),
    "ec-secp256k1": _on(ec.SECP256K1()),
    "ec-sect283k1": bytes.fromhex(BINARY_CURVES[0]),
    "ec-sect163k1": bytes.fromhex(BINARY_CURVES[1]),
    "ec-twisted-brainpool": _on(ec.BrainpoolP256R1()).replace(PLAIN, SPELLED_TWISTED),
    "ec-point-with-unused-bits": _unused_bits(_on(ec.SECP256R1()), 1),
    "ec-three-parts": _padded(_on(ec.SECP256R1())),
    "ec-no-curve": bytes.fromhex("300f300906072a8648ce3d0201030200ff"),
    "ed448-of-32-bytes": _ed25519().replace(b"\x2b\x65\x70", b"\x2b\x65\x71"),  # an InternalError in 42
    "x25519": _ed25519().replace(b"\x2b\x65\x70", b"\x2b\x65\x6e"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_key_that_is_weak_or_of_another_kind_is_refused_by_name(name: str) -> None:
    with pytest.raises(KeyMaterialError):
        load_public_key(REFUSED[name])


@pytest.mark.parametrize(
    "curve",
    [
        *(ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()),
        *(ec.BrainpoolP256R1(), ec.BrainpoolP384R1(), ec.BrainpoolP512R1()),
    ],
    ids=lambda curve: curve.name,
)
def test_a_key_on_a_curve_passports_use_is_read_as_it_is(curve: ec.EllipticCurve) -> None:
    assert _spki(load_public_key(_on(curve))) == _on(curve)


def test_rsa_and_ed25519_keys_are_read_as_they_are() -> None:
    for spki in (_spki(RSA), _rsa(MODULUS, 3), _ed25519()):
        assert _spki(load_public_key(spki)) == spki
