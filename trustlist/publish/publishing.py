"""The last step: signatures counted, a rehearsal with the real client, then files in the one safe order.

Nothing a client reads changes before `timestamp.json`, and that is written last: a crash before it leaves
files nobody asks for.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from .. import roles
from ..client.store import Bootstrap
from ..client.update import UPDATED, Client
from ..errors import TrustlistError
from ..files import write_whole
from .repository import Repository, stamped, to_bytes


def publish_online(
    repository: Repository,
    snapshot_keys: Sequence[CryptoSigner],
    timestamp_keys: Sequence[CryptoSigner],
    now: datetime,
    changed: Mapping[str, Metadata[Any]] | None = None,
) -> None:
    """A snapshot of what is newest (and `changed`), and a timestamp over it, written last.

    Without a change the snapshot stays, unless half its life is over; only the timestamp is made anew.
    """
    root = (changed or {}).get(roles.ROOT) or repository.root()
    before = repository.newest(roles.SNAPSHOT)
    names = (roles.TARGETS, *roles.DELEGATED)
    meta = {}
    for name in names:
        metadata = (changed or {}).get(name) or _current(repository, name, before)
        if metadata is not None:
            meta[f"{name}.json"] = _meta(metadata)
    half = roles.BY_NAME[roles.SNAPSHOT].lifetime / 2
    stays = (
        before is not None
        and before.signed.meta == meta
        and before.signed.expires - now > half
        and _signs(root.signed, roles.SNAPSHOT, before)
    )
    if stays and before is not None:
        snapshot = before
    else:
        fresh = Snapshot(version=_next(before), meta=meta)
        stamped(fresh, roles.SNAPSHOT, now)
        snapshot = _sign(Metadata(fresh), snapshot_keys)
    last = repository.newest(roles.TIMESTAMP)
    timestamp = Timestamp(version=_next(last), snapshot_meta=_meta(snapshot))
    stamped(timestamp, roles.TIMESTAMP, now)
    signed = _sign(Metadata(timestamp), timestamp_keys)
    for name, metadata in ((roles.SNAPSHOT, snapshot), (roles.TIMESTAMP, signed)):
        if not _signs(root.signed, name, metadata):
            raise TrustlistError("sign.threshold", f"{name}: these keys are not the root's")
    repository.put(roles.SNAPSHOT, snapshot)
    repository.put(roles.TIMESTAMP, signed)


def publish(
    repository: Repository,
    changed: Mapping[str, Metadata[Any]],
    files: Mapping[str, bytes],
    online: Mapping[str, Sequence[CryptoSigner]],
    now: datetime,
) -> None:
    """Publish signed `changed` metadata and new target `files` (published name: bytes), or TrustlistError.

    First everything happens in a copy, and a fresh client and one that knows today's state update from it.
    """
    check_thresholds(repository, changed)
    with tempfile.TemporaryDirectory(dir=repository.home) as folder:
        copy = Repository(Path(folder) / "copy")
        shutil.copytree(repository.metadata, copy.metadata)
        for name in repository.referenced() if repository.newest(roles.SNAPSHOT) else ():
            source = repository.home / "public" / name
            place = copy.home / "public" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.hardlink_to(source)
        _write(copy, changed, files, online, now)
        _rehearse(repository, copy, Path(folder), now)
    _write(repository, changed, files, online, now)
    repository.prune(now)


def check_thresholds(repository: Repository, changed: Mapping[str, Metadata[Any]]) -> None:
    """Enough of the right people signed each change. Raises TrustlistError `sign.threshold`."""
    root = repository.root()
    new_root = changed.get(roles.ROOT)
    if new_root is not None and not (
        _signs(root.signed, roles.ROOT, new_root) and _signs(new_root.signed, roles.ROOT, new_root)
    ):
        raise TrustlistError("sign.threshold", "root: the old and the new signers must both sign")
    targets = changed.get(roles.TARGETS) or repository.targets_role()
    for name, metadata in changed.items():
        delegator = (new_root or root).signed if name == roles.TARGETS else targets.signed
        if name != roles.ROOT and not _signs(delegator, name, metadata):
            missing = delegator.get_verification_result(
                name, metadata.signed_bytes, metadata.signatures
            ).missing
            raise TrustlistError("sign.threshold", f"{name}: {missing} more must sign")


def _write(
    repository: Repository,
    changed: Mapping[str, Metadata[Any]],
    files: Mapping[str, bytes],
    online: Mapping[str, Sequence[CryptoSigner]],
    now: datetime,
) -> None:
    for name, data in files.items():
        write_whole(repository.targets / name, data)
    for name in sorted(changed):
        if name != roles.ROOT:
            repository.put(name, changed[name])
    # Online metadata under the new keys would be refused by clients of the old root, and the reverse: with a
    # new root it comes first, and the timestamp at once after it.
    if roles.ROOT in changed:
        repository.put(roles.ROOT, changed[roles.ROOT])
    publish_online(repository, online[roles.SNAPSHOT], online[roles.TIMESTAMP], now, changed)


def _rehearse(repository: Repository, copy: Repository, folder: Path, now: datetime) -> None:
    first = (repository.metadata / "1.root.json").read_bytes()
    for name, known in (("fresh", False), ("knowing", True)):
        client = Client(folder / name, Bootstrap(first, now))
        if known:
            client.feed(repository.home / "public", now)
        report = client.feed(copy.home / "public", now)
        if report.code != UPDATED:
            raise TrustlistError("publish.rehearsal", f"a {name} client says {report.code}: {report.words}")


def _current(repository: Repository, name: str, snapshot: Metadata[Any] | None) -> Metadata[Any] | None:
    """The metadata of a role today's snapshot speaks of; the newest file before there is one."""
    if snapshot is None or f"{name}.json" not in snapshot.signed.meta:
        return repository.newest(name)
    version = snapshot.signed.meta[f"{name}.json"].version
    return Metadata.from_file(str(repository.metadata / f"{version}.{name}.json"))


def _meta(metadata: Metadata[Any]) -> MetaFile:
    return MetaFile.from_data(metadata.signed.version, to_bytes(metadata), ["sha256"])


def _next(before: Metadata[Any] | None) -> int:
    return 1 if before is None else int(before.signed.version) + 1


def _sign(metadata: Metadata[Any], signers: Sequence[CryptoSigner]) -> Metadata[Any]:
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata


def _signs(delegator: Root | Targets, name: str, metadata: Metadata[Any]) -> bool:
    try:
        return bool(delegator.get_verification_result(name, metadata.signed_bytes, metadata.signatures))
    except (RepositoryError, ValueError):
        return False
