"""One turn of the kiosk with fakes: lamp before outbox, nothing counted twice, nothing stops it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from hardware.simulated import HandCamera, RecordingBuzzer, RecordingLamp
from healthcert.admission.decide import Admission, Decision
from healthcert.admission.rulebook import Rulebook, load_rulebook
from healthcert.verdict import Verdict
from scanner.engines import Symbol
from scanner.loop import WRITES_A_TURN, Loop, Parts, Scan
from scanner.outbox import OutboxError, OutboxFull
from scanner.protocol import ScanReport
from scanner.signals import Signal
from scanner.station import State
from trustlist.snapshot import TrustSnapshot

BLANK = np.zeros((8, 8), dtype=np.uint8)
SECRET = "HC1:NO-CERTIFICATE-BUT-A-SECRET"
AT = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """Fakes around one loop, with a clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000
        self.events: list[str] = []
        self.camera, self.lamp, self.buzzer = HandCamera(), RecordingLamp(), RecordingBuzzer()
        self.texts: list[str] = []
        self.reports: list[ScanReport] = []
        self.messages: list[Mapping[str, Any]] = []
        self.scans: list[Scan] = []
        self.asked = 0
        self.disk_error: Exception | None = None
        self.set_aside = 0
        self.snapshot = TrustSnapshot.from_trust_object({"keys": []}, issued_at=AT)
        self.read: Callable[[Any], tuple[Symbol, ...]] = lambda _: tuple(
            Symbol(t, "fake") for t in self.texts
        )
        self.loop = Loop(
            Parts(
                camera=self.camera,
                read=lambda pixels: self.read(pixels),
                lamp=self,
                buzzer=self.buzzer,
                outbox=self,
                screen=self,
                trust=self.trust,
                rulebook=load_rulebook("venue"),
                utc_now=lambda: AT,
                monotonic_ns=self.clock,
                on_scan=self.scans.append,
                point=self.events.append,
            )
        )

    def clock(self) -> int:
        self.now_ns += 1000
        return self.now_ns

    def trust(self) -> TrustSnapshot:
        self.asked += 1
        return self.snapshot

    def show(self, pattern: Any) -> None:
        self.events.append(f"lamp:{pattern.name}")
        self.lamp.show(pattern)

    def off(self) -> None:
        self.lamp.off()

    def append(self, report: ScanReport) -> int:
        if self.disk_error is not None:
            raise self.disk_error
        self.events.append("append")
        self.reports.append(report)
        return len(self.reports)

    def pending(self) -> int:
        return len(self.reports)

    def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "signal":
            self.events.append(f"screen:{message['signal']}")
        self.messages.append(message)

    def turn(self, *texts: str, after_s: float = 0.1) -> None:
        self.now_ns += int(after_s * 1e9)
        self.texts = list(texts)
        self.camera.show(BLANK, self.now_ns)
        self.loop.turn()

    @property
    def lit(self) -> str:
        return self.lamp.records[-1].pattern


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.req("K04")
def test_the_lamp_is_lit_before_the_report_is_written_and_the_screen_comes_last(world: World) -> None:
    world.turn()
    world.events.clear()
    world.turn(SECRET)
    assert world.events == ["lamp:refused", "lamp.shown", "append", "screen:refused"]


def test_an_unreadable_code_lights_no_verdict_lamp(world: World) -> None:
    for _ in range(20):
        world.turn()
    assert {record.pattern for record in world.lamp.records} == {"idle"}
    assert world.reports == []


def test_a_scan_is_one_report_with_its_stage_times(world: World) -> None:
    world.turn(SECRET)
    (scan,) = world.scans
    assert set(scan.ms) == {"capture", "read", "decode", "verify", "lamp"}
    assert scan.photon_to_lamp_ms == pytest.approx(sum(scan.ms.values()), abs=0.01)
    (report,) = world.reports
    assert (report.outcome, report.format, report.at) == ("invalid", scan.verdict.format, AT)
    assert set(scan.line()) == {
        "scan", "signal", "outcome", "reasons", "format", "kind", "issuer", "ms", "photon_to_lamp_ms",
    }  # fmt: skip


@pytest.mark.req("K03")
def test_a_lamp_stricter_than_the_verdict_tells_its_own_reason_in_the_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strict(verdict: Verdict, rulebook: Rulebook) -> tuple[Signal, Admission]:
        return Signal.REFUSED, Admission(Decision.REFUSED, ("rule.test_positive", *verdict.reasons))

    monkeypatch.setattr("scanner.loop.decide", strict)
    world.turn(SECRET)
    (scan,), (report,) = world.scans, world.reports
    assert scan.line()["reasons"] == [*scan.verdict.reasons, "rule.test_positive"]
    assert report.reasons == scan.verdict.reasons  # the report carries the verdict alone (ADR 6)


@pytest.mark.req("K03")
def test_a_scan_asks_for_the_trust_data_exactly_once(world: World) -> None:
    world.turn()
    before = world.asked
    world.loop._status_at = 1e12  # no status line in between
    world.turn(SECRET)
    assert world.asked - before == 1


def test_a_held_code_is_counted_once_and_a_returning_one_shown_again(world: World) -> None:
    for _ in range(10):
        world.turn(SECRET)
    assert len(world.reports) == 1
    for _ in range(40):
        world.turn()
    assert world.lit == "idle"
    world.turn(SECRET)
    assert world.lit == "refused"
    assert world.messages[-1].get("again") or world.messages[-2].get("again")
    assert len(world.reports) == 1
    for _ in range(110):
        world.turn()
    world.turn(SECRET)
    assert len(world.reports) == 2


def test_another_code_acts_at_once(world: World) -> None:
    world.turn(SECRET)
    world.turn("HC1:ANOTHER", after_s=0.03)
    assert len(world.reports) == 2


def test_the_result_leaves_the_lamp_after_its_hold(world: World) -> None:
    world.turn(SECRET)
    for _ in range(28):
        world.turn()
    assert world.lit == "refused"
    for _ in range(4):
        world.turn()
    assert world.lit == "idle"
    assert world.loop.state in (State.COOLDOWN, State.IDLE)


def test_without_fresh_frames_the_kiosk_says_so_and_recovers(world: World) -> None:
    world.turn()
    world.now_ns += 4_000_000_000
    world.loop.turn()
    assert (world.loop.state, world.lit) == (State.DEGRADED, "fault")
    world.turn()
    assert (world.loop.state, world.lit) == (State.IDLE, "idle")


def test_a_camera_that_hands_out_old_frames_is_no_better_than_none(world: World) -> None:
    world.turn()
    for _ in range(10):
        world.now_ns += 1_000_000_000
        world.texts = [SECRET]
        world.camera.show(BLANK, world.now_ns - 8_000_000_000)
        world.loop.turn()
    assert world.loop.state is State.DEGRADED
    assert world.reports == []


def test_a_camera_that_never_gave_a_frame_is_a_fault_too(world: World) -> None:
    for _ in range(5):
        world.now_ns += 1_000_000_000
        world.loop.turn()
    assert world.loop.state is State.DEGRADED


def test_an_exception_is_counted_told_without_content_and_survived(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def throwing(_: Any) -> tuple[Symbol, ...]:
        raise RuntimeError(SECRET)

    good, world.read = world.read, throwing
    with caplog.at_level(logging.DEBUG):
        world.turn(SECRET)
        world.read = good
        world.turn(SECRET)
    assert world.loop.counters.errors == 1
    assert len(world.reports) == 1
    assert SECRET not in caplog.text


@pytest.mark.req("K04")
@pytest.mark.parametrize("error", [OutboxFull("disk full"), OSError(28, "No space left on device")])
def test_a_full_disk_loses_nothing_and_is_shown(world: World, error: Exception) -> None:
    world.disk_error = error
    for n in range(5):
        world.turn(f"HC1:{n}", after_s=1.1)
    assert world.loop.unwritten == 5
    assert world.scans[-1].signal == "refused"
    assert [m["disk_full"] for m in world.messages if m["type"] == "status"][-1] is True
    world.disk_error = None
    world.turn(after_s=1.1)
    assert world.loop.unwritten == 0
    assert len(world.reports) == 5
    world.turn(after_s=1.1)
    assert [m["disk_full"] for m in world.messages if m["type"] == "status"][-1] is False


@pytest.mark.req("K04")
def test_reports_beyond_the_bound_push_the_oldest_out_and_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.loop.MAX_UNWRITTEN", 3)
    world.disk_error = OutboxFull("disk full")
    for n in range(5):
        world.turn(f"HC1:{n}", after_s=1.1)
    assert (world.loop.unwritten, world.loop.counters.lost_reports) == (3, 2)
    kept = list(world.loop._unwritten)
    assert kept == [scan.report() for scan in world.scans[2:]]


@pytest.mark.req("K01")
def test_a_disk_that_heals_gets_the_waiting_reports_a_few_a_turn(world: World) -> None:
    world.disk_error = OutboxFull("disk full")
    for n in range(12):
        world.turn(f"HC1:{n}", after_s=0.3)
    world.disk_error = None
    world.turn(after_s=1.1)
    assert len(world.reports) == WRITES_A_TURN
    world.turn("HC1:in between")
    assert world.lit == "refused"
    for _ in range(3):
        world.turn()
    assert world.reports == [scan.report() for scan in world.scans]


def test_an_outbox_that_is_not_open_is_shown_as_a_full_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut() -> int:
        raise OutboxError("being opened")

    monkeypatch.setattr(world, "pending", shut)
    world.set_aside = 2
    world.turn()
    (status,) = [m for m in world.messages if m["type"] == "status"]
    assert (status["disk_full"], status["queue"], status["set_aside"]) == (True, 0, 2)


def test_a_report_that_cannot_be_written_does_not_block_those_behind_it(world: World) -> None:
    world.disk_error = ValueError("not encodable")
    world.turn("HC1:1")
    world.disk_error = None
    world.turn("HC1:2")
    assert (len(world.reports), world.loop.counters.lost_reports) == (1, 1)


def test_nothing_of_the_code_or_its_holder_reaches_the_screen(world: World) -> None:
    world.turn(SECRET)
    assert SECRET not in repr(world.messages)
    assert {key for m in world.messages for key in m} <= {
        "type", "signal", "reasons", "kind", "doses", "trust_version",
        "trust_age_min", "network", "queue", "disk_full", "set_aside",
    }  # fmt: skip


def test_a_certificate_beside_a_foreign_code_is_the_one_that_is_checked(world: World) -> None:
    world.turn("https://example.org/menu", SECRET)
    assert world.scans[0].verdict.reasons != ()
    world.turn("https://example.org/menu", SECRET)
    assert len(world.reports) == 1


def test_the_button_takes_a_case_from_the_ask_light_only(world: World) -> None:
    world.turn(SECRET)
    world.loop.press()
    world.turn()
    assert world.lit == "refused"


@pytest.mark.req("K02")
def test_the_button_ends_the_ask_light_at_once_and_without_it_the_light_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = Admission(Decision.ASK, ("undetermined.test_age",))
    monkeypatch.setattr("scanner.loop.decide", lambda verdict, rulebook: (Signal.ASK, asking))
    world.turn(SECRET)
    world.turn()
    assert world.lit == "ask"
    world.loop.press()
    world.turn()
    assert world.lit == "idle"


@pytest.mark.req("K03")
@pytest.mark.parametrize(("behind", "asks"), [(timedelta(hours=23), False), (timedelta(hours=25), True)])
def test_a_clock_before_the_trust_data_judges_nothing(world: World, behind: timedelta, asks: bool) -> None:
    world.snapshot = TrustSnapshot.from_trust_object({"keys": []}, issued_at=AT + behind)
    world.turn(SECRET)
    assert ("clock.unusable" in world.scans[0].verdict.reasons) is asks
    assert (world.lit == "ask") is asks


@pytest.mark.req("K02")
def test_nobodys_result_stays_lit_when_the_next_check_fails(world: World) -> None:
    def throwing(_: Any) -> tuple[Symbol, ...]:
        raise RuntimeError("no reader")

    world.turn(SECRET)
    assert world.lit == "refused"
    world.read = throwing
    world.turn("HC1:THE NEXT PERSON")
    assert world.lit == "idle"
    assert world.messages[-1]["signal"] == "idle"
