"""Wires the kiosk: the only place that knows both the drivers and the loop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import hardware.ports as devices
from healthcert.admission.rulebook import load_rulebook
from scanner.identity import DeviceIdentity, load_or_create
from scanner.loop import Loop, Parts, Scan
from scanner.outbox import Outbox
from scanner.screen.link import NoScreen, ScreenLink
from scanner.settings import Settings
from scanner.trust_store import load_trust
from scanner.uplink import HttpSender, Uplink
from scanner.vision import default_reader

log = logging.getLogger(__name__)

FLUSH_WITHIN_S = 30.0


def build_camera(settings: Settings) -> devices.Camera:
    """The camera of the settings, not yet opened. Drivers are imported only when they are chosen."""
    width, height, fps = settings.camera_width, settings.camera_height, settings.camera_fps
    path = settings.camera_path or Path()
    if settings.camera == "pi":
        from hardware.pi_camera import PiCamera

        return PiCamera(width=width, height=height, fps=fps)
    if settings.camera == "usb":
        from hardware.stream_camera import UsbCamera

        device = settings.camera_device
        return UsbCamera(int(device) if device.isdigit() else device, width=width, height=height, fps=fps)
    if settings.camera == "video":
        from hardware.stream_camera import VideoFileCamera

        return VideoFileCamera(path, repeat=settings.camera_repeat)
    from hardware.picture_camera import FolderCamera, MailboxCamera

    if settings.camera == "mailbox":
        return MailboxCamera(path, fps=settings.camera_fps)
    return FolderCamera(path, settings.camera_script, fps=settings.camera_fps, repeat=settings.camera_repeat)


def build_outputs(settings: Settings) -> tuple[devices.Lamp, devices.Buzzer, devices.Button]:
    """Lamp, buzzer and button. Raises DeviceError."""
    if settings.lamp == "gpio":
        from hardware.gpio import GpioButton, GpioBuzzer, GpioLamp

        return GpioLamp(), GpioBuzzer(), GpioButton()
    from hardware.simulated import PressableButton, RecordingBuzzer, RecordingLamp

    return RecordingLamp(settings.lamp_journal), RecordingBuzzer(), PressableButton()


def _demo_clock(demo_now: datetime | None) -> Callable[[], datetime] | None:
    """The certificates' own clock in a demonstration, from `demo_now` on; reports keep the real time."""
    if demo_now is None:
        return None
    begun = time.monotonic()
    return lambda: demo_now + timedelta(seconds=time.monotonic() - begun)


@dataclass(slots=True)
class Kiosk:
    """A wired kiosk; `run` works until `stop` is set."""

    loop: Loop
    camera: devices.Camera
    uplink: Uplink | None
    identity: DeviceIdentity
    outbox: Outbox
    _stack: ExitStack

    def run(self, stop: threading.Event, *, once_through: bool = False) -> bool:
        """Turn after turn. With `once_through`: until a scripted camera has ended and all is delivered.

        False if reports were left behind at the end of a once-through run.
        """
        self.camera.open()
        if self.uplink is not None:
            self.uplink.start()
        while not stop.is_set():
            ended = bool(getattr(self.camera, "ended", False))
            self.loop.turn()
            if once_through and ended:
                break
        if not once_through:
            return True
        return self._deliver(stop)

    def _deliver(self, stop: threading.Event) -> bool:
        ends = time.monotonic() + FLUSH_WITHIN_S
        while not self.loop.flush():
            if time.monotonic() > ends or stop.wait(0.2):
                return False
        return True if self.uplink is None else self.uplink.flush(max(0.0, ends - time.monotonic()))

    def close(self) -> None:
        """Give everything back: camera, pins, screen, outbox; the lamp goes dark."""
        if not self.loop.flush():
            self.outbox.settle()  # a repair is worth waiting for: what it holds up is in memory only
            self.loop.flush()
        self._stack.close()


def build(
    settings: Settings,
    *,
    on_scan: Callable[[Scan], None] = lambda scan: None,
    point: Callable[[str], None] = lambda name: None,
) -> Kiosk:
    """The kiosk of the settings. Raises DeviceError, TrustUnavailable, OutboxError, IdentityError."""
    import cv2

    cv2.setNumThreads(1)  # one decode thread; a pool would fight the lamp for the cores
    with ExitStack() as stack:
        trust = load_trust(settings.trust_file, settings.trust_cache)
        outbox = Outbox(settings.outbox, point=point)
        stack.callback(outbox.close)
        identity = load_or_create(settings.identity, production=settings.app_env == "production")
        camera = build_camera(settings)
        stack.callback(camera.close)
        lamp, buzzer, button = build_outputs(settings)
        for device in (lamp, buzzer, button):
            stack.callback(device.close)
        stack.callback(lamp.off)
        screen: NoScreen | ScreenLink = NoScreen()
        if settings.screen_port:
            screen = ScreenLink(settings.screen_port, settings.language, settings.screen_timezone)
        stack.callback(screen.close)
        uplink = None
        if settings.service_url is not None:
            uplink = Uplink(
                outbox,
                HttpSender(settings.service_url),
                identity,
                interval_s=settings.service_interval_s,
                point=point,
            )
            stack.callback(uplink.stop)

        def network() -> bool | None:
            return None if uplink is None else uplink.failures == 0

        def scanned(scan: Scan) -> None:
            if uplink is not None:
                uplink.nudge()
            on_scan(scan)

        parts = Parts(
            camera=camera,
            read=default_reader().read,
            lamp=lamp,
            buzzer=buzzer if settings.sound else None,
            outbox=outbox,
            screen=screen,
            trust=lambda: trust,
            rulebook=load_rulebook("venue"),
            network=network,
            judged_as_of=_demo_clock(settings.demo_now),
            on_scan=scanned,
            point=point,
        )
        loop = Loop(parts, stale_after_s=settings.camera_stale_s)
        button.on_press(loop.press)
        return Kiosk(loop, camera, uplink, identity, outbox, stack.pop_all())
    raise AssertionError("unreachable")
