"""Board and kiosk screen in a real browser, both languages, phone and desktop width, without a barrier."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "var" / "screenshots"
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
pytestmark = [pytest.mark.e2e, pytest.mark.req("K16")]


def opened(browser: Browser, address: str, size: dict[str, int], faults: list[str]) -> Page:
    page = browser.new_page(viewport=size)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(address)
    return page


def barriers(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(("width", "size"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_the_board_shows_the_checks_and_has_no_barrier(
    demo: Any, browser: Browser, lang: str, width: str, size: dict[str, int]
) -> None:
    faults: list[str] = []
    page = opened(browser, f"{demo.board}?lang={lang}", size, faults)
    total = page.locator(".total.all dd")
    expect(total).not_to_have_text("0", timeout=30_000)
    expect(page.locator("html")).to_have_attribute("lang", lang)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    assert barriers(page) == []
    shoot(page, f"board-{lang}-{width}")
    assert faults == []
    page.close()


def test_the_board_updates_itself(demo: Any, browser: Browser) -> None:
    faults: list[str] = []
    page = opened(browser, demo.board, DESKTOP, faults)
    total = page.locator(".total.all dd")
    expect(total).not_to_have_text("0", timeout=30_000)
    before = total.inner_text()
    expect(total).not_to_have_text(before, timeout=30_000)
    assert number(total.inner_text()) > number(before)
    assert faults == []
    page.close()


def test_the_board_tells_nothing_personal(demo: Any, browser: Browser) -> None:
    page = opened(browser, demo.board, DESKTOP, [])
    expect(page.locator(".last tbody tr").first).to_be_visible(timeout=30_000)
    text = page.content()
    for personal in ("Musterfrau", "MUSTERFRAU", "URN:UVCI", "HC1:", "1998-02-26"):
        assert personal not in text
    page.close()


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(("width", "size"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_the_kiosk_screen_shows_a_verdict_and_has_no_barrier(
    demo: Any, browser: Browser, lang: str, width: str, size: dict[str, int]
) -> None:
    faults: list[str] = []
    page = opened(browser, f"{demo.screen}?lang={lang}", size, faults)
    root = page.locator("html")
    expect(root).to_have_attribute("data-signal", re.compile("complete|refused|started"), timeout=30_000)
    expect(page.locator("#word")).not_to_be_empty()
    assert barriers(page) == []
    shoot(page, f"kiosk-{lang}-{width}")
    expect(root).to_have_attribute("data-signal", "idle", timeout=30_000)
    assert faults == []
    page.close()


@pytest.mark.req("K03")
def test_the_kiosk_screen_refuses_what_must_be_refused(demo: Any, browser: Browser) -> None:
    page = opened(browser, f"{demo.screen}?lang=en", DESKTOP, [])
    expect(page.locator("html")).to_have_attribute("data-signal", "refused", timeout=90_000)
    expect(page.locator("#reason")).not_to_be_empty()
    shoot(page, "kiosk-en-refused")
    page.close()
