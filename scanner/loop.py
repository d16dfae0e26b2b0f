"""One turn: newest frame -> texts -> verdict -> lamp -> outbox -> screen. The lamp comes first.

A power cut between lamp and outbox loses exactly that one check, and the person has seen its result; the
other order would make everybody wait for the disk. One TrustSnapshot serves a check from start to end.
Whatever a turn throws is logged without content and counted, and the loop goes on.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from healthcert import DEFAULT_POLICY, DecodeError, Policy, decode, judge, verify
from healthcert.admission.decide import Admission
from healthcert.admission.rulebook import Rulebook
from healthcert.verdict import Outcome, Verdict
from scanner.engines import Symbol
from scanner.outbox import OutboxError
from scanner.ports import Buzzer, Camera, Frame, Lamp, Outbox, Pixels, Screen
from scanner.protocol import ScanReport
from scanner.signals import SIGNALS, Signal, decide
from scanner.station import Event, Memory, Sighting, State, key_of, step
from trustlist.snapshot import TrustSnapshot

log = logging.getLogger(__name__)

STAGES = ("capture", "read", "decode", "verify", "lamp")
WAIT_FOR_FRAME_S = 0.25
MAX_UNWRITTEN = 10_000  # reports of about 300 bytes: 3 MB, an hour at three checks a second
RETRY_WRITE_S = 1.0
WRITES_A_TURN = 5  # of those that waited for the disk: 50 ms on a slow card, and the next frame is looked at
CERTIFICATE_PREFIXES = ("HC1:", "HC2:", "NZCP:", "shc:/")
STATUS_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Scan:
    """One counted check: what was decided and how long each stage took, in milliseconds."""

    number: int
    at: datetime
    signal: Signal
    verdict: Verdict
    ms: Mapping[str, float]
    photon_to_lamp_ms: float
    gate_reasons: tuple[str, ...] = ()  # why the lamp is stricter than the verdict, if it is (ADR 6)

    def line(self) -> dict[str, Any]:
        """The JSON line of `run --jsonl`: nothing personal. `reasons`: the verdict's, then the gate's."""
        return {
            "scan": self.number,
            "signal": str(self.signal),
            "outcome": str(self.verdict.outcome),
            "reasons": list(dict.fromkeys([*self.verdict.reasons, *self.gate_reasons])),
            "format": self.verdict.format,
            "kind": self.verdict.kind,
            "issuer": self.verdict.issuer,
            "ms": dict(self.ms),
            "photon_to_lamp_ms": self.photon_to_lamp_ms,
        }

    def report(self) -> ScanReport:
        """What goes to the service."""
        verdict = self.verdict
        return ScanReport(
            at=self.at,
            outcome=str(verdict.outcome),
            reasons=verdict.reasons,
            format=verdict.format,
            kind=verdict.kind,
            issuer=verdict.issuer,
            trust_version=verdict.trust_version,
            stage_ms={stage: round(ms * 10) for stage, ms in self.ms.items()},
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop works with; wired in bootstrap."""

    camera: Camera
    read: Callable[[Pixels], tuple[Symbol, ...]]
    lamp: Lamp
    buzzer: Buzzer | None
    outbox: Outbox
    screen: Screen
    trust: Callable[[], TrustSnapshot]
    rulebook: Rulebook
    network: Callable[[], bool | None] = lambda: None
    policy: Policy = DEFAULT_POLICY
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    judged_as_of: Callable[[], datetime] | None = None  # demonstrations of old certificates; else utc_now
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    on_scan: Callable[[Scan], None] = lambda scan: None
    point: Callable[[str], None] = lambda name: None  # fail points for kill tests


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    frames: int = 0
    scans: int = 0
    repeats: int = 0
    errors: int = 0
    lost_reports: int = 0


@dataclass(slots=True)
class Loop:
    """The kiosk's heart; `turn` is called again and again by one thread."""

    parts: Parts
    stale_after_s: float = 3.0
    state: State = State.IDLE
    counters: Counters = field(default_factory=Counters)
    _memory: Memory[dict[str, Any]] = field(default_factory=Memory)
    _unwritten: deque[ScanReport] = field(default_factory=deque)
    _hold_ends: float = 0.0
    _last_frame: float | None = None
    _retry_at: float = 0.0
    _status_at: float = 0.0
    _signal: Signal | None = None
    _until_button: bool = False
    _pressed: bool = False

    def press(self) -> None:
        """The button was pressed (from any thread): the case on show is taken by a person."""
        self._pressed = True

    @property
    def unwritten(self) -> int:
        """Reports that the disk did not take yet; they are kept in memory and tried again."""
        return len(self._unwritten)

    def turn(self) -> None:
        """One round; never raises."""
        try:
            self._turn()
        except Exception as error:
            self.counters.errors += 1
            log.error("turn failed: %s", type(error).__name__)
            self.state = step(self.state, Event.CHECK_FAILED)
            with suppress(Exception):  # nobody's earlier result may stay lit for the next person
                if self.state is not State.DEGRADED:
                    self._show_plain(Signal.IDLE)

    def _now(self) -> float:
        return self.parts.monotonic_ns() / 1e9

    def _turn(self) -> None:
        if self._signal is None:
            self._show_plain(Signal.IDLE)
        frame = self.parts.camera.newest(WAIT_FOR_FRAME_S)
        now = self._now()
        self._last_frame = now if self._last_frame is None or self._fresh(frame, now) else self._last_frame
        if self._last_frame is not None and now - self._last_frame > self.stale_after_s:
            self._on_stale()
        elif frame is not None and self._fresh(frame, now):
            self.counters.frames += 1
            if self.state is State.DEGRADED:
                self.state = step(self.state, Event.CAMERA_FRESH)
                self._show_plain(Signal.IDLE)
            self._look(frame)
        self._pass_time(self._now())

    def _fresh(self, frame: Frame | None, now: float) -> bool:
        return frame is not None and now - frame.captured_ns / 1e9 <= self.stale_after_s

    def _on_stale(self) -> None:
        if self.state is not State.DEGRADED:
            log.warning("no fresh frame for %.1f s", self.stale_after_s)
            self.state = step(self.state, Event.CAMERA_STALE)
            self._show_plain(Signal.FAULT)

    def _look(self, frame: Frame) -> None:
        begun_ns = self.parts.monotonic_ns()
        symbols = self.parts.read(frame.pixels)
        read_ns = self.parts.monotonic_ns()
        now = read_ns / 1e9
        chosen: tuple[Sighting, str, bytes] | None = None
        # Beside a certificate, other codes in view (a poster, a ticket) are not looked at.
        certificates = [symbol for symbol in symbols if symbol.text.startswith(CERTIFICATE_PREFIXES)]
        for symbol in certificates or symbols:
            key = key_of(symbol.text)
            sighting = self._memory.sight(key, now)
            if sighting is not Sighting.HELD and chosen is None:
                chosen = (sighting, symbol.text, key)
        if chosen is None:
            return
        sighting, text, key = chosen
        earlier = self._memory.recall(key)
        if sighting is Sighting.BACK and earlier is not None:
            self.counters.repeats += 1
            self.state = step(self.state, Event.SAME_CODE_BACK)
            self._light(Signal(earlier["signal"]), now)
            self.parts.screen.send({**earlier, "again": True})
            return
        self.state = step(self.state, Event.NEW_CODE)
        self._check(text, key, frame.captured_ns, begun_ns, read_ns)

    def _check(self, text: str, key: bytes, captured_ns: int, begun_ns: int, read_ns: int) -> None:
        clock, trust = self.parts.monotonic_ns, self.parts.trust()
        seen_at = self.parts.utc_now()
        as_of = self.parts.judged_as_of
        at = trust.judging_time(seen_at) if as_of is None else as_of()
        verdict, decoded_ns = self._judge(text, trust, at)
        signal, admission = decide(verdict, self.parts.rulebook)
        verified_ns = clock()
        self._light(signal, verified_ns / 1e9)
        lit_ns = clock()
        self.parts.point("lamp.shown")
        self.state = step(self.state, Event.VERDICT)
        self.counters.scans += 1
        marks = (captured_ns, begun_ns, read_ns, decoded_ns, verified_ns, lit_ns)
        ms = {name: round((b - a) / 1e6, 3) for name, a, b in zip(STAGES, marks, marks[1:], strict=False)}
        photon_to_lamp_ms = round((lit_ns - captured_ns) / 1e6, 3)
        scan = Scan(self.counters.scans, seen_at, signal, verdict, ms, photon_to_lamp_ms, admission.reasons)
        self._write(scan.report())
        message = _message(scan, admission)
        self._memory.keep(key, message)
        self.parts.screen.send(message)
        self.parts.on_scan(scan)

    def _judge(self, text: str, trust: TrustSnapshot, at: datetime | None) -> tuple[Verdict, int]:
        """The verdict and the moment decoding ended (ns). `judge` is the last door: it never raises."""
        clock, policy = self.parts.monotonic_ns, self.parts.policy
        try:
            decoded = decode(text)
            decoded_ns = clock()
            if at is not None:
                return verify(decoded, trust, policy, at), decoded_ns
        except DecodeError:
            decoded_ns = clock()
        except Exception as error:
            log.error("check failed: %s", type(error).__name__)
            decoded_ns = clock()
        return judge(text, trust, policy, at), decoded_ns

    def _light(self, signal: Signal, now: float) -> None:
        spec = SIGNALS[signal]
        self.parts.lamp.show(spec.lamp)
        if self.parts.buzzer is not None and spec.tones:
            try:
                self.parts.buzzer.play(spec.tones)
            except Exception as error:  # a mute kiosk still decides and reports
                log.error("buzzer: %s", type(error).__name__)
        self._signal, self._hold_ends, self._until_button = signal, now + spec.hold_s, spec.until_button
        self._pressed = False

    def _show_plain(self, signal: Signal) -> None:
        self._light(signal, self._now())
        self.parts.screen.send({"type": "signal", "signal": str(signal)})

    def _pass_time(self, now: float) -> None:
        if self.state is State.SHOWING:
            taken = self._pressed and self._until_button
            if taken or now >= self._hold_ends:
                self.state = step(self.state, Event.TAKEN if taken else Event.HOLD_OVER)
                self._show_plain(Signal.IDLE)
        if self.state is State.COOLDOWN and not self._memory.in_view(now):
            self.state = step(self.state, Event.CODE_GONE)
        if self._unwritten and now >= self._retry_at:
            self.flush(WRITES_A_TURN)
        if now >= self._status_at:
            self._status_at = now + STATUS_EVERY_S
            self._send_status()

    def _write(self, report: ScanReport) -> None:
        if len(self._unwritten) >= MAX_UNWRITTEN:
            self._unwritten.popleft()
            self.counters.lost_reports += 1
            log.error("report lost: the disk takes nothing and %d wait in memory", MAX_UNWRITTEN)
        self._unwritten.append(report)
        if len(self._unwritten) == 1 or self._now() >= self._retry_at:
            self.flush(WRITES_A_TURN)

    def flush(self, most: int = MAX_UNWRITTEN) -> bool:
        """Hand the oldest `most` waiting reports to the outbox in order; False if it refuses."""
        for _ in range(min(most, len(self._unwritten))):
            try:
                self.parts.outbox.append(self._unwritten[0])
            except (OutboxError, OSError, sqlite3.Error) as error:
                log.error("outbox refused a report: %s; %d wait", type(error).__name__, len(self._unwritten))
                self._retry_at = self._now() + RETRY_WRITE_S
                return False
            except Exception as error:  # a report that cannot be written must not block those behind it
                log.error("report dropped: %s", type(error).__name__)
                self.counters.lost_reports += 1
            self._unwritten.popleft()
        return True

    def _send_status(self) -> None:
        trust = self.parts.trust()
        age = None
        if trust.issued_at is not None:
            age = max(0, int((self.parts.utc_now() - trust.issued_at).total_seconds() // 60))
        shut = False
        try:
            pending = self.parts.outbox.pending()
        except (OutboxError, OSError, sqlite3.Error):  # it could not be opened yet
            pending, shut = 0, True
        self.parts.screen.send(
            {
                "type": "status",
                "trust_age_min": age,
                "network": self.parts.network(),
                "queue": pending + len(self._unwritten),
                "disk_full": shut or bool(self._unwritten),
                "set_aside": self.parts.outbox.set_aside,
            }
        )


def _message(scan: Scan, admission: Admission) -> dict[str, Any]:
    """What the screen is told: no name, no number, nothing of the holder but the dose count."""
    series = admission.series
    told = series.given is not None and series.needed is not None
    return {
        "type": "signal",
        "signal": str(scan.signal),
        "reasons": list(dict.fromkeys([*admission.reasons, *scan.verdict.reasons])),
        "kind": scan.verdict.kind if scan.verdict.outcome is Outcome.VALID else None,
        "doses": (series.given, series.needed) if told else None,
        "trust_version": scan.verdict.trust_version,
    }
