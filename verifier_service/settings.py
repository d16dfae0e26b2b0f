"""The settings of the service: one frozen object, read from the environment and an optional file.

`APP_ENV` unset means production. The file (path in CONG_XANH_SETTINGS) holds KEY=VALUE lines, nothing else;
the environment wins. docs/operations.md lists the keys.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from babel.dates import get_timezone

from verifier_service.bind import host_and_port

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
        try:
            host_and_port(self.bind)
        except ValueError as error:
            raise SettingsError(f"BIND {error}, not {self.bind!r}") from None
        try:
            get_timezone(self.timezone)
        except (LookupError, ValueError, OSError):
            raise SettingsError(
                f"TIMEZONE: {self.timezone!r} is no time zone, such as Asia/Ho_Chi_Minh"
            ) from None
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


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError
    return text.lower() in ("1", "true", "yes")


_KINDS: Mapping[str, tuple[Callable[[str], object], str]] = {  # key: how it is read, what it must be
    "APP_ENV": (str, "text"),
    "DATABASE_URL": (str, "text"),
    "OWNER_DATABASE_URL": (str, "text"),
    "DATA_DIR": (Path, "a path"),
    "BIND": (str, "text"),
    "WORKERS": (int, "a whole number"),
    "THREADS": (int, "a whole number"),
    "REPORT_INTERVAL_S": (int, "a whole number"),
    "REPORT_INTERVAL_MAX_S": (int, "a whole number"),
    "POOL_WAIT_S": (float, "a number"),
    "STATEMENT_TIMEOUT_S": (float, "a number"),
    "PREPARE": (_flag, "yes or no"),
    "TIMEZONE": (str, "text"),
    "TRUST_FILE": (Path, "a path"),
    "GATEWAY_TEXTS_PER_MIN": (int, "a whole number"),
    "GATEWAY_PICTURES_PER_MIN": (int, "a whole number"),
    "DEMO_NOW": (str, "text"),
}
_TOKEN_FILE = "OPERATOR_TOKEN_FILE"  # noqa: S105 - the name of a setting
KEYS = frozenset({*_KINDS, _TOKEN_FILE})


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `environ` and the file it names. Raises SettingsError with the name of what is wrong."""
    values = {**_file(environ.get("CONG_XANH_SETTINGS", "")), **environ}
    given: dict[str, object] = {}
    for key, (read, wanted) in _KINDS.items():
        if not values.get(key):
            continue
        try:
            given[key.lower()] = read(values[key])
        except ValueError:
            raise SettingsError(f"{key} must be {wanted}, not {values[key]!r}") from None
    if values.get(_TOKEN_FILE):
        try:
            given["operator_token"] = Path(values[_TOKEN_FILE]).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{_TOKEN_FILE} cannot be read: {_why(error)}") from None
    return Settings(**given)  # type: ignore[arg-type]


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _file(path: str) -> dict[str, str]:
    if not path:
        return {}
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"CONG_XANH_SETTINGS cannot be read: {_why(error)}") from None
    values = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise SettingsError(f"{path}, line {number}: must be KEY=VALUE")
        if key not in KEYS:
            raise SettingsError(f"{path}, line {number}: unknown key {key!r}")
        values[key] = value
    return values
