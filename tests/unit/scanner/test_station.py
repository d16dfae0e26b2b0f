"""The state table, its drawing, and the memory against counting a held code twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.station import (
    HELD_S,
    RENEW_AFTER_S,
    TABLE,
    Event,
    Memory,
    Sighting,
    State,
    diagram,
    key_of,
    step,
)

ROOT = Path(__file__).resolve().parents[3]
KEY, OTHER = key_of("HC1:ONE"), key_of("HC1:TWO")


def test_the_drawing_in_the_docs_is_the_table() -> None:
    drawn = (ROOT / "docs" / "diagrams" / "station.mmd").read_text(encoding="utf-8")
    assert drawn == diagram()


def test_every_state_is_reached_and_left() -> None:
    assert set(TABLE.values()) == set(State)
    assert {source for source, _ in TABLE} == set(State)


def test_every_event_does_something_somewhere() -> None:
    assert {event for _, event in TABLE} == set(Event)


@pytest.mark.parametrize("state", [s for s in State if s is not State.DEGRADED])
def test_a_dead_camera_degrades_from_everywhere(state: State) -> None:
    assert step(state, Event.CAMERA_STALE) is State.DEGRADED


def test_in_degraded_only_a_fresh_frame_helps() -> None:
    assert {event for event in Event if step(State.DEGRADED, event) is not State.DEGRADED} == {
        Event.CAMERA_FRESH
    }


@given(st.lists(st.sampled_from(list(Event)), max_size=40))
def test_showing_is_only_reached_through_a_verdict_or_a_repeat(events: list[Event]) -> None:
    state = State.IDLE
    for event in events:
        after = step(state, event)
        if after is State.SHOWING and state is not State.SHOWING:
            assert event in (Event.VERDICT, Event.SAME_CODE_BACK)
        state = after


def seen(memory: Memory[str], key: bytes, now: float) -> Sighting:
    sighting = memory.sight(key, now)
    if sighting is Sighting.NEW:
        memory.keep(key, "shown")
    return sighting


def test_a_held_code_is_one_check_however_long() -> None:
    memory: Memory[str] = Memory()
    sightings = [seen(memory, KEY, t * 0.1) for t in range(600)]
    assert sightings.count(Sighting.NEW) == 1
    assert sightings.count(Sighting.BACK) == 0


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        (HELD_S - 0.1, Sighting.HELD),
        (HELD_S + 0.1, Sighting.BACK),
        (RENEW_AFTER_S - 0.1, Sighting.BACK),
        (RENEW_AFTER_S + 0.1, Sighting.NEW),
    ],
)
def test_what_a_returning_code_means_depends_on_how_long_it_was_away(away: float, expected: Sighting) -> None:
    memory: Memory[str] = Memory()
    seen(memory, KEY, 100.0)
    assert seen(memory, KEY, 100.0 + away) is expected


def test_another_code_acts_at_once() -> None:
    memory: Memory[str] = Memory()
    seen(memory, KEY, 1.0)
    assert seen(memory, OTHER, 1.01) is Sighting.NEW


def test_a_code_whose_check_failed_is_tried_again() -> None:
    memory: Memory[str] = Memory()
    assert memory.sight(KEY, 1.0) is Sighting.NEW
    assert memory.sight(KEY, 1.1) is Sighting.NEW


def test_the_memory_keeps_no_text_and_stays_small() -> None:
    memory: Memory[str] = Memory()
    for n in range(10_000):
        seen(memory, key_of(f"HC1:SECRET{n}"), n * 0.001)
    assert len(memory._entries) <= 64
    assert "SECRET" not in repr(memory._entries)


@given(st.text())
def test_every_text_has_a_key(text: str) -> None:
    assert len(key_of(text)) == 32
