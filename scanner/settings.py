"""Settings of the kiosk process: one frozen dataclass from a TOML file and the environment.

The environment wins: CONG_XANH_<SECTION>_<KEY>; a name with our prefix that no key has is refused. APP_ENV
unset means production, and there simulated devices refuse to start. Every fault is told in one message.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

ENVIRONMENTS = ("production", "demo", "test", "development")
CAMERAS = ("pi", "usb", "folder", "mailbox", "video")
LAMPS = ("gpio", "recording")
SIMULATED = frozenset({"folder", "mailbox", "video", "recording"})
LANGUAGES = ("vi", "en")
PREFIX = "CONG_XANH_"
# Names with our prefix that are not the kiosk's: the service's settings file and what the tests use.
FOREIGN = frozenset({"CONG_XANH_SETTINGS", "CONG_XANH_TESTDATA", "CONG_XANH_SCREENSHOTS"})
MAX_FILE_BYTES = 64 * 1024  # a settings file has about 40 lines


class SettingsError(Exception):
    """The settings cannot be used; each line of the message names one key and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the kiosk process is told. Paths are absolute after loading."""

    app_env: str
    camera: str
    camera_path: Path | None
    camera_script: Path | None
    camera_device: str
    camera_width: int
    camera_height: int
    camera_fps: int
    camera_repeat: bool
    camera_stale_s: float
    lamp: str
    lamp_journal: Path | None
    sound: bool
    trust_file: Path
    trust_cache: Path
    outbox: Path
    identity: Path
    service_url: str | None
    service_interval_s: float  # between reports until the service names its own interval
    screen_port: int  # 0: no screen
    language: str
    screen_timezone: str  # the zone of the clock on the screen
    demo_now: datetime | None  # the certificates' clock starts here; demonstrations and tests only


# key: (kind, default); a default of None with kind "path?" or "url?" may stay unset
_KEYS: Mapping[str, tuple[str, Any]] = {
    "camera.kind": ("camera", "pi"),
    "camera.path": ("path?", None),
    "camera.script": ("path?", None),
    "camera.device": ("text", "0"),
    "camera.width": ("size", 1280),
    "camera.height": ("size", 720),
    "camera.fps": ("fps", 30),
    "camera.repeat": ("flag", False),
    "camera.stale_s": ("seconds", 3.0),
    "lamp.kind": ("lamp", "gpio"),
    "lamp.journal": ("path?", None),
    "sound.on": ("flag", True),
    "trust.file": ("path", None),
    "trust.cache": ("path", Path("trust-cache.json")),
    "outbox.path": ("path", Path("outbox.sqlite")),
    "identity.path": ("path", Path("identity")),
    "service.url": ("url?", None),
    "service.interval_s": ("seconds", 60.0),
    "screen.port": ("port", 8090),
    "screen.language": ("language", "vi"),
    "screen.timezone": ("zone", "Asia/Ho_Chi_Minh"),
    "demo.now": ("instant?", None),
}
_NUMBERS = {"size": (160, 4096), "fps": (1, 120), "port": (0, 65535), "seconds": (0.5, 60.0)}


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check. Paths in the file are relative to it. Raises SettingsError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SettingsError(f"{path.name}: larger than {MAX_FILE_BYTES} bytes")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: {error}") from None
    given, faults = _flatten(table)
    strange = _overlay(given, environ)
    values: dict[str, Any] = {}
    for key, (kind, default) in _KEYS.items():
        try:
            values[key] = _value(kind, given.get(key, default), path.resolve().parent)
        except ValueError as error:
            faults.append(f"{key}: {error}")
    app_env = environ.get("APP_ENV", "production")
    if app_env not in ENVIRONMENTS:
        faults.append(f"APP_ENV: must be one of {', '.join(ENVIRONMENTS)}")
    faults += _together(app_env, values)
    if faults or strange:
        told = [f"{path.name}: {fault}" for fault in faults]
        raise SettingsError("\n".join([*told, *(f"environment: {name}: unknown key" for name in strange)]))
    names = {"sound.on": "sound", "outbox.path": "outbox", "identity.path": "identity"}
    names |= {
        "camera.kind": "camera",
        "lamp.kind": "lamp",
        "screen.language": "language",
    }
    fields = {names.get(key, key.replace(".", "_")): value for key, value in values.items()}
    return Settings(app_env=app_env, **fields)


def _flatten(table: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    given: dict[str, Any] = {}
    faults: list[str] = []
    for section, content in table.items():
        if not isinstance(content, dict):
            faults.append(f"{section}: unknown key")
            continue
        for key, value in content.items():
            name = f"{section}.{key}"
            if name in _KEYS:
                given[name] = value
            else:
                faults.append(f"{name}: unknown key")
    return given, faults


def _overlay(given: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Put the environment's values over those of the file; the names with our prefix that are no key."""
    names = {PREFIX + key.replace(".", "_").upper(): key for key in _KEYS}
    ours = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    given.update((names[name], value) for name, value in ours.items() if name in names)
    return sorted(set(ours) - set(names) - FOREIGN)


def _value(kind: str, raw: Any, home: Path) -> Any:
    optional = kind.endswith("?")
    kind = kind.rstrip("?")
    if raw is None or raw == "":
        if optional:
            return None
        raise ValueError("is missing")
    if kind in _NUMBERS:
        return _number(kind, raw)
    if kind == "instant":
        return _instant(raw)
    if kind == "flag":
        words = {"true": True, "1": True, "false": False, "0": False}
        flag = raw if isinstance(raw, bool) else words.get(str(raw).lower())
        if flag is None:
            raise ValueError("must be true or false")
        return flag
    if kind == "path":
        if not isinstance(raw, str | Path):
            raise ValueError("must be a path")
        return (home / raw).resolve()
    if kind == "text" and isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)
    if not isinstance(raw, str):
        raise ValueError("must be text")
    choices = {"camera": CAMERAS, "lamp": LAMPS, "language": LANGUAGES}.get(kind)
    if choices is not None and raw not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}")
    if kind == "url":
        _check_url(raw)
    if kind == "zone":
        _check_zone(raw)
    return raw


def _check_zone(raw: str) -> None:
    try:
        ZoneInfo(raw)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise ValueError(f"{raw!r} is no time zone of this machine, such as Asia/Ho_Chi_Minh") from None


def _instant(raw: Any) -> datetime:
    moment = raw if isinstance(raw, datetime) else None
    if isinstance(raw, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(raw)
    if moment is None or moment.tzinfo is None:
        raise ValueError("must be a moment with a zone, such as 2021-09-15T12:00:00Z")
    return moment


def _number(kind: str, raw: Any) -> int | float:
    low, high = _NUMBERS[kind]
    try:
        if isinstance(raw, bool):
            raise ValueError
        number = float(raw) if kind == "seconds" else int(raw)
    except (TypeError, ValueError):
        raise ValueError("must be a number") from None
    if not low <= number <= high:
        raise ValueError(f"must be from {low} to {high}")
    return number


def _check_url(raw: str) -> None:
    try:
        parts = urlsplit(raw)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
        _ = parts.port
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be an http or https address without a password in it")


def _together(app_env: str, values: Mapping[str, Any]) -> list[str]:
    faults = []
    if app_env == "production":
        if values.get("demo.now") is not None:
            faults.append("demo.now: a clock of its own is refused in production")
        for key in ("camera.kind", "lamp.kind"):
            if values.get(key) in SIMULATED:
                faults.append(f"{key}: the simulated device {values[key]!r} is refused in production")
        url = values.get("service.url")
        if url is not None and urlsplit(url).scheme != "https":
            faults.append("service.url: must be https in production")
    if values.get("camera.kind") in ("folder", "mailbox", "video") and values.get("camera.path", "") is None:
        faults.append(f"camera.path: is missing for a {values['camera.kind']} camera")
    return faults
