"""What a proposal changes, in words, recomputed by whoever is asked to sign it.

The state before is taken through the real client from the approver's own root, the state after from the
files whose hashes will be signed. No text of the server enters, and no control character reaches a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from .. import roles
from ..client.store import Bootstrap
from ..client.update import UPDATED, Client
from ..client.verify import VerifiedSet
from ..errors import TrustlistError
from ..packing import unpack
from .proposals import Proposal
from .repository import Repository, target_name

_FINGERPRINT = 16  # hex digits, as trust versions are named
# What names an entry of a list to a person; the rest of it goes into the fingerprint.
_NAMES = ("kid", "country", "issuer", "iss", "formats", "id", "Identifier", "spki_sha256")


def review(
    repository: Repository, proposal: Proposal, root: bytes, built_at: datetime, now: datetime
) -> list[str]:
    """Lines a person signs by. TrustlistError `review.*` when the published state is not the root's."""
    with TemporaryDirectory() as folder:
        client = Client(Path(folder), Bootstrap(root, built_at))
        report = client.feed(repository.home / "public", now)
        if report.code != UPDATED or report.active is None:
            raise TrustlistError("review.current", f"the published state is refused: {report.code}")
        current = report.active.verified
        lines = []
        for name, metadata in sorted(proposal.metadata.items()):
            lines += [
                f"role {name}: version {metadata.signed.version}, until {metadata.signed.expires:%Y-%m-%d}"
            ]
            lines += _of_role(repository, name, metadata, current, proposal)
    return [_printable(line) for line in lines]


def digest(proposal: Proposal) -> str:
    """Names exactly what would be signed: equal digest, equal review."""
    whole = sha256()
    for _, metadata in sorted(proposal.metadata.items()):
        whole.update(sha256(metadata.signed_bytes).digest())
    return whole.hexdigest()[:_FINGERPRINT]


def _of_role(
    repository: Repository, name: str, metadata: Metadata[Any], current: VerifiedSet, proposal: Proposal
) -> Iterator[str]:
    if name == roles.ROOT:
        yield from _keys("root", current.root, metadata.signed)
        return
    before = _verified(current, name)
    if metadata.signed.version != before.version + 1:
        raise TrustlistError(
            "review.version", f"{name}: {before.version} is published, proposed on another state"
        )
    if name == roles.TARGETS:
        yield from _delegations(before, metadata.signed)
        return
    for path in sorted(before.targets.keys() | metadata.signed.targets.keys()):
        old, new = before.targets.get(path), metadata.signed.targets.get(path)
        if old == new:
            continue
        if roles.role_of(path) is not roles.BY_NAME[name]:
            raise TrustlistError("review.path", f"{name} may not publish {path[:80]!r}")
        if new is None:
            yield f"- {path} removed"
            continue
        data = proposal.files.get(target_name(path, new))
        if data is None:
            raise TrustlistError("review.file", f"{path} is not in the proposal")
        limit = roles.BY_NAME[name].max_unpacked
        content = unpack(data, new.unrecognized_fields.get("custom"), limit)
        yield f"{'~' if old else '+'} {path}: {len(content)} bytes, sha256 {sha256(content).hexdigest()}"
        earlier = current.content(path) if old and path in current.targets else b"{}"
        if path.endswith(".json"):
            yield from _content(earlier, content)
        custom = {
            key: value for key, value in (new.custom or {}).items() if key not in ("encoding", "unpacked")
        }
        if custom:
            yield f"  custom {json.dumps(custom, sort_keys=True)}"


def _verified(current: VerifiedSet, name: str) -> Targets:
    """A role's list of the verified set: its signatures were checked when the set was made."""
    if name in current.missing:
        raise TrustlistError("review.current", f"{name} is {current.missing[name]}")
    return Metadata[Targets].from_file(str(current.folder / "metadata" / f"{name}.json")).signed


def _content(before: bytes, after: bytes) -> Iterator[str]:
    """Entries added, removed and changed, list by list; other values by their name."""
    try:
        old, new = json.loads(before), json.loads(after)
    except (ValueError, RecursionError) as fault:
        raise TrustlistError("review.content", "no JSON") from fault
    if not isinstance(old, dict) or not isinstance(new, dict):
        old, new = {"content": old}, {"content": new}
    for field in sorted(old.keys() | new.keys()):
        was, becomes = old.get(field), new.get(field)
        if was == becomes:
            continue
        if isinstance(was or [], list) and isinstance(becomes or [], list):
            was_by, becomes_by = _entries(was or []), _entries(becomes or [])
            yield from (f"  - {field}: {was_by[one]}" for one in sorted(was_by.keys() - becomes_by.keys()))
            yield from (
                f"  + {field}: {becomes_by[one]}" for one in sorted(becomes_by.keys() - was_by.keys())
            )
        else:
            yield f"  ~ {field}: {_short(was)} -> {_short(becomes)}"


def _entries(listed: list[Any]) -> dict[str, str]:
    """Words for each entry by the fingerprint of all of it."""
    found = {}
    for entry in listed:
        mark = sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:_FINGERPRINT]
        named = {key: entry[key] for key in _NAMES if entry.get(key)} if isinstance(entry, dict) else entry
        found[mark] = f"{_short(named)} [{mark}]"
    return found


def _keys(what: str, before: Root, after: Root) -> Iterator[str]:
    for name in sorted(before.roles.keys() | after.roles.keys()):
        yield from _role_keys(name, before.roles[name], after.roles[name])
    if before.consistent_snapshot != after.consistent_snapshot:
        yield f"~ {what}: consistent snapshots {after.consistent_snapshot}"


def _delegations(before: Targets, after: Targets) -> Iterator[str]:
    old: Mapping[str, Any] = (before.delegations.roles if before.delegations else None) or {}
    new: Mapping[str, Any] = (after.delegations.roles if after.delegations else None) or {}
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            yield f"{'+' if name in new else '-'} role {name}"
        if name in new:
            yield from _role_keys(name, old.get(name), new[name])
            if name not in old or old[name].paths != new[name].paths:
                yield f"~ {name} may publish {new[name].paths}"
    if after.targets:
        yield f"+ targets lists {len(after.targets)} files itself"


def _role_keys(name: str, before: Any, after: Any) -> Iterator[str]:
    had = set(before.keyids) if before else set()
    yield from (f"  - {name}: key {keyid}" for keyid in sorted(had - set(after.keyids)))
    yield from (f"  + {name}: key {keyid}" for keyid in sorted(set(after.keyids) - had))
    if before is None or before.threshold != after.threshold:
        yield f"  ~ {name}: {after.threshold} of {len(after.keyids)} must sign"


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return (
        text if len(text) <= 120 else f"{text[:100]}... [{sha256(text.encode()).hexdigest()[:_FINGERPRINT]}]"
    )


def _printable(line: str) -> str:
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in line)
