"""A browser gets an error as a page that says what to do; a program gets the problem it always got."""

from __future__ import annotations

import pytest
from flask import Flask

from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.i18n import catalogue
from verifier_service.problem_page import OWN_WORDS
from verifier_service.settings import Settings

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def app_of(token: str = "") -> Flask:
    settings = Settings(operator_token=token, database_url="postgresql://127.0.0.1:9/x", pool_wait_s=0.1)
    return create_app(settings, build_services(settings))


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(
    ("path", "token", "status"), [("/", "t" * 32, 401), ("/", "", 403), ("/no", "", 404)]
)
def test_a_browser_gets_a_page_in_its_language(path: str, token: str, status: int, lang: str) -> None:
    answer = app_of(token).test_client().get(f"{path}?lang={lang}", headers={"Accept": BROWSER})
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    for part in ("title", "hint"):
        assert catalogue(lang).gettext(f"problem.{status}.{part}") in answer.text
    assert f'<html lang="{lang}"' in answer.text
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Accept" in answer.headers["Vary"]


def test_a_database_that_is_away_is_a_page_for_a_browser_too() -> None:
    token = "t" * 32
    headers = {"Accept": BROWSER, "Authorization": f"Bearer {token}"}
    answer = app_of(token).test_client().get("/?lang=en", headers=headers)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert "The service cannot answer just now" in answer.text


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html"])
def test_a_program_keeps_its_problem(accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = app_of().test_client().get("/", headers=headers)
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")


def test_under_api_even_a_browser_gets_the_problem() -> None:
    answer = app_of().test_client().get("/api/v1/none", headers={"Accept": BROWSER})
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("kind", [*OWN_WORDS, "other"])
def test_every_page_has_its_words(kind: object, lang: str) -> None:
    for part in ("title", "hint"):
        key = f"problem.{kind}.{part}"
        assert catalogue(lang).gettext(key) != key


def test_the_board_says_in_both_languages_that_the_lamp_can_be_stricter() -> None:
    assert "the lamp can be stricter" in catalogue("en").gettext("board.counts")
    assert "đèn ở máy quét có thể chặt hơn" in catalogue("vi").gettext("board.counts")
    assert (catalogue("vi").gettext("column.format"), catalogue("en").gettext("column.format")) == (
        "Định dạng",
        "Format",
    )
