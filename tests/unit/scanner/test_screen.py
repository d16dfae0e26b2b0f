"""The kiosk page: words for every reason, both languages complete, nothing from outside, nothing personal."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.screen.app import POLICY, State, create_app
from scanner.screen.view import CATALOGUE, SIGNALS, reason_key, status_view, verdict_view

ROOT = Path(__file__).resolve().parents[3]
SCREEN = ROOT / "scanner" / "screen"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_both_languages_have_the_same_keys_and_the_same_blanks() -> None:
    assert CATALOGUE["vi"].keys() == CATALOGUE["en"].keys()
    for key, text in CATALOGUE["vi"].items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", CATALOGUE["en"][key])), key


@pytest.mark.req("K02")
@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_has_a_word_and_a_reason(signal: str, lang: str) -> None:
    view = verdict_view({"signal": signal}, lang)
    assert view["signal"] == signal
    assert view["word"] == view["word"].upper()
    assert view["reason"].endswith(".")


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("time.expired", "time.expired"),
        ("time.not_yet", "time.not_yet"),
        ("signature.bad", "signature"),
        ("trust.unknown_kid", "trust"),
        ("key.usage", "key"),
        ("key.expired", "key.expired"),
        ("signature.alg_mismatch", "signature.alg"),
        ("clock.unusable", "undetermined.clock"),
        ("format.unsupported", "format.unsupported"),
        ("format.new_kind", "undetermined.format"),
        ("schema.version", "schema"),
        ("valueset.v.mp", "valueset"),
        ("decode.prefix", "decode"),
        ("decode.base45", "decode.damaged"),
        ("undetermined.clock", "undetermined.clock"),
        ("something.else", None),
        ("", None),
    ],
)
def test_reason_codes_find_their_words(code: str, key: str | None) -> None:
    assert reason_key(code) == key


def test_a_started_series_tells_its_numbers_and_a_test_is_not_called_a_dose() -> None:
    assert verdict_view({"signal": "started", "doses": [2, 3]}, "vi")["word"] == "2/3 MŨI"
    assert verdict_view({"signal": "complete", "kind": "test"}, "vi")["word"] == "HỢP LỆ"
    assert verdict_view({"signal": "complete", "kind": "vaccination"}, "vi")["word"] == "ĐỦ MŨI"


def test_an_unknown_signal_is_a_fault_and_never_a_colour_of_a_verdict() -> None:
    assert verdict_view({"signal": "green"}, "en")["signal"] == "fault"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(None, "unknown"), (0, "0 min"), (119, "119 min"), (120, "2 h"), (2879, "47 h"), (2880, "2 days")],
)
def test_the_age_of_the_trust_data_is_told_in_fitting_units(minutes: int | None, text: str) -> None:
    assert text in status_view({"trust_age_min": minutes}, "en", "08:00")["trust"]


@pytest.mark.parametrize(
    ("lang", "told"), [("en", "To send: 4 · Storage was damaged"), ("vi", "Chờ gửi: 4 · Thẻ nhớ từng bị lỗi")]
)
def test_a_journal_that_was_set_aside_is_an_alarm_on_the_screen(lang: str, told: str) -> None:
    view = status_view({"network": True, "queue": 4, "set_aside": 1}, lang, "08:00")
    assert (view["queue"], view["alarm"]) == (told, True)
    assert status_view({"network": True, "queue": 4, "set_aside": 0}, lang, "08:00")["alarm"] is False


def test_a_full_disk_and_a_lost_network_are_shown() -> None:
    view = status_view({"network": False, "disk_full": True, "queue": 9}, "en", "08:00")
    assert view["alarm"]
    assert view["queue"] == CATALOGUE["en"]["status.disk_full"]


def test_verdict_inks_are_readable_and_fills_come_in_clearly_different_lightness() -> None:
    css = (SCREEN / "static" / "kiosk.css").read_text(encoding="utf-8")
    fill = dict(re.findall(r"--verdict-(\w+): (#[0-9a-f]{6})", css))
    inks = {
        "complete": "#0b1220",
        "started": "#0b1220",
        "refused": "#ffffff",
        "ask": "#ffffff",
        "idle": "#ffffff",
    }
    for name, ink in inks.items():
        light, dark = sorted((luminance(fill[name]), luminance(ink)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    for path in [*SCREEN.glob("templates/*"), *SCREEN.glob("static/*.css"), *SCREEN.glob("static/*.js")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(https?:)?//[a-z]", re.sub(r"^\s*//.*$", "", text, flags=re.M)), path.name
        assert "style=" not in text
        assert "onclick" not in text


@pytest.fixture
def state() -> State:
    return State()


@pytest.mark.parametrize(
    ("query", "lang", "word"),
    [("", "vi", "MỜI ĐƯA MÃ"), ("?lang=en", "en", "SHOW CODE"), ("?lang=xx", "vi", "MỜI")],
)
def test_the_page_speaks_the_language_asked_for(state: State, query: str, lang: str, word: str) -> None:
    answer = create_app(state).test_client().get("/" + query)
    assert f'<html lang="{lang}"' in answer.text
    assert word in answer.text
    assert 'aria-live="assertive"' in answer.text
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_a_foreign_host_name_is_refused(state: State) -> None:
    assert create_app(state).test_client().get("/", headers={"Host": "evil.example"}).status_code == 403


def test_the_stream_tells_the_state_now_and_each_change(state: State) -> None:
    answer = create_app(state).test_client().get("/events?lang=en", buffered=False)
    chunks = iter(answer.response)
    state.put({"type": "signal", "signal": "refused", "reasons": ["time.expired"]})
    next(chunks)
    data = next(chunks)
    view = json.loads((data if isinstance(data, str) else data.decode()).removeprefix("data: "))
    assert (view["signal"], view["reason"]) == ("refused", "The certificate has expired.")
    answer.close()


def test_streams_are_bounded_and_given_back(state: State) -> None:
    client = create_app(state).test_client()
    answers = [client.get("/events", buffered=False) for _ in range(9)]
    assert [a.status_code for a in answers] == [200] * 8 + [503]
    answers[0].close()
    assert client.get("/events", buffered=False).status_code == 200


@pytest.mark.parametrize(("zone", "clock"), [("Asia/Ho_Chi_Minh", "01:30"), ("Europe/Paris", "20:30")])
def test_the_clock_shows_the_zone_of_the_settings_wherever_the_machine_stands(zone: str, clock: str) -> None:
    state = State(zone, lambda: datetime(2026, 1, 1, 18 if zone.startswith("Asia") else 19, 30, tzinfo=UTC))
    assert state.view("vi")["clock"] == clock


@pytest.mark.parametrize(
    ("path", "host", "status"), [("/none", "localhost", 404), ("/", "evil.example", 403)]
)
def test_an_error_page_says_in_both_languages_what_to_do(
    state: State, path: str, host: str, status: int
) -> None:
    answer = create_app(state).test_client().get(path, headers={"Host": host})
    assert answer.status_code == status
    for lang in ("vi", "en"):
        assert f'lang="{lang}"' in answer.text
        assert CATALOGUE[lang][f"page.{status}"] in answer.text
        assert CATALOGUE[lang][f"page.{status}.hint"] in answer.text
        assert (CATALOGUE[lang]["page.home"] in answer.text) == (status == 404)
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_any_other_error_has_a_page_too(state: State) -> None:
    answer = create_app(state).test_client().post("/")
    assert answer.status_code == 405
    assert CATALOGUE["vi"]["page.error"] in answer.text


def test_a_silent_kiosk_is_shown_as_out_of_service(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.screen.app.QUIET_AFTER_S", -1.0)
    assert state.view("en")["reason"] == CATALOGUE["en"]["hint.no_link"]
