"""What state the kiosk is in and what an event does to it: a table, and the memory against double counting.

Pure: time enters as `now` in seconds of a monotonic clock. The diagram docs/diagrams/station.mmd is generated
from TABLE by `diagram()`.

Same code again (the key is a SHA-256 of the text, in memory only, gone after RENEW_AFTER_S):
- seen within the last HELD_S: it is still being held, nothing happens;
- back after that: the earlier result is shown again and not counted;
- back after RENEW_AFTER_S: a new check;
- another code: acts at once.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

HELD_S = 1.5
RENEW_AFTER_S = 10.0
MAX_REMEMBERED = 64  # six people a second for ten seconds


class State(StrEnum):
    """The states of the kiosk."""

    IDLE = "idle"
    READING = "reading"
    SHOWING = "showing"
    COOLDOWN = "cooldown"
    DEGRADED = "degraded"


class Event(StrEnum):
    """What can happen."""

    NEW_CODE = "new_code"
    SAME_CODE_BACK = "same_code_back"
    VERDICT = "verdict"
    CHECK_FAILED = "check_failed"
    HOLD_OVER = "hold_over"
    TAKEN = "taken"
    CODE_GONE = "code_gone"
    CAMERA_STALE = "camera_stale"
    CAMERA_FRESH = "camera_fresh"


_S, _E = State, Event
TABLE: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (_S.IDLE, _E.NEW_CODE): _S.READING,
        (_S.IDLE, _E.SAME_CODE_BACK): _S.SHOWING,
        (_S.IDLE, _E.CAMERA_STALE): _S.DEGRADED,
        (_S.READING, _E.VERDICT): _S.SHOWING,
        (_S.READING, _E.CHECK_FAILED): _S.IDLE,
        (_S.READING, _E.CAMERA_STALE): _S.DEGRADED,
        (_S.SHOWING, _E.NEW_CODE): _S.READING,
        (_S.SHOWING, _E.SAME_CODE_BACK): _S.SHOWING,
        (_S.SHOWING, _E.HOLD_OVER): _S.COOLDOWN,
        (_S.SHOWING, _E.TAKEN): _S.COOLDOWN,
        (_S.SHOWING, _E.CAMERA_STALE): _S.DEGRADED,
        (_S.COOLDOWN, _E.NEW_CODE): _S.READING,
        (_S.COOLDOWN, _E.SAME_CODE_BACK): _S.SHOWING,
        (_S.COOLDOWN, _E.CODE_GONE): _S.IDLE,
        (_S.COOLDOWN, _E.CAMERA_STALE): _S.DEGRADED,
        (_S.DEGRADED, _E.CAMERA_FRESH): _S.IDLE,
    }
)


def step(state: State, event: Event) -> State:
    """The state after `event`; an event that the table does not name for `state` changes nothing."""
    return TABLE.get((state, event), state)


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.IDLE}"]
    lines += [f"    {source} --> {target}: {event}" for (source, event), target in TABLE.items()]
    return "\n".join(lines) + "\n"


class Sighting(StrEnum):
    """What a code in view means."""

    NEW = "new"
    BACK = "back"
    HELD = "held"


def key_of(text: str) -> bytes:
    """The name of a code in memory; never stored, never sent."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


Shown = TypeVar("Shown")


@dataclass(slots=True)
class _Entry(Generic[Shown]):
    last_seen: float
    shown: Shown | None = None


class Memory(Generic[Shown]):
    """The codes of the last seconds and what was shown for them."""

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, _Entry[Shown]] = OrderedDict()

    def sight(self, key: bytes, now: float) -> Sighting:
        """Take note that `key` is in view at `now`."""
        self._forget(now)
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = _Entry(now)
            while len(self._entries) > MAX_REMEMBERED:
                self._entries.popitem(last=False)
            return Sighting.NEW
        away = now - entry.last_seen
        entry.last_seen = now
        self._entries.move_to_end(key)
        if entry.shown is None:
            return Sighting.NEW  # its check never came to a verdict: try again
        return Sighting.HELD if away <= HELD_S else Sighting.BACK

    def keep(self, key: bytes, shown: Shown) -> None:
        """Remember what was shown for `key`."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.shown = shown

    def recall(self, key: bytes) -> Shown | None:
        """What was shown for `key`, if it is still remembered."""
        entry = self._entries.get(key)
        return None if entry is None else entry.shown

    def in_view(self, now: float) -> bool:
        """True while any code was seen within the last HELD_S seconds."""
        return any(now - entry.last_seen <= HELD_S for entry in self._entries.values())

    def _forget(self, now: float) -> None:
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if now - entry.last_seen < RENEW_AFTER_S:
                return
            del self._entries[key]
