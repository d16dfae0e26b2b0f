"""A whole set, checked from the root in the image down to the last byte, without network and without trust.

The same check ends an update and begins every boot. It says who signed and when things expire; what an expiry
means is for the caller: an update refuses, a boot without network goes on and shows the age.
Source: TUF specification §5; notes/distribution-and-fleet §2.3 (offline verification).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, TargetFile, Targets, Timestamp

from .. import roles, signed_time
from ..errors import TrustlistError
from ..files import read_bounded
from ..packing import unpack, unpacked_length

MAX_ROOT_BYTES = 512_000  # the library's own limits
MAX_TIMESTAMP_BYTES = 16_384
MAX_METADATA_BYTES = 5_000_000
MAX_ROOTS = 256
_S = TypeVar("_S", bound=Signed)


@dataclass(frozen=True, slots=True)
class VerifiedSet:
    """What a set holds. Times are aware; `missing` roles were left out with the reason when it was made."""

    folder: Path
    root: Root
    timestamp_version: int
    snapshot_version: int
    issued: datetime
    expires: dict[str, datetime]
    targets: dict[str, TargetFile]
    missing: dict[str, str]

    @property
    def name(self) -> str:
        """Orders sets: a new root may begin its timestamps anew."""
        return set_name(self.root.version, self.timestamp_version)

    def expired(self, at: datetime) -> frozenset[str]:
        """The roles whose time is over at a moment."""
        return frozenset(name for name, end in self.expires.items() if at >= end)

    def content(self, path: str) -> bytes:
        """A target, unpacked, its hash checked again. Raises TrustlistError."""
        target, role = self.targets.get(path), roles.role_of(path)
        if target is None or role is None:
            raise TrustlistError("target.absent", path)
        try:
            data = read_bounded(self.folder / "targets" / path, target.length)
            target.verify_length_and_hashes(data)
        except (OSError, RepositoryError) as fault:
            raise TrustlistError("set.tampered", path) from fault
        return unpack(data, target.custom, role.max_unpacked)


def set_name(root_version: int, timestamp_version: int) -> str:
    """`<root>.<timestamp>`, padded so that names sort as versions do."""
    return f"{root_version:06}.{timestamp_version:010}"


def load_root(bootstrap: bytes, history: Path, newest: int | None = None) -> Root:
    """The newest root (or that of version `newest`) a chain of signatures leads to.

    Raises TrustlistError `root.bootstrap` when the built-in one is none.

    A file of the history that does not fit ends the chain: it is somebody's damage, not a newer root.
    """
    try:
        trusted = Metadata[Root].from_bytes(bootstrap)
        trusted.signed.verify_delegate("root", trusted.signed_bytes, trusted.signatures)
    except (RepositoryError, AttributeError, ValueError) as fault:
        raise TrustlistError("root.bootstrap", "the built-in root does not sign itself") from fault
    root = trusted.signed
    for _ in range(MAX_ROOTS):
        if newest is not None and root.version >= newest:
            break
        try:
            data = read_bounded(history / f"{root.version + 1}.root.json", MAX_ROOT_BYTES)
            newer = Metadata[Root].from_bytes(data)
            if newer.signed.type != "root" or newer.signed.version != root.version + 1:
                break
            root.verify_delegate("root", newer.signed_bytes, newer.signatures)
            newer.signed.verify_delegate("root", newer.signed_bytes, newer.signatures)
        except (OSError, RepositoryError, ValueError):
            break
        root = newer.signed
    return root


def verify_set(folder: Path, root: Root, missing: dict[str, str]) -> VerifiedSet:
    """Everything under `folder` against `root`. TrustlistError: `set.tampered`, `time.*`, `target.*`."""
    try:
        return _verify_set(folder, root, missing)
    except (OSError, RepositoryError, ValueError, KeyError) as fault:
        raise TrustlistError("set.tampered", type(fault).__name__) from fault


def _verify_set(folder: Path, root: Root, missing: dict[str, str]) -> VerifiedSet:
    metadata = folder / "metadata"
    raw = read_bounded(metadata / "timestamp.json", MAX_TIMESTAMP_BYTES)
    timestamp = _signed(Timestamp, raw, root, roles.TIMESTAMP)
    issued = signed_time.issued_of(timestamp.unrecognized_fields)
    signed_time.check_lifetime(issued, timestamp.expires, roles.BY_NAME[roles.TIMESTAMP].lifetime)

    raw = read_bounded(metadata / "snapshot.json", MAX_METADATA_BYTES)
    timestamp.snapshot_meta.verify_length_and_hashes(raw)
    snapshot = _signed(Snapshot, raw, root, roles.SNAPSHOT)
    if snapshot.version != timestamp.snapshot_meta.version:
        raise TrustlistError("set.tampered", "snapshot")
    expires = {one.type: one.expires for one in (root, timestamp, snapshot)}

    def listed(name: str, delegator: Root | Targets) -> Targets:
        data, meta = (
            read_bounded(metadata / f"{name}.json", MAX_METADATA_BYTES),
            snapshot.meta[f"{name}.json"],
        )
        meta.verify_length_and_hashes(data)
        signed = _signed(Targets, data, delegator, name)
        if signed.version != meta.version:
            raise TrustlistError("set.tampered", name)
        expires[name] = signed.expires
        return signed

    targets = listed(roles.TARGETS, root)
    delegated = set(targets.delegations.roles or ()) if targets.delegations else set()
    found: dict[str, TargetFile] = {}
    for name in roles.DELEGATED:
        if name in delegated and name not in missing:
            found |= check_targets(roles.BY_NAME[name], listed(name, targets))
    held = {path: target for path, target in found.items() if path.partition("/")[0] in roles.FETCHED}
    for path, target in held.items():
        target.verify_length_and_hashes(read_bounded(folder / "targets" / path, target.length))
    return VerifiedSet(
        folder, root, timestamp.version, snapshot.version, issued, expires, held, dict(missing)
    )


def check_targets(role: roles.Role, listed: Targets) -> dict[str, TargetFile]:
    """The files of a role, within its limits and its own folder. Raises TrustlistError `target.limit`."""
    if len(listed.targets) > role.max_files:
        raise TrustlistError("target.limit", f"{role.name} lists more than {role.max_files} files")
    for path, target in listed.targets.items():
        if roles.role_of(path) is not role or target.length > role.max_bytes:
            raise TrustlistError("target.limit", f"{role.name} lists a file it may not")
        unpacked_length(target.custom, role.max_unpacked)
    return dict(listed.targets)


def _signed(kind: type[_S], data: bytes, delegator: Root | Targets, name: str) -> _S:
    """Metadata of `kind` with the signatures `delegator` asks for `name`."""
    parsed = Metadata[kind].from_bytes(data)  # type: ignore[valid-type]
    delegator.verify_delegate(name, parsed.signed_bytes, parsed.signatures)
    if not isinstance(parsed.signed, kind):
        raise TrustlistError("set.tampered", name)
    return parsed.signed
