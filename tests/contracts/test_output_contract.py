"""Lamp, buzzer and button keep the same promises on pins and as recording twins."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hardware.gpio import DEFAULT_PINS, GpioButton, GpioBuzzer, GpioLamp
from hardware.ports import Button, Buzzer, DeviceError, Lamp
from hardware.simulated import PressableButton, RecordingBuzzer, RecordingLamp
from scanner.signals import SIGNALS, LampPattern, Signal

Colours = Callable[[], str]


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


@pytest.fixture(params=["gpio", "recording"])
def lamp(request: pytest.FixtureRequest, pins: MockFactory) -> Iterator[tuple[Lamp, Colours]]:
    """A lamp, and a look at it: the colours that are lit, joined."""
    made: GpioLamp | RecordingLamp
    if request.param == "gpio":
        made = GpioLamp(pin_factory=pins)

        def lit() -> str:
            return "+".join(c for c, n in DEFAULT_PINS.items() if pins.pin(n).state > 0) or "off"

    else:
        made = RecordingLamp()

        def lit() -> str:
            return made.records[-1].colour if isinstance(made, RecordingLamp) and made.records else "off"

    yield made, lit
    made.close()


def steady(colour: str) -> LampPattern:
    return LampPattern(f"steady-{colour}", colour, ((1.0, 5.0),))


@pytest.mark.parametrize("signal", [Signal.COMPLETE, Signal.STARTED, Signal.REFUSED, Signal.ASK, Signal.IDLE])
def test_the_first_edge_is_out_when_show_returns(lamp: tuple[Lamp, Colours], signal: Signal) -> None:
    device, lit = lamp
    begun = time.perf_counter()
    device.show(SIGNALS[signal].lamp)
    assert lit() == SIGNALS[signal].lamp.colour
    assert (
        time.perf_counter() - begun < 0.5
    )  # generous for a loaded machine; the pattern itself lasts 2 s and more


def test_only_one_colour_is_lit_at_a_time(lamp: tuple[Lamp, Colours]) -> None:
    device, lit = lamp
    for colour in ("green", "red", "blue", "yellow", "white"):
        device.show(steady(colour))
        assert lit() == colour


def test_off_is_dark_at_once(lamp: tuple[Lamp, Colours]) -> None:
    device, lit = lamp
    device.show(steady("red"))
    device.off()
    assert lit() == "off"


def test_an_unknown_colour_is_an_error_and_not_a_wrong_light(lamp: tuple[Lamp, Colours]) -> None:
    device, lit = lamp
    with pytest.raises(DeviceError):
        device.show(steady("amber"))
    assert lit() == "off"


def test_a_pattern_plays_by_itself_and_ends_dark(pins: MockFactory) -> None:
    device = GpioLamp(pin_factory=pins)
    pin = pins.pin(DEFAULT_PINS["red"])
    pin.clear_states()
    device.show(LampPattern("twice", "red", ((1.0, 0.03), (0.0, 0.03)) * 2))
    ends = time.monotonic() + 5
    while [s.state for s in pin.states].count(1) < 2 or pin.state:
        assert time.monotonic() < ends
        time.sleep(0.005)
    assert [bool(s.state) for s in pin.states if s.state in (0, 1)].count(True) == 2
    device.close()


def test_the_idle_light_is_dimmed(pins: MockFactory) -> None:
    device = GpioLamp(pin_factory=pins)
    device.show(SIGNALS[Signal.IDLE].lamp)
    assert 0.05 <= pins.pin(DEFAULT_PINS["white"]).state <= 0.25
    device.close()


def test_pins_that_are_taken_give_a_clear_error(pins: MockFactory) -> None:
    first = GpioLamp(pin_factory=pins)
    with pytest.raises(DeviceError):
        GpioLamp(pin_factory=pins)
    first.close()
    GpioLamp(pin_factory=pins).close()


def test_the_journal_of_the_recording_lamp_holds_one_line_a_change(tmp_path: Path) -> None:
    device = RecordingLamp(tmp_path / "lamp.jsonl")
    device.show(steady("green"))
    device.off()
    lines = (tmp_path / "lamp.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"colour":"green"' in lines[0]
    device.close()


@pytest.fixture(params=["gpio", "recording"])
def buzzer(request: pytest.FixtureRequest, pins: MockFactory) -> Iterator[Buzzer]:
    made = GpioBuzzer(pin_factory=pins) if request.param == "gpio" else RecordingBuzzer()
    yield made
    made.close()


@pytest.mark.parametrize("signal", list(Signal))
def test_every_tune_is_playable_and_nobody_waits_for_it(buzzer: Buzzer, signal: Signal) -> None:
    begun = time.perf_counter()
    buzzer.play(SIGNALS[signal].tones)
    assert time.perf_counter() - begun < 0.05


@pytest.mark.parametrize("kind", ["gpio", "pressable"])
def test_a_press_calls_back_once(kind: str, pins: MockFactory) -> None:
    presses: list[int] = []
    button: Button
    if kind == "gpio":
        button = GpioButton(pin_factory=pins)
        button.on_press(lambda: presses.append(1))
        pins.pin(25).drive_low()
        pins.pin(25).drive_high()
    else:
        button = PressableButton()
        button.on_press(lambda: presses.append(1))
        button.press()
    assert presses == [1]
    button.close()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", [GpioLamp, GpioBuzzer, GpioButton])
def test_a_machine_without_pins_is_told_so_without_noise(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_works(*_: Any) -> None:
        warnings.warn("Falling back", gpiozero.PinFactoryFallback, stacklevel=1)
        raise gpiozero.BadPinFactory("Unable to load any default pin factory!")

    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setattr(gpiozero.Device, "_default_pin_factory", none_works)
    with pytest.raises(DeviceError, match="no GPIO on this machine"):
        make()
