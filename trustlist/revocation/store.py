"""The kiosk's store: a generation of files, a journal of deltas, and one reference that scans read.

Every change is parsed wholly, checked, built beside the old, written and synced, and only then takes effect
by one assignment; until then the old state serves. A cut of power at any write leaves the old or the new.
One updater writes; any number of threads read `state`.

`current` holds the manifest; `own-N`, `foreign-N` and `journal-N` belong to generation N.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .delta import decode, encode
from .errors import DeltaRefused, FormatError
from .files import Files
from .folding import foreign_file, own_file
from .journal import read_journal, record
from .limits import MAX_JOURNAL_BYTES, MAX_MANIFEST_BYTES
from .manifest import Manifest, Part, read_manifest
from .rvh import HashFile
from .shards import ShardFile
from .state import Base, State

_NAMES = re.compile(r"(?:own|foreign|journal)-(\d{1,13})(\.new)?")


class RevocationStore:
    """What one kiosk knows; `state` is None until a first generation is installed."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        """Open what lies in `folder`, which exists. Damage is told by `fault`, never raised."""
        self._folder, self._files = folder, files or Files()
        self._manifest: Manifest | None = None
        self._state: State | None = None
        self._journal_ends = 0
        current = folder / "current"
        self._fault: str | None = None
        try:
            if current.exists():
                self._open(_read_small(current))
        except FormatError as fault:
            self._fault = fault.code
        except OSError:
            self._fault = "file.unreadable"

    @property
    def state(self) -> State | None:
        """The revocations in force."""
        return self._state

    @property
    def fault(self) -> str | None:
        """Why what lay in the folder cannot be used: then a generation must be installed; None: it can."""
        return self._fault

    @property
    def generation(self) -> int | None:
        """Which files lie beneath; None: none yet."""
        return None if self._manifest is None else self._manifest.generation

    def install(
        self, manifest: bytes, own: Iterable[bytes], foreign: Iterable[bytes], delta: bytes | None = None
    ) -> State:
        """Take a whole generation, and a delta on it. The first, or when ours is damaged.

        Raises FormatError; DeltaRefused `delta.rollback` if it would lead behind what is in force.
        """
        told = read_manifest(manifest)
        if self._manifest is not None and told.generation < self._manifest.generation:
            raise DeltaRefused("delta.rollback")
        base = self._write_files(told, own, foreign)
        state = State.of(base) if delta is None else State.of(base).apply(decode(delta))
        self._refuse_older(state)
        self._switch(told, state, b"" if delta is None else record(delta))
        return state

    def apply(self, delta: bytes) -> State:
        """Take a delta. Raises FormatError, DeltaRefused, OSError; then the old state goes on."""
        state = self._require()
        new = state.apply(decode(delta))
        if new.epoch == state.epoch:
            return state
        entry = record(delta)
        if self._journal_ends + len(entry) > MAX_JOURNAL_BYTES:
            self._rewrite(new)
        else:
            self._files.append(self._path("journal"), self._journal_ends, entry)
            self._journal_ends += len(entry)
        self._state = new
        return new

    def restart(self, delta: bytes) -> State:
        """Drop every delta and take this one on the bare files: when a fingerprint did not match.

        Raises as `apply` does; DeltaRefused `delta.rollback` if it leads behind what is in force.
        """
        state = self._require()
        new = State.of(state.base).apply(decode(delta))
        self._refuse_older(new)
        self._rewrite(new)
        self._state = new
        return new

    def fold(self, manifest: bytes, delta: bytes) -> State:
        """Make the next generation here, byte for byte as published. `delta` is the manifest's fold delta.

        Raises FormatError `fold.mismatch` if other bytes come out: then it must be installed instead.
        """
        state, told = self._require(), read_manifest(manifest)
        if told.generation != state.base.own.generation + 1 or told.fold != Part.of(delta):
            raise FormatError("fold.not_next")
        packed = decode(delta)
        folded = State.of(state.base).apply(packed)
        if (folded.epoch, folded.horizon) != (told.epoch, told.horizon):
            raise FormatError("fold.not_next")
        newest = state if state.epoch >= folded.epoch else state.apply(packed)
        base = self._write_files(
            told, own_file(folded, told.generation), foreign_file(folded, told.generation)
        )
        new = newest.above(base, folded)
        self._switch(told, new, record(_bytes_of(new)) if new.epoch > base.epoch else b"")
        return new

    def _open(self, manifest: bytes) -> None:
        told = read_manifest(manifest)
        own, foreign = self._path("own", told), self._path("foreign", told)
        if (own.stat().st_size, foreign.stat().st_size) != (told.own.length, told.foreign.length):
            raise FormatError("file.length")
        state = State.of(Base(ShardFile(own), HashFile(foreign), told.epoch, told.horizon))
        self._manifest = told
        for delta, ends in read_journal(self._path("journal", told)):
            try:
                state = state.apply(decode(delta))
            except (FormatError, DeltaRefused):
                break  # written whole, yet not ours: what came before it is still a published state
            self._journal_ends = ends
        self._state = state

    def _write_files(self, told: Manifest, own: Iterable[bytes], foreign: Iterable[bytes]) -> Base:
        """Write both, compare, and open them under their names. Raises FormatError `fold.mismatch`."""
        parts = (("own", told.own, own), ("foreign", told.foreign, foreign))
        for name, part, pieces in parts:
            path = self._path(name, told)
            digest, length, new = self._files.prepare(path, _bounded(pieces, part.length))
            if (digest, length) != part:
                self._files.remove(new)
                raise FormatError("fold.mismatch")
            self._files.publish(new, path)
        base_files = ShardFile(self._path("own", told)), HashFile(self._path("foreign", told))
        if any(file.generation != told.generation for file in base_files):
            raise FormatError("file.generation")
        return Base(*base_files, told.epoch, told.horizon)

    def _switch(self, told: Manifest, state: State, journal: bytes) -> None:
        self._files.write(self._path("journal", told), [journal])
        self._files.write(self._folder / "current", [told.encode()])
        self._manifest, self._state, self._journal_ends, self._fault = told, state, len(journal), None
        self._tidy(told.generation)

    def _rewrite(self, state: State) -> None:
        entry = record(_bytes_of(state))
        self._files.write(self._path("journal"), [entry])
        self._journal_ends = len(entry)

    def _tidy(self, generation: int) -> None:
        """Remove generations older than the last, and what an attempt left behind."""
        for path in self._folder.iterdir():
            match = _NAMES.fullmatch(path.name)
            if match and (match[2] or int(match[1]) not in (generation, generation - 1)):
                self._files.remove(path)

    def _path(self, name: str, told: Manifest | None = None) -> Path:
        manifest = told or self._manifest
        if manifest is None:
            raise DeltaRefused("store.empty")
        return self._folder / f"{name}-{manifest.generation}"

    def _require(self) -> State:
        if self._state is None:
            raise DeltaRefused("store.empty")
        return self._state

    def _refuse_older(self, new: State) -> None:
        old = self._state
        if old is not None and new.epoch < old.epoch:
            raise DeltaRefused("delta.rollback")


def _bytes_of(state: State) -> bytes:
    return encode(state.as_delta(), state.directory, state.base.own.shard_bits)


def _bounded(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """Endless data costs no more disk than was promised."""
    left = length
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise FormatError("fold.mismatch")
        yield piece


def _read_small(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_MANIFEST_BYTES + 1)
