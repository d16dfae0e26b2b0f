"""Does this kiosk work? Each part is tried once; the answer is data, so a supervisor can act on it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from scanner.settings import Settings
from scanner.signals import SIGNALS, Signal

TEST_TEXT = "HC1:CONG XANH SELF TEST 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FRAME_WITHIN_S = 5.0


def test_frame() -> Any:
    """A grey 1280x720 frame with TEST_TEXT in it, drawn by zxing-cpp."""
    import numpy as np
    import zxingcpp

    code = zxingcpp.create_barcode(TEST_TEXT, zxingcpp.BarcodeFormat.QRCode)
    picture = np.asarray(code.to_image(scale=8), dtype=np.uint8)
    frame = np.full((720, 1280), 255, dtype=np.uint8)
    height, width = picture.shape[:2]
    top, left = (720 - height) // 2, (1280 - width) // 2
    frame[top : top + height, left : left + width] = picture
    return frame


def check_reader() -> dict[str, Any]:
    """The reader finds the built-in code."""
    from scanner.vision import default_reader

    begun = time.perf_counter()
    texts = [symbol.text for symbol in default_reader().read(test_frame())]
    if texts != [TEST_TEXT]:
        raise RuntimeError("the built-in test frame was not read")
    return {"ms": round((time.perf_counter() - begun) * 1000, 1)}


def _check_camera(settings: Settings) -> dict[str, Any]:
    from scanner.bootstrap import build_camera

    camera = build_camera(settings)
    try:
        camera.open()
        frame = camera.newest(FRAME_WITHIN_S)
        if frame is None:
            raise RuntimeError(f"no frame within {FRAME_WITHIN_S:.0f} s")
        height, width = frame.pixels.shape
        age = (time.monotonic_ns() - frame.captured_ns) / 1e6
        return {"width": width, "height": height, "age_ms": round(age, 1)}
    finally:
        camera.close()


def _check_lamp(settings: Settings) -> dict[str, Any]:
    from scanner.bootstrap import build_outputs

    outputs = build_outputs(settings)
    try:
        outputs[0].show(SIGNALS[Signal.IDLE].lamp)
        outputs[0].off()
    finally:
        for device in outputs:
            device.close()
    return {}


def _check_outbox(settings: Settings) -> dict[str, Any]:
    """The folder takes a file; the journal itself is not opened: a running kiosk holds it.

    `set_aside`: how many damaged journals lie there, see docs/operations.md.
    """
    from scanner.outbox_file import set_aside

    settings.outbox.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.outbox.parent, prefix=".selftest-") as file:
        file.write(bytes(4096))
        file.flush()
    return {"set_aside": set_aside(settings.outbox)}


def _check_trust(settings: Settings) -> dict[str, Any]:
    from scanner.trust_store import load_trust

    snapshot = load_trust(settings.trust_file, settings.trust_cache)
    facts: dict[str, Any] = {"version": snapshot.version, "rejected": len(snapshot.rejected)}
    if snapshot.issued_at is not None:
        facts["age_min"] = max(0, int((datetime.now(UTC) - snapshot.issued_at).total_seconds() // 60))
    return facts


def run(settings: Settings) -> dict[str, Any]:
    """{"ok": all parts work, "checks": {part: {"ok", facts or "error"}}}."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "reader": check_reader,
        "camera": lambda: _check_camera(settings),
        "lamp": lambda: _check_lamp(settings),
        "outbox": lambda: _check_outbox(settings),
        "trust": lambda: _check_trust(settings),
    }
    checks: dict[str, dict[str, Any]] = {}
    for name, check in parts.items():
        try:
            checks[name] = {"ok": True, **check()}
        except Exception as error:
            checks[name] = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    return {"ok": all(check["ok"] for check in checks.values()), "checks": checks}
