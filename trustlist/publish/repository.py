"""The published tree as files: read the newest of each role, write what replaces it, forget what is old.

public/metadata   N.root.json, N.<role>.json, timestamp.json: served as they lie
public/targets    <role>/<sha256>.<name>
proposals/        what waits for signatures
superseded.json   since when each file is no longer current
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Signed, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from .. import roles, signed_time
from ..errors import TrustlistError
from ..files import read_bounded, write_whole

KEEP_SUPERSEDED = timedelta(hours=48)  # a kiosk in the middle of an update must still find its files
_COMPACT = JSONSerializer(compact=True)
MAX_BYTES = 5_000_000


def to_bytes(metadata: Metadata[Any]) -> bytes:
    """Metadata as published."""
    return metadata.to_bytes(_COMPACT)


def stamped(signed: Signed, name: str, now: datetime) -> None:
    """Write issue time and expiry of a role into unsigned metadata."""
    whole = now.replace(microsecond=0)
    signed.unrecognized_fields[signed_time.FIELD] = signed_time.write_instant(whole)
    signed.expires = whole + roles.BY_NAME[name].lifetime


def target_name(path: str, target: TargetFile) -> str:
    """Where a target lies in the published tree: consistent snapshots put the hash before the name."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{target.hashes['sha256']}.{name}"


class Repository:
    """One repository on a disk."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.metadata = home / "public" / "metadata"
        self.targets = home / "public" / "targets"
        self.proposals = home / "proposals"

    def newest(self, name: str) -> Metadata[Any] | None:
        """The newest published metadata of a role; None: there is none. Raises TrustlistError."""
        if name == roles.TIMESTAMP:
            path: Path | None = self.metadata / "timestamp.json"
        else:
            path = max(self.metadata.glob(f"*.{name}.json"), key=_version, default=None)
        if path is None or not path.exists():
            return None
        try:
            return Metadata.from_bytes(read_bounded(path, MAX_BYTES))
        except Exception as fault:
            raise TrustlistError("repository.unreadable", path.name) from fault

    def root(self) -> Metadata[Root]:
        """The newest root. Raises TrustlistError `repository.absent`."""
        return self._needed(roles.ROOT)

    def targets_role(self) -> Metadata[Targets]:
        """The newest list of delegations."""
        return self._needed(roles.TARGETS)

    def snapshot(self) -> Metadata[Snapshot]:
        """The newest snapshot."""
        return self._needed(roles.SNAPSHOT)

    def timestamp(self) -> Metadata[Timestamp]:
        """The timestamp."""
        return self._needed(roles.TIMESTAMP)

    def _needed(self, name: str) -> Metadata[Any]:
        found = self.newest(name)
        if found is None:
            raise TrustlistError("repository.absent", f"no {name} is published under {self.home.name}")
        return found

    def put(self, name: str, metadata: Metadata[Any]) -> None:
        """Publish one file of metadata; a version is never written twice with other content."""
        data = to_bytes(metadata)
        if name == roles.TIMESTAMP:
            write_whole(self.metadata / "timestamp.json", data)
            return
        path = self.metadata / f"{metadata.signed.version}.{name}.json"
        if path.exists() and path.read_bytes() != data and not self._is_unreferenced(name, metadata):
            raise TrustlistError("repository.version", f"{path.name} is published with other content")
        write_whole(path, data)

    def _is_unreferenced(self, name: str, metadata: Metadata[Any]) -> bool:
        """Whether a crash left the file before any timestamp spoke of it."""
        if name == roles.ROOT:
            return False
        timestamp = self.newest(roles.TIMESTAMP)
        if timestamp is None:
            return True
        current = int(timestamp.signed.snapshot_meta.version)
        if name == roles.SNAPSHOT:
            return bool(metadata.signed.version > current)
        told = Metadata[Snapshot].from_file(str(self.metadata / f"{current}.snapshot.json")).signed
        known = told.meta.get(f"{name}.json")
        return known is None or bool(metadata.signed.version > known.version)

    def referenced(self) -> set[str]:
        """Every file a client of today may ask for, relative to `public/`."""
        snapshot = self.snapshot().signed
        found = {"metadata/timestamp.json", f"metadata/{snapshot.version}.snapshot.json"}
        for file, meta in snapshot.meta.items():
            found.add(f"metadata/{meta.version}.{file}")
            listed = Metadata[Targets].from_file(str(self.metadata / f"{meta.version}.{file}")).signed
            found |= {f"targets/{target_name(path, one)}" for path, one in listed.targets.items()}
        return found

    def prune(self, now: datetime) -> list[str]:
        """Remove what nobody references for 48 h; roots stay for ever. Returns what was removed."""
        public = self.home / "public"
        notes = self.home / "superseded.json"
        since: dict[str, str] = json.loads(notes.read_text("utf-8")) if notes.exists() else {}
        lying = {str(path.relative_to(public)) for path in public.rglob("*") if path.is_file()}
        old = {one for one in lying - self.referenced() if not one.endswith(".root.json")}
        kept = {one: since.get(one, signed_time.write_instant(now)) for one in sorted(old)}
        gone = [one for one, at in kept.items() if now - signed_time.read_instant(at) >= KEEP_SUPERSEDED]
        for one in gone:
            (public / one).unlink()
            del kept[one]
        write_whole(notes, json.dumps(kept).encode())
        return gone


def _version(path: Path) -> int:
    number = path.name.partition(".")[0]
    return int(number) if number.isdecimal() else 0
