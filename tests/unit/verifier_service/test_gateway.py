"""The gateway answers as a kiosk would, keeps nothing, and is bounded whatever comes in."""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from healthcert import Outcome, judge
from healthcert.explain import as_json
from healthcert.trust import parse_trust_object
from verifier_service.app import create_app
from verifier_service.bootstrap import Services, build_services
from verifier_service.gateway.limits import MAX_CALLERS, MAX_PICTURE_BYTES, MAX_REQUEST_BYTES
from verifier_service.gateway.pictures import PicturePool, PicturesBusy, PictureUnreadable
from verifier_service.gateway.rate import RateLimit, group_of
from verifier_service.gateway.trust_file import LOOK_EVERY_S, TrustFile
from verifier_service.settings import DEMO, Settings, SettingsError

pytestmark = [pytest.mark.req("K14")]
SAMPLE = Path(__file__).resolve().parents[2] / "vectors" / "sample"
VECTOR = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))
TEXT = VECTOR["PREFIX"]
TRUST = {
    "issued_at": "2021-05-31T00:00:00+00:00",
    "keys": [{"x5c": [VECTOR["TESTCTX"]["CERTIFICATE"]], "formats": ["eu-dcc"], "country": "AT"}],
}
NOW = datetime(2021, 6, 1, tzinfo=UTC)
API = "/api/v1/verify"


@dataclass
class World:
    client: FlaskClient
    services: Services


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(TRUST))
    settings = Settings(trust_file=trust)
    services = build_services(settings, clock=lambda: NOW)
    yield World(create_app(settings, services).test_client(), services)
    services.close()


def picture() -> bytes:
    return base64.b64decode(VECTOR["2DCODE"])


def test_a_text_gets_the_verdict_reasons_and_stages_of_a_kiosk(world: World) -> None:
    answer = world.client.post(f"{API}?lang=en", json={"text": TEXT})
    assert answer.status_code == 200
    expected = as_json(judge(TEXT, parse_trust_object(TRUST), now=NOW))
    told = answer.get_json()
    assert {name: told[name] for name in expected} == json.loads(json.dumps(expected))
    assert (told["outcome"], told["decision"]) == ("valid", "started")
    assert told["explanation"]["title"] == "VALID"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("how", ["raw", "form"])
def test_a_picture_gets_the_same_answer_as_its_text(world: World, how: str) -> None:
    if how == "raw":
        answer = world.client.post(API, data=picture(), content_type="image/png")
    else:
        answer = world.client.post(API, data={"picture": (io.BytesIO(picture()), "code.png")})
    told = answer.get_json()
    by_text = world.client.post(API, json={"text": TEXT}).get_json()
    assert told.pop("others") == []
    assert told == by_text


def test_a_picture_without_a_code_says_so(world: World) -> None:
    blank = cv2.imencode(".png", np.full((120, 160), 255, np.uint8))[1].tobytes()
    told = world.client.post(API, data=blank, content_type="image/png").get_json()
    assert told == {"outcome": "undetermined", "reasons": ["picture.no_code"], "others": []}


def test_a_refused_certificate_tells_nothing_of_its_holder(world: World, caplog: Any) -> None:
    with caplog.at_level(logging.DEBUG):
        forged = TEXT[:-6] + ("AAAAAA" if not TEXT.endswith("AAAAAA") else "BBBBBB")
        told = world.client.post(API, json={"text": forged}).get_data(as_text=True)
    assert json.loads(told)["outcome"] == "invalid"
    assert json.loads(told)["claims"] is None
    for secret in ("Musterfrau", forged[20:60]):
        assert secret not in told
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"text":7}', "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b"x", "text/plain", 415),
        (b"not a picture", "image/png", 422),
        (picture()[:200], "image/png", 422),
    ],
)
def test_bad_input_gets_a_problem_that_says_what_is_wrong(
    world: World, body: bytes, kind: str, status: int
) -> None:
    answer = world.client.post(API, data=body, content_type=kind)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"


@pytest.mark.req("K16")
@pytest.mark.parametrize(
    ("kind", "limit"), [("application/json", MAX_REQUEST_BYTES), ("image/png", MAX_PICTURE_BYTES)]
)
def test_a_body_beyond_its_bound_is_refused_by_its_length(world: World, kind: str, limit: int) -> None:
    answer = world.client.post(API, data=b"0" * (limit + 1), content_type=kind)
    assert answer.status_code == 413


def test_the_page_works_without_scripts(world: World) -> None:
    page = world.client.get("/verify?lang=en")
    assert page.status_code == 200
    assert "camera=(self)" in page.headers["Permissions-Policy"]
    result = world.client.post("/verify?lang=en", data={"text": f"  {TEXT}\r\n"}).get_data(as_text=True)
    assert "VALID" in result
    assert "Musterfrau-Gößinger" in result
    assert TEXT not in result, "the code itself is never shown again"
    shown = world.client.post(
        "/verify?lang=vi", data={"picture": (io.BytesIO(picture()), "x.png"), "text": ""}
    )
    assert "HỢP LỆ" in shown.get_data(as_text=True)


@pytest.mark.parametrize(
    ("data", "status", "word"),
    [
        ({"text": ""}, 422, "choose a picture or paste"),
        ({"picture": (io.BytesIO(b"junk"), "x.png")}, 422, "not a readable picture"),
    ],
)
def test_the_page_says_in_words_what_to_do(world: World, data: Any, status: int, word: str) -> None:
    answer = world.client.post("/verify?lang=en", data=data)
    assert answer.status_code == status
    assert word in answer.get_data(as_text=True)


@pytest.mark.req("K08")
def test_a_link_to_a_known_portal_names_it_without_opening_it(world: World) -> None:
    link = "https://chungnhanvacxin.vn/tra-cuu?id=1"
    told = world.client.post(API, json={"text": link}).get_json()
    assert (told["outcome"], told["portals"]) == ("undetermined", ["chungnhanvacxin.vn"])
    shown = world.client.post("/verify?lang=en", data={"text": link}).get_data(as_text=True)
    assert "<strong>chungnhanvacxin.vn</strong>" in shown
    assert 'href="https://chungnhanvacxin.vn' not in shown


def test_without_trust_data_nothing_is_called_valid() -> None:
    services = build_services(Settings(), clock=lambda: NOW)
    told = create_app(Settings(), services).test_client().post(API, json={"text": TEXT}).get_json()
    assert (told["outcome"], told["reasons"]) == ("undetermined", ["trust.missing"])
    services.close()


@pytest.mark.parametrize("told", ["2021-06-03T00:00:00+00:00", None], ids=["its own word", "the file's age"])
@pytest.mark.req("K16")
def test_a_clock_that_stands_before_the_trust_data_asks_a_person(tmp_path: Path, told: str | None) -> None:
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(TRUST | {"issued_at": told}))
    shown = Settings(trust_file=trust, app_env=DEMO, demo_now=NOW.isoformat())  # its certificates are old
    for settings, expected in ((Settings(trust_file=trust), "undetermined"), (shown, "valid")):
        services = build_services(settings, clock=lambda: NOW)
        answer = create_app(settings, services).test_client().post(API, json={"text": TEXT}).get_json()
        assert answer["outcome"] == expected
        assert (answer["reasons"] == ["clock.unusable"]) is (expected == "undetermined")
        services.close()


def test_what_was_not_checked_stands_in_the_explanation_alone(world: World) -> None:
    told = world.client.post(f"{API}?lang=en", json={"text": TEXT}).get_json()
    assert told["reasons"] == []
    assert [reason["code"] for reason in told["explanation"]["reasons"]] == ["revocation.not_checkable"]


def test_a_caller_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    settings = Settings(gateway_texts_per_min=2)
    services = build_services(settings, clock=lambda: NOW)
    client = create_app(settings, services).test_client()
    statuses = [client.post(API, json={"text": "x"}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    last = client.post(API, json={"text": "x"})
    assert 1 <= int(last.headers["Retry-After"]) <= 30
    assert client.post("/verify", data={"text": "x"}).status_code == 429
    far = client.post(API, json={"text": "x"}, environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert far.status_code == 200
    services.close()


def test_the_rate_comes_back_with_time_and_remembers_a_bounded_number() -> None:
    now = [0.0]
    limit = RateLimit(60, lambda: now[0])
    assert [limit.wait_s("192.0.2.1") for _ in range(60)] == [0.0] * 60
    assert limit.wait_s("192.0.2.1") == pytest.approx(1.0)
    now[0] += 1.0
    assert limit.wait_s("192.0.2.1") == 0.0
    for number in range(MAX_CALLERS + 10):
        limit.wait_s(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert len(limit._left) == MAX_CALLERS
    assert RateLimit(0).wait_s("x") == 0.0


def test_an_ipv6_caller_is_counted_by_its_network() -> None:
    assert group_of("2001:db8:1:2::1") == group_of("2001:db8:1:2:ffff::9") != group_of("2001:db8:1:3::1")
    assert group_of("::ffff:192.0.2.1") == group_of("192.0.2.1") == "192.0.2.1"
    assert group_of(None) == group_of("nonsense") == "unknown"


def test_the_demo_clock_is_refused_in_production() -> None:
    with pytest.raises(SettingsError, match="DEMO_NOW"):
        Settings(demo_now="2021-06-01T00:00:00Z")


# --- the reading children -----------------------------------------------------------------------------------

_SLOW = [sys.executable, "-c", "import sys, time; sys.stdin.buffer.read(5); time.sleep(60)"]
_DEAD = [sys.executable, "-c", "import sys; sys.stdin.buffer.read(5); sys.exit(1)"]


@pytest.mark.req("K16")
@pytest.mark.parametrize("command", [_SLOW, _DEAD], ids=["hangs", "dies"])
def test_a_child_that_hangs_or_dies_costs_one_answer_and_is_replaced(command: list[str]) -> None:
    pool = PicturePool(children=1, seconds=1.0, command=command)
    for _ in range(2):
        with pytest.raises(PictureUnreadable) as fault:
            pool.read(b"picture")
        assert fault.value.detail == "picture.too_hard"
    pool.close()


@pytest.mark.req("K16")
def test_pictures_wait_in_a_bounded_line_and_the_rest_is_told_to_come_again() -> None:
    pool = PicturePool(children=1, waiting=1, wait_s=30, seconds=3.0, command=_SLOW)
    ended: list[type[Exception]] = []

    def ask() -> None:
        try:
            pool.read(b"picture")
        except Exception as fault:
            ended.append(type(fault))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(ended) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended == [PicturesBusy] * 3, "three of five are refused while the child is still at work"
    for thread in threads:
        thread.join(20)
    assert sorted(kind.__name__ for kind in ended) == ["PictureUnreadable"] * 2 + ["PicturesBusy"] * 3
    pool.close()


def test_texts_are_answered_while_pictures_are_stuck(tmp_path: Path) -> None:
    services = build_services(Settings(), clock=lambda: NOW)
    object.__setattr__(services.gateway, "_pictures", PicturePool(seconds=5.0, command=_SLOW))
    app = create_app(Settings(), services)
    stuck = threading.Thread(
        target=lambda: app.test_client().post(API, data=picture(), content_type="image/png")
    )
    stuck.start()
    begun = time.monotonic()
    assert app.test_client().post(API, json={"text": TEXT}).status_code == 200
    assert stuck.is_alive(), f"the text was answered first, after {time.monotonic() - begun:.2f} s"
    stuck.join(20)
    services.close()


# --- the trust file -----------------------------------------------------------------------------------------


def test_a_changed_trust_file_is_taken_and_a_broken_one_leaves_the_last_good(tmp_path: Path) -> None:
    path, now = tmp_path / "trust.json", [0.0]
    source = TrustFile(path, lambda: now[0])
    assert source.current() is None
    path.write_text(json.dumps(TRUST))
    now[0] += LOOK_EVERY_S
    first = source.current()
    assert first is not None
    assert judge(TEXT, first, now=NOW).outcome is Outcome.VALID
    path.write_text("{broken")
    now[0] += LOOK_EVERY_S
    assert source.current() is first
    path.write_text('{"keys": []}')
    now[0] += LOOK_EVERY_S
    renewed = source.current()
    assert renewed is not None
    assert renewed.version != first.version
