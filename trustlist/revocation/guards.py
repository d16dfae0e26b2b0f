"""What the publisher must not do alone, or at all. Source: notes/revocation §1.3 and §3.3."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from healthcert.revocation import HashType

from .delta import REMOVED, Delta
from .errors import GuardError
from .limits import CHANGES_ALONE, MIN_SELF_TEST, UNREVOKED_ALONE
from .shard_id import Shard
from .shards import Standing
from .state import State

_PAIR = 2


class KnownOwn(NamedTuple):
    """A test certificate of ours, and what must be said of it."""

    shard: Shard
    place: int
    revoked: bool


class KnownForeign(NamedTuple):
    """A hash of a foreign test certificate, and what must be said of it."""

    scope: bytes
    kind: HashType
    digest: bytes
    revoked: bool


def foreign_changes(state: State, upstream: Mapping[bytes, int] | None) -> dict[bytes, int]:
    """What a complete list (key -> last day) changes. A failed (None) or empty one changes nothing."""
    if not upstream:
        return {}
    gone = {key: REMOVED for key, _ in state.entries() if key not in upstream}
    new = {key: day for key, day in upstream.items() if state.day_of(key) != day}
    return {**gone, **new}


def unrevoked(delta: Delta) -> int:
    """How many certificates a delta makes valid again."""
    cleared = sum(not value for changes in delta.bits.values() for value in changes.values())
    return cleared + sum(day == REMOVED for day in delta.foreign.values())


def check_delta(delta: Delta, agreed: Collection[str]) -> None:
    """Raise GuardError `guard.second_person` where one is needed and `agreed` does not name two people."""
    large = delta.changes > CHANGES_ALONE or unrevoked(delta) > UNREVOKED_ALONE
    if large and len(set(agreed)) < _PAIR:
        raise GuardError("guard.second_person")


def self_test(
    state: State, own: Collection[KnownOwn], foreign: Collection[KnownForeign], instant: float
) -> None:
    """Ask for known certificates before a generation goes live.

    Raises GuardError: `guard.self_test` if one is answered wrongly, `guard.no_self_test` if there are not
    both revoked and good ones to ask for.
    """
    for known in ((row.revoked for row in own), (row.revoked for row in foreign)):
        if not _shows_both(known):
            raise GuardError("guard.no_self_test")
    for row in own:
        if state.standing(row.shard, row.place) is not (
            Standing.REVOKED if row.revoked else Standing.NOT_REVOKED
        ):
            raise GuardError("guard.self_test")
    for entry in foreign:
        if state.is_listed(entry.scope, entry.kind, entry.digest, instant) is not entry.revoked:
            raise GuardError("guard.self_test")


def _shows_both(known: Iterable[bool]) -> bool:
    return len(set(known)) >= MIN_SELF_TEST
