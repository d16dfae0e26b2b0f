"""Signing keys in files, for laboratories and the online roles. PKCS#11 takes this module's place later."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey

from ..errors import TrustlistError
from ..files import read_bounded, write_whole

MAX_KEY_BYTES = 16_384


def make_key(path: Path, passphrase: bytes | None = None) -> CryptoSigner:
    """A new Ed25519 key at `path`, readable by its owner alone. Raises TrustlistError `key.exists`."""
    if path.exists():
        raise TrustlistError("key.exists", f"{path.name} is there already")
    private = Ed25519PrivateKey.generate()
    locked: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    write_whole(path, pem, mode=0o600)
    return CryptoSigner(private)


def load_key(path: Path, passphrase: bytes | None = None) -> CryptoSigner:
    """The signer of a PEM file. Raises TrustlistError `key.unreadable`."""
    try:
        return CryptoSigner(serialization.load_pem_private_key(read_bounded(path, MAX_KEY_BYTES), passphrase))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise TrustlistError(
            "key.unreadable", f"{path.name}: no private key, or another passphrase"
        ) from fault


def load_public(path: Path) -> SSlibKey:
    """The public key of a PEM file, be it public or private. Raises TrustlistError `key.unreadable`."""
    try:
        data = read_bounded(path, MAX_KEY_BYTES)
        if b"PUBLIC KEY" in data:
            return SSlibKey.from_crypto(serialization.load_pem_public_key(data))
    except (OSError, ValueError, UnsupportedAlgorithm) as fault:
        raise TrustlistError("key.unreadable", path.name) from fault
    return load_key(path).public_key
