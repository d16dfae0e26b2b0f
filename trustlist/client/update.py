"""One poll: roots first, then everything under them into a new set; refused as a whole or taken as a whole.

Source: TUF specification §5; notes/distribution-and-fleet §2, §6.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Protocol

from tuf.api import exceptions as tuf
from tuf.api.metadata import Metadata, Root, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater

from .. import roles, signed_time
from ..errors import TrustlistError
from .folder_fetcher import BASE, FolderFetcher
from .http_fetcher import HttpFetcher
from .store import FOLDER, HTTP, ActiveSet, Bootstrap, Held, Store
from .verify import MAX_ROOT_BYTES, MAX_ROOTS, MAX_TIMESTAMP_BYTES, VerifiedSet, check_targets, verify_set

UPDATED, UNCHANGED = "updated", "unchanged"
BEHIND, AHEAD = "clock.behind", "clock.ahead"
# A root lives a year. A clock that stands a whole year behind the end of it is wrong, not the repository old.
ABSURD = timedelta(days=365)

# The first that fits names the refusal; the order is from kin to parent.
CODES: tuple[tuple[type[BaseException], str], ...] = (
    (tuf.BadVersionNumberError, "metadata.rollback"),
    (tuf.UnsignedMetadataError, "metadata.unsigned"),
    (tuf.ExpiredMetadataError, "metadata.expired"),
    (tuf.LengthOrHashMismatchError, "metadata.tampered"),
    (tuf.RepositoryError, "metadata.malformed"),
    (tuf.DownloadLengthMismatchError, "download.too_long"),
    (tuf.SlowRetrievalError, "download.too_slow"),
    (tuf.DownloadHTTPError, "download.http"),
    (tuf.DownloadError, "download.failed"),
    (OSError, "store.failed"),
    (ValueError, "metadata.malformed"),
)


class _Source(Protocol):
    told_date: datetime | None

    def download_bytes(self, url: str, max_length: int) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Report:
    """How a poll ended. `code`: `updated`, `unchanged`, or why it was refused; `clock`: its fault.

    `active` is the set to use from now on: the new one, or after a refusal the one that was in use.
    """

    code: str
    active: ActiveSet | None
    floor: datetime
    clock: str | None = None
    words: str = ""
    damaged: tuple[str, ...] = ()

    @property
    def missing(self) -> dict[str, str]:
        """Roles that are left out, each with its reason; the others are in use."""
        return dict(self.active.verified.missing) if self.active else {}


class Client:
    """Keeps one device's trust data up to date. Time enters as `now` (aware)."""

    def __init__(self, home: Path, bootstrap: Bootstrap) -> None:
        self._store = Store(home, bootstrap)

    def held(self) -> Held:
        """What is on the disk, verified anew."""
        return self._store.open()

    def poll(self, address: str, now: datetime, fetcher: HttpFetcher | None = None) -> Report:
        """Update from `address` (http or https), under which `metadata/` and `targets/` lie."""
        source = fetcher or HttpFetcher(self._store.downloads)
        return self._guarded(source, address.rstrip("/"), now, HTTP)

    def feed(self, folder: Path, now: datetime) -> Report:
        """Update from a folder. The 24 hours of a timestamp do not count: sticks travel longer."""
        return self._guarded(FolderFetcher(folder), BASE.rstrip("/"), now, FOLDER)

    def _guarded(self, source: HttpFetcher | FolderFetcher, base: str, now: datetime, fed: str) -> Report:
        held = self._store.open()
        clock, poll = None, None
        try:
            with self._store.locked():
                held = self._with_newer_roots(held, source, base)
                clock = BEHIND if signed_time.is_behind(now, held.floor) else None
                poll = _Poll(self._store, held, source, base, signed_time.at_least(now, held.floor), fed)
                made = poll.run()
                if made is None:
                    return Report(UNCHANGED, held.active, held.floor, clock, damaged=held.damaged)
                floor = signed_time.next_floor(held.floor, made.issued)
                issued = signed_time.credited(made.issued, now, floor)
                active = self._store.activate(made, floor=floor, issued=issued, fed=fed)
            return Report(UPDATED, active, floor, clock, damaged=held.damaged)
        except tuf.ExpiredMetadataError as fault:
            if clock is None and poll and _is_ahead(now, held.root, poll.watched, source.told_date):
                return Report(AHEAD, held.active, held.floor, AHEAD, str(fault), held.damaged)
            return Report("metadata.expired", held.active, held.floor, clock, str(fault), held.damaged)
        except TrustlistError as fault:
            return Report(fault.code, held.active, held.floor, clock, str(fault), held.damaged)
        except (tuf.RepositoryError, tuf.DownloadError, OSError, ValueError) as fault:
            code = next(code for kind, code in CODES if isinstance(fault, kind))
            return Report(code, held.active, held.floor, clock, str(fault), held.damaged)
        finally:
            source.close()
            shutil.rmtree(self._store.staging, ignore_errors=True)

    def _with_newer_roots(self, held: Held, source: _Source, base: str) -> Held:
        """Take every newer root there is, and keep each at once: none is ever unlearnt."""
        newest = held.root.version
        for version in range(newest + 1, newest + 1 + MAX_ROOTS):
            try:
                data = source.download_bytes(f"{base}/metadata/{version}.root.json", MAX_ROOT_BYTES)
            except tuf.DownloadHTTPError as fault:
                if fault.status_code not in (403, 404):
                    raise
                break
            current = held.root if version == newest + 1 else self._store.open().root
            root = Metadata[Root].from_bytes(data)
            current.verify_delegate(roles.ROOT, root.signed_bytes, root.signatures)
            root.signed.verify_delegate(roles.ROOT, root.signed_bytes, root.signatures)
            if root.signed.version != version:
                raise tuf.BadVersionNumberError(f"root {version} says it is {root.signed.version}")
            self._store.add_root(version, data)
        else:
            raise TrustlistError("root.endless", f"more than {MAX_ROOTS} new roots")
        return held if version == newest + 1 else self._store.open()


class _Poll:
    """What one poll under one root does; `watched` remembers the timestamp it was given."""

    def __init__(
        self,
        store: Store,
        held: Held,
        source: HttpFetcher | FolderFetcher,
        base: str,
        at: datetime,
        fed: str,
    ) -> None:
        self._store, self._held, self._base, self._at, self._fed = store, held, base, at, fed
        self.watched = _Watched(source, f"{base}/metadata/{held.root.version + 1}.root.json")

    def run(self) -> VerifiedSet | None:
        """The new set, verified, in staging; None when nothing is new. Raises what the table CODES names."""
        active = self._held.active
        staging = self._store.stage(active)
        updater = self._updater(staging)
        updater.refresh()
        timestamp = Metadata[Timestamp].from_file(str(staging / "metadata" / "timestamp.json")).signed
        if active and (self._held.root.version, timestamp.version) == (
            active.verified.root.version,
            active.verified.timestamp_version,
        ):
            return None
        missing: dict[str, str] = {}
        for name in roles.DELEGATED:
            self._take_role(updater, staging, name, missing)
        for name in ("root.json", "root_history"):  # the store keeps the roots
            path = staging / "metadata" / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        made = verify_set(staging, self._held.root, missing)
        over = made.expired(self._at) - ({roles.TIMESTAMP} if self._fed == FOLDER else set())
        if over & set(roles.TOP):
            raise tuf.ExpiredMetadataError(f"{', '.join(sorted(over))} expired")
        if over:  # only from a folder: the library judged by the timestamp's own time
            made = verify_set(staging, self._held.root, missing | dict.fromkeys(over, "metadata.expired"))
        return made

    def _updater(self, staging: Path) -> Updater:
        version, history = self._held.root.version, self._store.roots
        path = history / f"{version}.root.json"
        newest = path.read_bytes() if path.exists() else self._store.bootstrap.root
        updater = Updater(
            str(staging / "metadata"),
            f"{self._base}/metadata/",
            target_base_url=f"{self._base}/targets/",
            fetcher=self.watched,
            bootstrap=newest,
        )
        at = self._at
        if self._fed == FOLDER:  # expiry is judged afterwards, by the true time, for all but the timestamp
            told = self.watched.timestamp_of(f"{self._base}/metadata/timestamp.json", self._held.root)
            at = min(at, told.expires - timedelta(seconds=1))
        # the library asks the system's clock, and no other way exists
        updater._trusted_set.reference_time = at
        return updater

    def _take_role(self, updater: Updater, staging: Path, name: str, missing: dict[str, str]) -> None:
        """Bring one role and its files into staging; an expired one is left out, alone."""
        listing = staging / "metadata" / f"{name}.json"
        try:
            updater.get_targetinfo(f"{name}/-")  # loads and verifies the role that may publish there
        except tuf.ExpiredMetadataError:
            listing.unlink(missing_ok=True)
            missing[name] = "metadata.expired"
            return
        if not listing.exists():
            return  # this repository has no such role
        listed = Metadata[Targets].from_file(str(listing)).signed
        targets = check_targets(roles.BY_NAME[name], listed)
        for path in targets if roles.BY_NAME[name].fetched else ():
            info = updater.get_targetinfo(path)
            if info is None:
                raise TrustlistError("target.absent", path)
            place = staging / "targets" / path
            place.parent.mkdir(exist_ok=True)
            if not self._linked(path, info.hashes, place):
                updater.download_target(info, str(place))

    def _linked(self, path: str, hashes: dict[str, str], place: Path) -> bool:
        """Whether the set in use has the same file: then it is shared, not fetched."""
        active = self._held.active
        known = active.verified.targets.get(path) if active else None
        if active is None or known is None or known.hashes != hashes:
            return False
        os.link(active.verified.folder / "targets" / path, place)
        return True


class _Watched(FetcherInterface):
    """A fetcher that has asked for the next root already and remembers which timestamp it was given."""

    def __init__(self, source: HttpFetcher | FolderFetcher, no_root: str) -> None:
        self._source, self._no_root = source, no_root
        self._timestamp = b""

    def _fetch(self, url: str) -> Iterator[bytes]:
        raise tuf.DownloadError(f"{url}: fetched without a length limit")

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        if url == self._no_root:
            raise tuf.DownloadHTTPError(f"{url}: asked before", 404)
        with self._source.download_file(url, max_length) as file:
            if url.endswith("/timestamp.json"):
                self._timestamp = file.read()
                file.seek(0)
            yield file

    def timestamp_of(self, url: str, root: Root) -> Timestamp:
        """The timestamp at `url`, its signature checked."""
        self._timestamp = self._source.download_bytes(url, MAX_TIMESTAMP_BYTES)
        return self.timestamp(root)

    def timestamp(self, root: Root) -> Timestamp:
        """The timestamp last given. Raises RepositoryError when it is not signed, or none was given."""
        told = Metadata[Timestamp].from_bytes(self._timestamp)
        root.verify_delegate(roles.TIMESTAMP, told.signed_bytes, told.signatures)
        return told.signed


def _is_ahead(now: datetime, root: Root, watched: _Watched, told_date: datetime | None) -> bool:
    """Whether our clock, not the repository, is the likelier fault. Only words hang on it, never trust."""
    if now - ABSURD > root.expires:
        return True
    with suppress(tuf.RepositoryError):
        return told_date is not None and told_date < watched.timestamp(root).expires <= now
    return False
