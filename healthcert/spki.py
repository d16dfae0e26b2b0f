"""A SubjectPublicKeyInfo to a key, also where the curve is spelled out instead of named.

Japan's passport authority spells its curve out. Whoever may choose the base point can make a private key
for any public point (CVE-2020-0601), so a spelled-out curve is one of the three of NIST, equal in every
part, or it is refused. A named curve is looked up by its name here, because versions of `cryptography`
differ in what they take: 42 takes curves over binary fields, and does not see points outside the subgroup
of prime order (CVE-2026-26007); 50 refuses them. The kind of key is looked up here too: 42 fails with an
error of another family over an Ed448 key of the wrong length.
Source: RFC 5280 §4.1.2.7; RFC 5480 §2.1; RFC 5639 §4.1; FIPS 186-4 D.1.2; SEC 1 §C.2.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from . import der
from .errors import KeyMaterialError
from .limits import MAX_RSA_BITS, MIN_RSA_BITS

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_EC_KEY = bytes.fromhex("06072a8648ce3d0201")  # OID 1.2.840.10045.2.1
_KINDS = {
    _EC_KEY,
    bytes.fromhex("06092a864886f70d010101"),  # RSA
    bytes.fromhex("06092a864886f70d01010a"),  # RSA for PSS alone
    bytes.fromhex("06032b6570"),  # Ed25519
}
_PRIME_FIELD = bytes.fromhex("06072a8648ce3d0101")  # OID 1.2.840.10045.1.1
_SEQUENCE, _OCTETS, _INTEGER = 0x30, 0x04, 0x02
# Over prime fields, with 112 bits of strength or more, as an RSA key of 2,048 bits has them.
_NAMED_CURVES = frozenset(
    bytes.fromhex(name)
    for name in (
        "06052b81040021",  # P-224
        "06082a8648ce3d030107",  # P-256
        "06052b81040022",  # P-384
        "06052b81040023",  # P-521
        "06092b2403030208010107",  # brainpoolP256r1
        "06092b240303020801010b",  # brainpoolP384r1
        "06092b240303020801010d",  # brainpoolP512r1
    )
)


class Domain(NamedTuple):
    """Domain parameters of y^2 = x^3 + ax + b over the integers modulo `prime`."""

    prime: int
    a: int
    b: int
    base_x: int
    base_y: int
    order: int
    cofactor: int


def _domain(prime: int, b: str, base_x: str, base_y: str, order: str) -> Domain:
    # for all three a = -3 and the cofactor is 1
    return Domain(prime, prime - 3, int(b, 16), int(base_x, 16), int(base_y, 16), int(order, 16), 1)


DOMAINS: tuple[tuple[Domain, type[ec.EllipticCurve]], ...] = (
    (
        _domain(
            2**256 - 2**224 + 2**192 + 2**96 - 1,
            "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        ),
        ec.SECP256R1,
    ),
    (
        _domain(
            2**384 - 2**128 - 2**96 + 2**32 - 1,
            "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
            "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        ),
        ec.SECP384R1,
    ),
    (
        _domain(
            2**521 - 1,
            "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf07"
            "3573df883d2c34f1ef451fd46b503f00",
            "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de"
            "3348b3c1856a429bf97e7e31c2e5bd66",
            "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761"
            "353c7086a272c24088be94769fd16650",
            "01" + 65 * "f" + "a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        ),
        ec.SECP521R1,
    ),
)


def load_public_key(spki: bytes) -> PublicKey:
    """The key of a SubjectPublicKeyInfo in DER: Ed25519, EC on a known curve or RSA of sane size.

    Raises KeyMaterialError.
    """
    try:
        der.check(spki)
        algorithm, bits, *more = der.children(spki)
        kind, *parameters = der.children(algorithm)
        if kind not in _KINDS:
            raise KeyMaterialError("key type is not supported")
        if more or der.content(bits)[0]:  # `cryptography` 42 does not look at the count of unused bits
            raise ValueError("a key is a whole number of bytes")
        spelled_out = _spelled_out(spki, parameters) if kind == _EC_KEY else None
        key = spelled_out or load_der_public_key(spki)
        if isinstance(key, rsa.RSAPublicKey):
            check_rsa_bits(key.key_size)
            # numbers are checked by every version, DER only by later ones: with e = 1 anyone signs anything
            return key.public_numbers().public_key()
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm) as fault:
        raise KeyMaterialError("key material is not readable") from fault
    if isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return key
    raise KeyMaterialError("key type is not supported")


def check_rsa_bits(bits: int) -> None:
    """Raises KeyMaterialError for an RSA modulus too small to trust or too large to check in time."""
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise KeyMaterialError("RSA key size is out of bounds")


def key_bits(spki: bytes) -> bytes:
    """The public key itself, as its algorithm encodes it. Raises ValueError."""
    return der.content(der.children(spki)[1])[1:]  # behind the count of unused bits


def _spelled_out(spki: bytes, parameters: list[bytes]) -> ec.EllipticCurvePublicKey | None:
    """The key if its curve is spelled out and a known one; None if it has a known name."""
    if parameters and parameters[0] in _NAMED_CURVES:
        return None
    curve = _same_curve(parameters[0]) if parameters and parameters[0][0] == _SEQUENCE else None
    if curve is None:
        raise KeyMaterialError("elliptic curve is not one of the known ones")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, key_bits(spki))


def _same_curve(parameters: bytes) -> ec.EllipticCurve | None:
    """The known curve whose every parameter these are: field, a, b, base point, order and cofactor.

    The base point may be compressed, the cofactor left out and the seed that made b be there: the first two
    change nothing, the seed is not part of the curve.
    """
    _, of_field, of_curve, base, order, *more = der.children(parameters)
    field_type, *prime = der.children(of_field)
    a, b, *_ = der.children(of_curve)
    if field_type != _PRIME_FIELD or len(prime) != 1 or (a[0], b[0], base[0]) != (_OCTETS,) * 3:
        return None
    cofactors = [_whole(part) for part in more if part[0] == _INTEGER]
    given = (
        _whole(prime[0]),
        int.from_bytes(der.content(a), "big"),
        int.from_bytes(der.content(b), "big"),
        _whole(order),
    )
    for domain, curve in DOMAINS:
        if given == (domain.prime, domain.a, domain.b, domain.order):
            whole = cofactors in ([], [domain.cofactor]) and der.content(base) in _base_points(domain)
            return curve() if whole else None
    return None


def _whole(integer: bytes) -> int:
    if integer[0] != _INTEGER:
        raise ValueError("not an INTEGER")
    return int.from_bytes(der.content(integer), "big", signed=True)


def _base_points(domain: Domain) -> tuple[bytes, bytes]:
    size = (domain.prime.bit_length() + 7) // 8
    x, y = domain.base_x.to_bytes(size, "big"), domain.base_y.to_bytes(size, "big")
    return b"\x04" + x + y, bytes((2 + (domain.base_y & 1),)) + x
