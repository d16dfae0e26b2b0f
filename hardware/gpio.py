"""Lamp, buzzer and button on the pins of a Raspberry Pi, through gpiozero.

One process owns the pins. The pin factory is a keyword, so the same class runs on lgpio and on gpiozero's
mock pins; without one gpiozero chooses (set GPIOZERO_PIN_FACTORY=lgpio on the device).
Separate lamps in separate places, as in traffic lights: colour is never the only difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import gpiozero

from hardware.player import StepPlayer
from hardware.ports import COLOURS, DeviceError, LampPattern

DEFAULT_PINS: Mapping[str, int] = {"green": 17, "yellow": 27, "red": 22, "blue": 23, "white": 24}
DEBOUNCE_S = 0.03
DIMMABLE = ("white",)  # the idle light breathes; verdict lamps are full on or off


@contextmanager
def _opening(device: str) -> Iterator[None]:
    """Whatever gpiozero and its factories raise (many unrelated types) as one DeviceError, without noise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", gpiozero.PinFactoryFallback)  # the error below says it once
            yield
    except gpiozero.BadPinFactory:
        raise DeviceError(f"{device}: no GPIO on this machine") from None
    except Exception as error:
        raise DeviceError(f"{device}: {type(error).__name__}") from error


class GpioLamp:
    """One LED for each colour."""

    def __init__(self, pins: Mapping[str, int] = DEFAULT_PINS, *, pin_factory: Any = None) -> None:
        missing = sorted(set(COLOURS) - set(pins))
        if missing:
            raise DeviceError(f"lamp: no pin for {', '.join(missing)}")
        self._leds: dict[str, Any] = {}
        try:
            with _opening("lamp"):
                for colour in COLOURS:
                    kind = gpiozero.PWMLED if colour in DIMMABLE else gpiozero.LED
                    self._leds[colour] = kind(pins[colour], pin_factory=pin_factory)
        except DeviceError:
            for led in self._leds.values():
                led.close()
            raise
        self._player: StepPlayer[str] = StepPlayer("lamp", self._set, self._dark)

    def show(self, pattern: LampPattern) -> None:
        """See Lamp."""
        if pattern.colour not in self._leds:
            raise DeviceError(f"lamp: no colour {pattern.colour}")
        self._player.play(pattern.colour, pattern.steps, repeat=pattern.repeat)

    def off(self) -> None:
        """See Lamp."""
        self._player.stop()

    def close(self) -> None:
        """See Lamp."""
        self._player.close()
        for led in self._leds.values():
            led.close()

    def _set(self, colour: str, level: float) -> None:
        led = self._leds[colour]
        if colour in DIMMABLE:
            led.value = level
        elif level > 0:
            led.on()
        else:
            led.off()

    def _dark(self) -> None:
        for led in self._leds.values():
            led.off()


class GpioBuzzer:
    """A passive buzzer that plays tones from 110 to 1,760 Hz."""

    def __init__(self, pin: int = 18, *, pin_factory: Any = None) -> None:
        with _opening("buzzer"):
            self._buzzer = gpiozero.TonalBuzzer(pin, octaves=2, pin_factory=pin_factory)
        self._player: StepPlayer[str] = StepPlayer("buzzer", self._sound, self._buzzer.stop)

    def play(self, tones: Sequence[tuple[float, float]]) -> None:
        """See Buzzer."""
        self._player.play("tone", tones)

    def close(self) -> None:
        """See Buzzer."""
        self._player.close()
        self._buzzer.close()

    def _sound(self, _: str, hertz: float) -> None:
        if hertz <= 0:
            self._buzzer.stop()
        else:
            self._buzzer.play(gpiozero.tones.Tone.from_frequency(hertz))


class GpioButton:
    """A button between a pin and ground."""

    def __init__(self, pin: int = 25, *, pin_factory: Any = None) -> None:
        bounce = None if pin_factory is not None else DEBOUNCE_S  # mock pins cannot debounce
        with _opening("button"):
            self._button = gpiozero.Button(pin, bounce_time=bounce, pin_factory=pin_factory)

    def on_press(self, callback: Callable[[], None]) -> None:
        """See Button."""
        self._button.when_pressed = callback

    def close(self) -> None:
        """See Button."""
        self._button.close()
