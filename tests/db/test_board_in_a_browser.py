"""The board in a real browser: both languages, both themes, phone and desktop."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from scanner import protocol as p
from scanner.identity import DeviceIdentity
from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.cli import register_device
from verifier_service.settings import Settings

pytestmark = [pytest.mark.db, pytest.mark.e2e, pytest.mark.req("K04")]


@pytest.fixture
def board(database_url: str, owner_url: str) -> Iterator[tuple[str, DeviceIdentity]]:
    settings = Settings(app_env="demo", database_url=database_url)
    services = build_services(settings)
    kiosk = DeviceIdentity(uuid.uuid4(), ec.generate_private_key(ec.SECP256R1()))
    register_device(owner_url, kiosk.device_id, kiosk.public_pem, "Bệnh viện Bạch Mai, cổng chính")
    server = make_server("127.0.0.1", 0, create_app(settings, services), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", kiosk
    server.shutdown()
    services.database.close()


def message(kiosk: DeviceIdentity, first: int, count: int) -> bytes:
    ends = [("valid", ()), ("invalid", ("time.expired",)), ("undetermined", ("trust.unknown_kid",))]
    made = [
        p.encode_entry(
            p.ScanReport(
                datetime.now(UTC) - timedelta(seconds=count - n), *ends[n % 3], "eu-dcc", None, "AT", "v1"
            )
        )
        for n in range(count)
    ]
    return kiosk.sign(p.encode_batch(kiosk.device_id.bytes, 0, first, made))


def test_the_board_fits_is_accessible_and_updates_itself(
    board: tuple[str, DeviceIdentity], browser: Browser
) -> None:
    import http.client

    from axe_playwright_python.sync_playwright import Axe

    address, kiosk = board

    def post(raw: bytes) -> None:
        link = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
        link.request("POST", "/api/v1/scan-reports", raw)
        assert link.getresponse().status == 200
        link.close()

    for filled in (False, True):
        if filled:
            post(message(kiosk, 0, 30))
        for language in ("vi", "en"):
            for width, scheme in ((320, "light"), (1280, "dark")):
                page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
                faults: list[str] = []
                page.on("pageerror", lambda error, kept=faults: kept.append(str(error)))
                page.on("console", lambda m, kept=faults: kept.append(m.text) if m.type == "error" else None)
                page.goto(f"{address}/?lang={language}")
                page.wait_for_selector(".live.on")
                assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
                assert page.locator("html").get_attribute("lang") == language
                assert Axe().run(page).response["violations"] == []
                assert faults == []
                page.close()
    page = browser.new_page()
    page.goto(f"{address}/?lang=en")
    page.wait_for_selector(".total.all dd:has-text('30')")
    post(message(kiosk, 30, 7))
    page.wait_for_selector(".total.all dd:has-text('37')", timeout=15_000)
    page.close()
