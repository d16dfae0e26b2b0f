"""The publisher's chain: cuts, the four cumulative deltas a kiosk chooses from, and new generations.

No `?since=`: a fixed set of files that any cache can hold. Source: notes/revocation §3.3.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from .delta import REMOVED, Delta, compose, encode, span
from .errors import DeltaRefused, FormatError
from .fingerprint import Fingerprint
from .folding import foreign_file, own_file
from .limits import MAX_CLASSES, MAX_SHARDS
from .manifest import Manifest, Part
from .shard_id import Shard
from .state import Base, State

# Seconds; the fourth tier reaches back to the base.
WINDOWS: Mapping[str, int] = {"15m": 900, "2h": 7_200, "26h": 93_600}
SINCE_BASE = "base"
_NONE = Fingerprint()


class Offer(NamedTuple):
    """A cumulative delta as a kiosk sees it listed: which epochs it covers and how long it is."""

    name: str
    from_epoch: int
    to_epoch: int
    length: int


def choose(offers: Iterable[Offer], epoch: int) -> Offer | None:
    """The smallest that leads on from `epoch`; None: nothing newer is offered.

    Raises DeltaRefused: `delta.gap` if all begin later (take the base), `delta.rollback` if all end earlier.
    """
    listed = list(offers)
    newest = max((offer.to_epoch for offer in listed), default=epoch)
    if newest < epoch:
        raise DeltaRefused("delta.rollback")
    if newest == epoch:
        return None
    fit = [offer for offer in listed if offer.from_epoch <= epoch and offer.to_epoch == newest]
    if not fit:
        raise DeltaRefused("delta.gap")
    return min(fit, key=lambda offer: (offer.length, offer.from_epoch, offer.name))


def difference(
    state: State,
    *,
    opened: Iterable[Shard] = (),
    bits: Mapping[Shard, Mapping[int, bool]] | None = None,
    foreign: Mapping[bytes, int] | None = None,
    horizon: int | None = None,
) -> Delta:
    """From the published `state` to one with these values; names only what differs.

    Raises ValueError for a bit of no open shard or a horizon that goes back; FormatError beyond the limits.
    """
    day = state.horizon if horizon is None else horizon
    if day < state.horizon:
        raise ValueError("the horizon never goes back")
    new = frozenset(shard for shard in opened if shard not in state.shards and shard.last_day >= day)
    on: dict[Shard, Mapping[int, bool]] = {}
    for shard, wanted in (bits or {}).items():
        if shard.last_day < day:
            continue
        if shard not in state.shards and shard not in new:
            raise ValueError("no such shard")
        if any(not 0 <= index < 1 << state.base.own.shard_bits for index in wanted):
            raise ValueError("no such index")
        changes = {index: value for index, value in wanted.items() if state.is_set(shard, index) != value}
        if changes:
            on[shard] = changes
    hashes = {}
    for key, ends in (foreign or {}).items():
        value = ends if ends >= day else REMOVED
        was = state.day_of(key)
        if (was if was >= day else REMOVED) != value:
            hashes[key] = value
    bare = Delta(state.epoch, state.epoch + 1, day, _NONE, _NONE, new, on, hashes)
    after = state.after(bare)
    if len(after.classes) > MAX_CLASSES or len(after.shards) > MAX_SHARDS:
        raise FormatError("delta.limit")
    own, others = after.marks
    return replace(bare, own=own, hashes=others)


class Chain:
    """What has been published: the newest state, and the steps to it. Times are seconds, never going back."""

    def __init__(self, base: Base) -> None:
        self._state = State.of(base)
        self._steps: deque[tuple[float, Delta]] = deque()
        self._since_base: Delta | None = None

    @property
    def state(self) -> State:
        """The newest published state."""
        return self._state

    def cut(self, delta: Delta, at: float) -> State:
        """Publish a difference from the newest state. Also an empty one: it proves freshness."""
        if delta.from_epoch != self._state.epoch or delta.to_epoch != delta.from_epoch + 1:
            raise ValueError("not a step from the newest state")
        self._state = self._state.after(delta)
        self._steps.append((at, delta))
        while self._steps[0][0] <= at - max(WINDOWS.values()):
            self._steps.popleft()
        since = self._since_base
        self._since_base = delta if since is None else compose(since, delta)
        return self._state

    def tiers(self, now: float) -> dict[str, tuple[Offer, bytes]]:
        """Every cumulative delta at `now`; none before the first cut."""
        found: dict[str, tuple[Offer, bytes]] = {}
        for name, seconds in WINDOWS.items():
            steps = [delta for at, delta in self._steps if at > now - seconds]
            if steps:
                found[name] = self._offer(name, span(steps))
        if self._since_base is not None:
            found[SINCE_BASE] = self._offer(SINCE_BASE, self._since_base)
        return found

    def next_generation(self) -> tuple[Manifest, bytes]:
        """The manifest of the newest state as a generation, and its fold delta. Reads the files twice."""
        state = self._state
        generation = state.base.own.generation + 1
        own, foreign = (_part(pieces(state, generation)) for pieces in (own_file, foreign_file))
        fold = self._bytes(state.as_delta())
        return Manifest(generation, state.epoch, state.horizon, own, foreign, Part.of(fold)), fold

    def rebase(self, base: Base) -> None:
        """Go on upon a new generation; the cuts since it was made become the delta since the base."""
        bare = State.of(base)
        self._state = self._state.above(base, self._state)
        since = [delta for _, delta in self._steps if delta.from_epoch >= bare.epoch]
        if since and since[0].from_epoch != bare.epoch:
            raise ValueError("the generation is older than the steps kept")
        self._since_base = span(since) if since else None

    def _offer(self, name: str, delta: Delta) -> tuple[Offer, bytes]:
        data = self._bytes(delta)
        return Offer(name, delta.from_epoch, delta.to_epoch, len(data)), data

    def _bytes(self, delta: Delta) -> bytes:
        return encode(delta, self._state.directory, self._state.base.own.shard_bits)


def _part(pieces: Iterable[bytes]) -> Part:
    digest, length = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        length += len(piece)
    return Part(digest.digest(), length)
