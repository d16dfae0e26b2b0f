"""The gateway's page reads a code through a browser's camera, and every page passes axe in both languages."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.req("K14")]
SAMPLE = Path(__file__).resolve().parents[1] / "vectors" / "sample"
VECTOR = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))
NOW = datetime(2021, 6, 1, tzinfo=UTC)
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    trust = tmp_path_factory.mktemp("gateway") / "trust.json"
    certificate = VECTOR["TESTCTX"]["CERTIFICATE"]
    keys = [{"x5c": [certificate], "formats": ["eu-dcc"]}]
    trust.write_text(json.dumps({"issued_at": "2021-05-31T00:00:00+00:00", "keys": keys}))
    settings = Settings(trust_file=trust)
    services = build_services(settings, clock=lambda: NOW)
    server = make_server("127.0.0.1", 0, create_app(settings, services), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    services.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty desk, then the sample's code, as Y4M: what the browser plays as a camera."""
    code = cv2.imdecode(np.frombuffer(base64.b64decode(VECTOR["2DCODE"]), np.uint8), cv2.IMREAD_GRAYSCALE)
    desk = np.full((480, 640), 160, np.uint8)
    shown = desk.copy()
    shown[60:420, 140:500] = cv2.resize(code, (360, 360), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("film") / "camera.y4m"
    grey = np.full(640 * 480 // 2, 128, np.uint8).tobytes()
    with path.open("wb") as out:
        out.write(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n")
        for frame in [desk] * 10 + [shown] * 60:
            out.write(b"FRAME\n" + frame.tobytes() + grey)
    return path


@pytest.fixture
def page(launch: Callable[..., Browser], film: Path) -> Iterator[Page]:
    camera = [f"--use-file-for-fake-video-capture={film}", "--use-fake-device-for-media-stream"]
    chromium = launch(*camera, "--use-fake-ui-for-media-stream")
    yield chromium.new_page(viewport={"width": 360, "height": 740})
    chromium.close()


def test_a_code_held_before_the_camera_is_judged(page: Page, address: str) -> None:
    page.goto(f"{address}/verify?lang=en")
    page.click("[data-start]")
    page.wait_for_selector(".result.valid", timeout=60_000)
    assert "Musterfrau" in page.inner_text(".holder")
    assert page.url == f"{address}/verify", "nothing of the code is in the address"


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_page_and_results_pass_axe_and_fit_a_phone(page: Page, address: str, lang: str) -> None:
    folder = Path("var/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("page", None),
        ("valid", VECTOR["PREFIX"]),
        ("ask", "https://example.org"),
        ("bad", "HC1:1"),
    ):
        page.goto(f"{address}/verify?lang={lang}")
        page.wait_for_selector("[data-camera]:not([hidden])")
        if text is not None:
            page.fill("#text", text)
            page.click("form:has(#text) button")
            page.wait_for_selector(".result")
        page.screenshot(path=folder / f"gateway-{name}-{lang}.png", full_page=True)
        found = Axe().run(page, options=WCAG)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.get_attribute("html", "lang") == lang
