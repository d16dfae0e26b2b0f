from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from psycopg import errors as pg

from scanner.protocol import MAX_BATCH_BYTES
from verifier_service.access import ACCESS, Access
from verifier_service.app import create_app
from verifier_service.bootstrap import build_services
from verifier_service.i18n import LANGUAGES, catalogue
from verifier_service.openapi import DOCUMENT
from verifier_service.problems import PROBLEMS, code_of
from verifier_service.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "0123456789abcdef0123456789abcdef"


def app_of(**settings: Any) -> Flask:
    made = Settings(**settings)
    return create_app(made, build_services(made))


@pytest.fixture
def app() -> Flask:
    return app_of(operator_token=TOKEN)


def test_every_route_has_an_entry_in_the_access_table_and_none_is_left_over(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ACCESS)


def test_every_operator_route_refuses_a_stranger(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if ACCESS[rule.endpoint] is Access.OPERATOR:
            client = app.test_client()
            far = {"REMOTE_ADDR": "192.0.2.7"}
            assert client.get(rule.rule, environ_base=far).status_code == 401
            wrong = client.get(rule.rule, environ_base=far, headers={"Authorization": "Bearer wrong"})
            assert wrong.status_code == 401
            assert "Basic" in wrong.headers["WWW-Authenticate"]


def test_without_a_token_production_keeps_the_board_closed() -> None:
    for path in ("/", "/board/part"):
        assert app_of().test_client().get(path).status_code == 403


def test_a_route_without_an_entry_is_closed(app: Flask) -> None:
    app.add_url_rule("/new", "new", lambda: "open")
    assert app.test_client().get("/new", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 403


def test_in_production_a_caller_on_this_machine_needs_the_token_too(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/metrics").status_code == 401  # a proxy in front looks just like this
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_demo_is_open_to_this_machine_alone() -> None:
    with pytest.raises(SettingsError):
        Settings(app_env="demo", bind="0.0.0.0:8080")
    client = app_of(app_env="demo", database_url="postgresql://127.0.0.1:9/x", pool_wait_s=0.1).test_client()
    assert client.get("/").status_code == 503  # let in; only the database is missing
    assert client.get("/", environ_base={"REMOTE_ADDR": "198.51.100.1"}).status_code == 403
    assert client.get("/", headers={"Host": "rebound.example"}).status_code == 403
    assert client.get("/", headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 403


def test_nothing_set_means_production() -> None:
    assert load_settings({}).app_env == "production"
    assert not load_settings({}).demo


@pytest.mark.parametrize(
    "environ",
    [{"APP_ENV": "dev"}, {"WORKERS": "many"}, {"WORKERS": "0"}, {"OPERATOR_TOKEN_FILE": "/none"},
     {"CONG_XANH_SETTINGS": "/none"}, {"REPORT_INTERVAL_S": "0"}, {"PREPARE": "perhaps"}],
)  # fmt: skip
def test_a_wrong_setting_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        load_settings(environ)


def test_the_environment_wins_over_the_file_and_secrets_stay_out_of_sight(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "s").write_text(f"# file\nWORKERS=3\nTHREADS=5\nOPERATOR_TOKEN_FILE={tmp_path}/token\n")
    file = str(tmp_path / "s")
    settings = load_settings({"CONG_XANH_SETTINGS": file, "WORKERS": "4", "DATABASE_URL": "secret"})
    assert (settings.workers, settings.threads, settings.operator_token) == (4, 5, TOKEN)
    assert TOKEN not in repr(settings)
    assert "secret" not in repr(settings)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(SettingsError):
        Settings(operator_token="short")


def test_every_route_is_documented_and_every_documented_route_exists(app: Flask) -> None:
    routes = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }
    assert routes == {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}


def test_the_document_is_whole(app: Flask) -> None:
    document = app.test_client().get("/api/v1/openapi.json").json
    assert document is not None
    assert document["openapi"].startswith("3.1")
    for name in re.findall(r"'\$ref': '#/([^']+)'", str(document)):
        place = document
        for part in name.split("/"):
            place = place[part]
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            for item in document["paths"][rule.rule].values():
                assert bool(item["security"]) == (ACCESS[rule.endpoint] is Access.OPERATOR)


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [(pg.DiskFull(), "disk-full", 503), (pg.QueryCanceled(), "busy", 503),
     (pg.AdminShutdown(), "database-down", 503), (KeyError(), "internal", 500)],
)  # fmt: skip
def test_a_database_error_has_its_problem(error: Exception, code: str, status: int) -> None:
    assert (code_of(error), PROBLEMS[code].status) == (code, status)


@pytest.mark.parametrize("path", ["/none", "/api/v1/scan-reports"])
def test_errors_of_the_router_are_problems_too(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code in (404, 405)
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"x", b"\xd2\x84", b"\x9f" * 500, b"\x81" * 5000, bytes(1000)])
def test_junk_is_unreadable_not_a_failure(app: Flask, body: bytes) -> None:
    assert app.test_client().post("/api/v1/scan-reports", data=body).status_code == 422


def test_a_report_too_large_is_refused_while_reading(app: Flask) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            Endless.taken += len(into)
            return len(into)

    client = app.test_client()
    assert client.post("/api/v1/scan-reports", data=bytes(MAX_BATCH_BYTES + 1)).status_code == 413
    answer = client.post(
        "/api/v1/scan-reports",
        environ_overrides={"wsgi.input": io.BufferedReader(Endless()), "wsgi.input_terminated": True},
    )
    assert answer.status_code == 413
    assert Endless.taken < 2 * MAX_BATCH_BYTES


def test_every_page_carries_the_protecting_headers(app: Flask) -> None:
    headers = app.test_client().get("/healthz").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def texts(suffixes: tuple[str, ...]) -> dict[Path, str]:
    folder = ROOT / "verifier_service"
    return {f: f.read_text("utf-8") for f in folder.rglob("*") if f.suffix in suffixes and f.is_file()}


def test_no_page_has_inline_code_or_a_foreign_host() -> None:
    for path, text in texts((".html", ".css", ".js", ".svg")).items():
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:", text), path
        assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]", text), path


def keys(language: str) -> dict[str, str]:
    path = ROOT / "verifier_service/translations" / language / "LC_MESSAGES/messages.po"
    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def test_no_word_is_left_untranslated() -> None:
    vi, en = keys("vi"), keys("en")
    assert set(vi) == set(en)
    assert all(vi.values())
    assert all(en.values())
    for key in vi:
        assert set(re.findall(r"%\(\w+\)s", vi[key])) == set(re.findall(r"%\(\w+\)s", en[key])), key


def test_every_key_a_page_asks_for_is_in_the_catalogues() -> None:
    known = keys("vi")
    for path, text in texts((".html",)).items():
        for key, joined in re.findall(r"_\('([^']+)'( ~)?", text):
            found = key in known if not joined else any(k.startswith(key) for k in known)
            assert found, f"{path.name}: {key}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogues_need_no_compiling(language: str) -> None:
    assert catalogue(language).gettext("board.title") == keys(language)["board.title"]
