"""A change that waits for signatures: unsigned metadata, the files, and signatures that arrive one by one.

    proposals/<id>/proposal.json           {"made": instant, "roles": [names]}
    proposals/<id>/metadata/<role>.json    unsigned
    proposals/<id>/targets/<role>/<hash>.<name>
    proposals/<id>/signatures/<role>/<keyid>.json

Nothing in it is believed: approvers recompute what it changes, and `publish` counts signatures anew.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signature
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, TargetFile, Targets

from .. import roles, signed_time
from ..errors import TrustlistError
from ..files import read_bounded, write_whole
from ..packing import pack
from .repository import MAX_BYTES, Repository, stamped, target_name, to_bytes

LIFETIME = timedelta(days=14)
MAX_SIGNATURES = 32  # of one role; the table asks for three
MAX_SIGNATURE_BYTES = 16_384
_ID = re.compile(r"[a-z]{1,16}-\d{1,9}\Z")
# What is compressed already, or signed data whose bytes a reader maps, stays as it is.
_PLAIN = {roles.FIRMWARE, roles.REVOCATION}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal as it lies on the disk. `metadata` carries whatever valid-looking signatures arrived."""

    id: str
    made: datetime
    metadata: dict[str, Metadata[Any]]
    files: dict[str, bytes]


def propose_files(
    repository: Repository,
    name: str,
    files: Mapping[str, bytes],
    now: datetime,
    *,
    remove: tuple[str, ...] = (),
    custom: Mapping[str, Any] | None = None,
) -> str:
    """Propose new content of a role: `files` by target path, `remove` paths. Returns the proposal's id."""
    role = roles.BY_NAME.get(name)
    current = repository.newest(name)
    if role is None or not role.paths or current is None:
        raise TrustlistError("propose.role", f"{name} publishes no files here")
    listed: Targets = current.signed
    fresh = Targets(version=listed.version + 1, targets=dict(listed.targets))
    for path in remove:
        if fresh.targets.pop(path, None) is None:
            raise TrustlistError("propose.path", f"{path} is not published")
    packed = {}
    for path, data in files.items():
        if roles.role_of(path) is not role:
            raise TrustlistError("propose.path", f"{name} may not publish {path}")
        sent, encoding = pack(data, compress=name not in _PLAIN)
        if len(sent) > role.max_bytes or len(data) > role.max_unpacked:
            raise TrustlistError("propose.size", f"{path} is larger than its role may publish")
        if path.endswith(".json"):
            _check_json(path, data)
        target = TargetFile.from_data(path, sent, ["sha256"])
        target.unrecognized_fields["custom"] = {**(custom or {}), **encoding}
        fresh.targets[path] = target
        packed[target_name(path, target)] = sent
    if len(fresh.targets) > role.max_files:
        raise TrustlistError("propose.size", f"{name} may publish {role.max_files} files")
    stamped(fresh, name, now)
    return store(repository, f"{name}-{fresh.version}", {name: Metadata(fresh)}, packed, now)


def store(
    repository: Repository,
    id: str,
    metadata: Mapping[str, Metadata[Any]],
    files: Mapping[str, bytes],
    now: datetime,
) -> str:
    """Keep a proposal; one of the same id gives way with its signatures."""
    folder = repository.proposals / id
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in files.items():
        write_whole(folder / "targets" / path, data)
    for name, one in metadata.items():
        write_whole(folder / "metadata" / f"{name}.json", to_bytes(one))
    note = {"made": signed_time.write_instant(now), "roles": sorted(metadata)}
    write_whole(folder / "proposal.json", json.dumps(note).encode())
    return id


def load(repository: Repository, id: str, now: datetime) -> Proposal:
    """A proposal with the signatures it has. Raises TrustlistError `propose.*`."""
    folder = repository.proposals / id
    if not _ID.match(id) or not (folder / "proposal.json").is_file():
        raise TrustlistError("propose.absent", f"no proposal {id[:40]!r}")
    try:
        note = json.loads(read_bounded(folder / "proposal.json", MAX_SIGNATURE_BYTES))
        made = signed_time.read_instant(note["made"])
        metadata = {}
        for name in note["roles"]:
            if name not in roles.BY_NAME:
                raise ValueError("unknown role")
            one: Metadata[Any] = Metadata.from_bytes(
                read_bounded(folder / "metadata" / f"{name}.json", MAX_BYTES)
            )
            one.signatures.clear()
            for signature in _signatures(folder / "signatures" / name):
                one.signatures[signature.keyid] = signature
            metadata[name] = one
        files = _files(folder / "targets", metadata)
    except (OSError, ValueError, KeyError, TypeError, RepositoryError) as fault:
        raise TrustlistError("propose.malformed", f"{id}: {type(fault).__name__}") from fault
    if now - made > LIFETIME:
        raise TrustlistError("propose.expired", f"{id} is older than {LIFETIME.days} days; propose it anew")
    return Proposal(id, made, metadata, files)


def add_signature(repository: Repository, proposal: Proposal, name: str, signature: Signature) -> None:
    """Lay a detached signature beside a proposal."""
    path = repository.proposals / proposal.id / "signatures" / name / f"{signature.keyid}.json"
    write_whole(path, json.dumps({"keyid": signature.keyid, **signature.to_dict()}).encode())


def remove(repository: Repository, proposal: Proposal) -> None:
    """Forget a proposal that was published."""
    shutil.rmtree(repository.proposals / proposal.id, ignore_errors=True)


def _signatures(folder: Path) -> list[Signature]:
    found = []
    for path in sorted(folder.glob("*.json"))[:MAX_SIGNATURES] if folder.is_dir() else ():
        found.append(Signature.from_dict(json.loads(read_bounded(path, MAX_SIGNATURE_BYTES))))
    return found


def _files(folder: Path, metadata: Mapping[str, Metadata[Any]]) -> dict[str, bytes]:
    """The proposed files the metadata speak of, each as long and with the hash they say."""
    found = {}
    for name, one in metadata.items():
        for path, target in one.signed.targets.items() if name in roles.DELEGATED else ():
            file = folder / target_name(path, target)
            if roles.role_of(path) is roles.BY_NAME[name] and file.is_file():
                data = read_bounded(file, roles.BY_NAME[name].max_bytes)
                target.verify_length_and_hashes(data)
                found[target_name(path, target)] = data
    return found


def _check_json(path: str, data: bytes) -> None:
    try:
        json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise TrustlistError("propose.content", f"{path} is no JSON") from fault
