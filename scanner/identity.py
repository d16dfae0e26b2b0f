"""Who this kiosk is: a random device id and a P-256 key that never leaves the machine, in one file.

The file is a PEM key under a first line `device-id: <uuid>`; one file, so that id and key can never part.
Source: requirement K04; architecture §5 (secure by default).
"""

from __future__ import annotations

import os
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scanner.protocol import sign_message

FILE_NAME = "device.pem"
_ID_LINE = "device-id: "
_OTHERS = 0o077


class IdentityError(Exception):
    """The device key cannot be used: unreadable, not a P-256 key, or open to other users."""


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """The device id and its private key; `repr` shows the id alone."""

    device_id: uuid.UUID
    private_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public_pem(self) -> bytes:
        """The public key to register at the service (SubjectPublicKeyInfo, PEM)."""
        return self.private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, payload: bytes) -> bytes:
        """The signed report message of `payload`."""
        return sign_message(payload, self.device_id.bytes, self.private_key)


def load_or_create(folder: Path, *, production: bool = True) -> DeviceIdentity:
    """The identity kept in `folder`, made on first use (mode 0600, written and synced before it has its
    name).

    Raises IdentityError; in production also when other users may read the file.
    """
    path = folder / FILE_NAME
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path)
    return load(path, production=production)


def load(path: Path, *, production: bool = True) -> DeviceIdentity:
    """The identity in the file `path`. Raises IdentityError."""
    try:
        if production and path.stat().st_mode & _OTHERS:
            raise IdentityError(f"{path.name}: other users may read the device key; set its mode to 0600")
        text = path.read_text("ascii")
        first, _, pem = text.partition("\n")
        if not first.startswith(_ID_LINE):
            raise IdentityError(f"{path.name}: the first line must be '{_ID_LINE}<uuid>'")
        device_id = uuid.UUID(first.removeprefix(_ID_LINE).strip())
        key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    except (OSError, ValueError) as error:
        raise IdentityError(f"{path.name}: {type(error).__name__}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityError(f"{path.name}: not a P-256 key")
    return DeviceIdentity(device_id, key)


def _create(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle, name = tempfile.mkstemp(prefix=".device-", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(f"{_ID_LINE}{uuid.uuid4()}\n".encode() + pem)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(name, path)  # whoever links first wins; the other one reads the winner's
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        Path(name).unlink(missing_ok=True)
