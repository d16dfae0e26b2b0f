"""What a JSON Web Key says beside its numbers: its name, its use, and what must never be in it.

Source: RFC 7517 §4; RFC 7638; SMART Health Cards Framework 1.4.0, "Determining keys associated with an
issuer" and "Certificates".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric import ec

from . import keys
from .errors import KeyMaterialError
from .spki import PublicKey

NO_LIST = 0  # a crlVersion that is told and unreadable: no list, whose counter starts at 1, has it
_HALF = 32  # bytes of a P-256 coordinate
_ALTERNATIVE_NAMES = "2.5.29.17"


def check_members(jwk: Mapping[str, Any]) -> None:
    """Refuse a key that is private, for something else than signatures, or for another algorithm.

    Raises KeyMaterialError.
    """
    if "d" in jwk:
        raise KeyMaterialError("a private key was published")
    if jwk.get("use", "sig") not in ("sig", None):
        raise KeyMaterialError("key is not for signatures")
    if jwk.get("kty") == "EC" and jwk.get("alg", "ES256") not in ("ES256", None):
        raise KeyMaterialError("key is for another algorithm")


def thumbprint(key: PublicKey) -> str | None:
    """The RFC 7638 name of a P-256 key, 43 characters of base64url; None for any other key."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return None
    point = key.public_numbers()
    members = f'{{"crv":"P-256","kty":"EC","x":"{_text(point.x)}","y":"{_text(point.y)}"}}'
    return _base64url(hashlib.sha256(members.encode()).digest())


def crl_version(jwk: object) -> int | None:
    """How many revocation lists were published for the key; None when it says nothing of one."""
    told = jwk.get("crlVersion") if isinstance(jwk, Mapping) else None
    if told is None:
        return None
    return told if type(told) is int and told > 0 else NO_LIST


def check_certificate(chain: object, key: PublicKey, issuer: str) -> None:
    """The leaf of `chain` (base64 DER, leaf first) is for `key`, and for `issuer` if it names any URI.

    Raises KeyMaterialError.
    """
    leaf = chain[0] if isinstance(chain, list) and chain else chain
    der = keys.decode_base64(leaf)
    if keys.from_certificate(der).public_key != key:
        raise KeyMaterialError("certificate is for another key")
    named = _uris(der)
    if named and issuer not in named:
        raise KeyMaterialError("certificate is for another issuer")


def _uris(der: bytes) -> tuple[str, ...]:
    """The uniform resource identifiers among the subject's alternative names, as written."""
    try:
        extensions = x509.Certificate.load(der, strict=True)["tbs_certificate"]["extensions"]
        return tuple(
            name.chosen.contents.decode("ascii")
            for extension in extensions
            if extension["extn_id"].dotted == _ALTERNATIVE_NAMES
            for name in extension["extn_value"].parsed
            if name.name == "uniform_resource_identifier"
        )
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise KeyMaterialError("certificate is not readable") from fault


def _text(coordinate: int) -> str:
    return _base64url(coordinate.to_bytes(_HALF))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
