"""Settings are refused with one line a fault; production takes no simulated part."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.settings import SettingsError, load

GOOD = """
[camera]
kind = "folder"
path = "pictures"
[lamp]
kind = "recording"
[trust]
file = "trust.json"
[service]
url = "http://127.0.0.1:8000"
"""


def write(home: Path, text: str) -> Path:
    path = home / "kiosk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file_and_defaults_are_filled_in(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD), {"APP_ENV": "demo"})
    assert settings.camera_path == tmp_path / "pictures"
    assert settings.trust_file == tmp_path / "trust.json"
    assert (settings.camera_width, settings.camera_height, settings.language) == (1280, 720, "vi")


def test_the_environment_wins(tmp_path: Path) -> None:
    environ = {"APP_ENV": "demo", "CONG_XANH_SCREEN_PORT": "9001", "CONG_XANH_SCREEN_LANGUAGE": "en"}
    settings = load(write(tmp_path, GOOD), environ)
    assert (settings.screen_port, settings.language) == (9001, "en")


@pytest.mark.req("K06")
@pytest.mark.parametrize("environ", [{}, {"APP_ENV": "production"}])
def test_production_is_the_default_and_refuses_what_is_simulated(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    text = GOOD + "[demo]\nnow = 2021-06-01T00:00:00Z\n"
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text), environ)
    message = str(caught.value)
    for key in ("camera.kind", "lamp.kind", "demo.now", "service.url"):
        assert key in message


def test_a_demonstration_may_judge_as_of_another_day(tmp_path: Path) -> None:
    text = GOOD + "[demo]\nnow = 2021-06-01T00:00:00Z\n"
    assert load(write(tmp_path, text), {"APP_ENV": "demo"}).demo_now == datetime(2021, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("[camera]\nkind = 'tape'", "camera.kind: must be one of"),
        ("[camera]\nkind = 'usb'\nwidth = 7", "camera.width: must be from 160"),
        ("[camera]\nkind = 'usb'\nfps = true", "camera.fps: must be a number"),
        ("[camera]\nkind = 'folder'", "camera.path: is missing"),
        ("[camera]\nkind = 'usb'\ncolour = 'red'", "camera.colour: unknown key"),
        ("[service]\nurl = 'ftp://x'", "service.url: must be an http"),
        ("[service]\nurl = 'https://user:pw@host/'", "service.url: must be an http"),
        ("[service]\nurl = 'http://[::1'", "service.url: must be an http"),
        ("[screen]\nlanguage = 'fr'", "screen.language: must be one of"),
        ("[screen]\nport = 70000", "screen.port: must be from"),
        ("[sound]\non = 'perhaps'", "sound.on: must be true or false"),
        ("[demo]\nnow = 2021-06-01T00:00:00", "demo.now: must be a moment with a zone"),
        ("[screen]\ntimezone = 'Mars/Phobos'", "screen.timezone: 'Mars/Phobos' is no time zone"),
        ("[screen]\ntimezone = 'Asia'", "screen.timezone: 'Asia' is no time zone"),
        ("[screen]\ntimezone = '../etc/passwd'", "screen.timezone: '../etc/passwd' is no time zone"),
        ("loose = 1", "loose: unknown key"),
        ("[trust]", "trust.file: is missing"),
        ("[trust", "kiosk.toml:"),
    ],
)
def test_each_fault_names_its_key(tmp_path: Path, change: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, change), {"APP_ENV": "test", "CONG_XANH_LAMP_KIND": "recording"})
    assert told in str(caught.value)


def test_a_mistyped_name_in_the_environment_is_named_and_other_programs_names_are_left_alone(
    tmp_path: Path,
) -> None:
    environ = {"APP_ENV": "demo", "CONG_XANH_SCREEN_PROT": "1", "SCREEN_PROT": "1"}
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, GOOD), environ)
    assert str(caught.value) == "environment: CONG_XANH_SCREEN_PROT: unknown key"
    del environ["CONG_XANH_SCREEN_PROT"]
    environ["CONG_XANH_SETTINGS"] = "/etc/service.env"  # the service's, on the same machine
    assert load(write(tmp_path, GOOD), environ).screen_timezone == "Asia/Ho_Chi_Minh"


def test_an_absent_or_oversized_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "absent.toml", {})
    with pytest.raises(SettingsError, match="larger"):
        load(write(tmp_path, "#" * 100_000), {})
