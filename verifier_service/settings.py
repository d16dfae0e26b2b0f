"""The settings of the service: one frozen object, read from the environment and an optional file.

`APP_ENV` unset means production. The file (path in CONG_XANH_SETTINGS) holds KEY=VALUE lines; the
environment wins.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PRODUCTION, DEMO = "production", "demo"
THREADS = 8  # per worker: measured best for gthread with a database behind (docs/adr)
MIN_TOKEN = 24  # characters of an operator token: 24 of base64 are 144 bits


class SettingsError(Exception):
    """A setting is missing, malformed, or not allowed in this environment."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process of the service needs to know. Times in seconds."""

    app_env: str = PRODUCTION
    database_url: str = field(default="", repr=False)  # the role of the application
    owner_database_url: str = field(
        default="", repr=False
    )  # the role that owns the tables; migrate, device add
    data_dir: Path = Path("var/service")
    bind: str = "127.0.0.1:8080"
    workers: int = os.cpu_count() or 1
    threads: int = THREADS
    operator_token: str = field(default="", repr=False)
    report_interval_s: int = 60
    report_interval_max_s: int = 900
    pool_wait_s: float = 2.0
    statement_timeout_s: float = 5.0
    prepare: bool = True  # off behind a pgbouncer that knows no prepared statements
    timezone: str = "Asia/Ho_Chi_Minh"
    trust_file: Path | None = None  # a trust object; without one the gateway can check no signature
    gateway_texts_per_min: int = 120  # of one address and worker process; 0: no limit
    gateway_pictures_per_min: int = 60
    demo_now: str = ""  # RFC 3339: the moment the demonstration judges its old certificates at

    def __post_init__(self) -> None:
        if self.app_env not in (PRODUCTION, DEMO):
            raise SettingsError(f"APP_ENV must be {PRODUCTION} or {DEMO}, not {self.app_env!r}")
        if self.demo and not is_loopback(self.bind.rpartition(":")[0]):
            raise SettingsError(
                "APP_ENV=demo is open to everyone who reaches it: BIND must be a loopback address"
            )
        if self.operator_token and len(self.operator_token) < MIN_TOKEN:
            raise SettingsError(f"the operator token must have at least {MIN_TOKEN} characters")
        if not 1 <= self.report_interval_s <= self.report_interval_max_s <= 3600:
            raise SettingsError("1 <= REPORT_INTERVAL_S <= REPORT_INTERVAL_MAX_S <= 3600 must hold")
        if self.demo_now and not self.demo:
            raise SettingsError("DEMO_NOW belongs to the demonstration alone")
        if min(self.gateway_texts_per_min, self.gateway_pictures_per_min) < 0:
            raise SettingsError("GATEWAY_TEXTS_PER_MIN and GATEWAY_PICTURES_PER_MIN are 0 or more")
        if self.workers < 1 or self.threads < 1:
            raise SettingsError("WORKERS and THREADS must be at least 1")

    @property
    def demo(self) -> bool:
        """True only in the demonstration, which is bound to this machine."""
        return self.app_env == DEMO


def is_loopback(host: str | None) -> bool:
    """True for an address (or the name) of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `environ` and the file it names. Raises SettingsError with the name of what is wrong."""
    values = {**_file(environ.get("CONG_XANH_SETTINGS", "")), **environ}
    try:
        given: dict[str, object] = {
            name: kind(values[name.upper()])
            for name, kind in (
                ("app_env", str), ("database_url", str), ("owner_database_url", str), ("data_dir", Path),
                ("bind", str), ("workers", int), ("threads", int), ("report_interval_s", int),
                ("report_interval_max_s", int), ("pool_wait_s", float), ("statement_timeout_s", float),
                ("prepare", _flag), ("timezone", str), ("trust_file", Path), ("gateway_texts_per_min", int),
                ("gateway_pictures_per_min", int), ("demo_now", str),
            )
            if values.get(name.upper())
        }  # fmt: skip
    except ValueError as error:
        raise SettingsError(f"a number is malformed: {error}") from None
    token_file = values.get("OPERATOR_TOKEN_FILE", "")
    if token_file:
        try:
            given["operator_token"] = Path(token_file).read_text("utf-8").strip()
        except OSError as error:
            raise SettingsError(f"OPERATOR_TOKEN_FILE cannot be read: {error.strerror}") from None
    return Settings(**given)  # type: ignore[arg-type]


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError(f"{text!r} is not yes or no")
    return text.lower() in ("1", "true", "yes")


def _file(path: str) -> dict[str, str]:
    if not path:
        return {}
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"CONG_XANH_SETTINGS cannot be read: {error.strerror}") from None
    pairs = (line.partition("=") for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}
