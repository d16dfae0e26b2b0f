"""What a device keeps: the roots it has seen, sets verified as a whole, and one link to the one it uses.

    roots/N.root.json       every root accepted, a chain of signatures from the one in the image
    sets/<root>.<time>/     metadata/, targets/, state.json
    active -> sets/...      the one rename that activates
    downloads/ staging/     nothing in them is believed

Files that did not change are hard links between sets: a new timestamp costs no copy of the data.
Source: notes/distribution-and-fleet §2.3, §6.2.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Root

from .. import signed_time
from ..errors import TrustlistError
from ..files import flush_folder, flush_tree, point, read_bounded, write_whole
from .verify import VerifiedSet, load_root, verify_set

MAX_STATE_BYTES = 4_096
HTTP, FOLDER = "http", "folder"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What the image brings: a root, when it was built (aware), and metadata as new as it (`seed`, a folder).

    With a seed a fresh device refuses repositories older than its image, not only expired ones.
    """

    root: bytes
    built_at: datetime
    seed: Path | None = None


@dataclass(frozen=True, slots=True)
class ActiveSet:
    """A verified set in use. `issued`: what ages count from. `fed`: by `http` or `folder`."""

    verified: VerifiedSet
    issued: datetime
    fed: str


@dataclass(frozen=True, slots=True)
class Held:
    """The state of a store: `damaged` are the sets whose verification failed, the newest first."""

    active: ActiveSet | None
    root: Root
    floor: datetime
    damaged: tuple[str, ...]


class Store:
    """One folder of one device."""

    def __init__(self, home: Path, bootstrap: Bootstrap) -> None:
        self.bootstrap = bootstrap
        self.roots = home / "roots"
        self.sets = home / "sets"
        self.downloads = home / "downloads"
        self.staging = home / "staging"
        self._home = home
        self._active = home / "active"
        for folder in (self.roots, self.sets):
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One update at a time. Raises TrustlistError `store.busy`."""
        with (self._home / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as fault:
                raise TrustlistError("store.busy", "another update runs") from fault
            yield

    def open(self) -> Held:
        """Verify what lies on the disk, without network or clock. Raises TrustlistError `root.bootstrap`."""
        root = load_root(self.bootstrap.root, self.roots)
        base = self.base(root)
        damaged = []
        for name in self._candidates():
            try:
                active, floor = self._read(self.sets / name)
            except TrustlistError:
                damaged.append(name)
                continue
            if root.version > active.verified.root.version:  # a rotation takes back what a thief pushed
                floor = base
            return Held(active, root, max(base, floor), tuple(damaged))
        return Held(None, root, base, tuple(damaged))

    def base(self, root: Root) -> datetime:
        """The floor nobody but the root's signers can lift."""
        try:
            return max(self.bootstrap.built_at, signed_time.issued_of(root.unrecognized_fields))
        except TrustlistError:
            return self.bootstrap.built_at

    def stage(self, base: ActiveSet | None) -> Path:
        """An empty staging folder with the metadata of the set in use, or the image's, to be updated."""
        shutil.rmtree(self.staging, ignore_errors=True)
        metadata = self.staging / "metadata"
        (self.staging / "targets").mkdir(parents=True)
        source = base.verified.folder / "metadata" if base else self.bootstrap.seed
        if source is not None and source.is_dir():
            shutil.copytree(source, metadata, ignore=shutil.ignore_patterns("*root*"))
        else:
            metadata.mkdir()
        return self.staging

    def activate(self, made: VerifiedSet, *, floor: datetime, issued: datetime, fed: str) -> ActiveSet:
        """Turn the verified staging folder into the set in use; a crash leaves the old set or the new one."""
        state = {
            "floor": signed_time.write_instant(floor),
            "issued": signed_time.write_instant(issued),
            "missing": made.missing,
            "fed": fed,
        }
        before = self._pointed()
        write_whole(self.staging / "state.json", json.dumps(state).encode())
        flush_tree(self.staging)
        place = self.sets / made.name
        if place.exists():  # damaged, or left by a crash before it was ever used
            shutil.rmtree(place)
        os.rename(self.staging, place)  # noqa: PTH104
        flush_folder(self.sets)
        point(self._active, f"sets/{made.name}")
        for old in self.sets.iterdir():
            if old.name not in (made.name, before):
                shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self.downloads, ignore_errors=True)  # halves of what is superseded now
        active, _ = self._read(place)
        return active

    def add_root(self, version: int, data: bytes) -> None:
        """Keep a verified root for good."""
        write_whole(self.roots / f"{version}.root.json", data)

    def _pointed(self) -> str | None:
        try:
            return os.readlink(self._active).rpartition("/")[2]  # noqa: PTH115
        except OSError:
            return None

    def _candidates(self) -> list[str]:
        """The set in use first, then the others, newest first.

        A crash between the two renames leaves a complete, verified newer set behind: it may be used.
        """
        names = sorted((path.name for path in self.sets.iterdir() if path.is_dir()), reverse=True)
        pointed = self._pointed()
        return sorted(names, key=lambda name: name != pointed)

    def _read(self, folder: Path) -> tuple[ActiveSet, datetime]:
        try:
            state = json.loads(read_bounded(folder / "state.json", MAX_STATE_BYTES))
            missing = {str(name): str(reason) for name, reason in state["missing"].items()}
            root_version, fed = int(folder.name.partition(".")[0]), str(state["fed"])
            floor, issued = (signed_time.read_instant(state[name]) for name in ("floor", "issued"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            raise TrustlistError("set.tampered", "state.json") from fault
        root = load_root(self.bootstrap.root, self.roots, root_version)
        verified = verify_set(folder, root, missing)
        if verified.name != folder.name:
            raise TrustlistError("set.tampered", "another set's content")
        # state.json is not signed: it can neither freshen the set nor lift the floor above what was signed
        floor = min(floor, verified.issued)
        return ActiveSet(verified, min(issued, verified.issued), fed), floor
