"""Who may call what: one table, and whatever is not in it is refused.

PUBLIC  anyone. DEVICE  the signature of the report decides, checked by the view. OPERATOR  a token.
In production a caller on this machine is nobody special: a proxy in front may be one without saying so.
"""

from __future__ import annotations

import hmac
from enum import Enum
from urllib.parse import urlsplit

from flask import Flask, Request, request

from verifier_service.problems import AccessClosed, AccessDenied
from verifier_service.settings import Settings, is_loopback


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"
    DEVICE = "device"
    OPERATOR = "operator"


ACCESS: dict[str, Access] = {
    "static": Access.PUBLIC,
    "health.healthz": Access.PUBLIC,
    "health.readyz": Access.PUBLIC,
    "health.metrics": Access.OPERATOR,
    "api.openapi": Access.PUBLIC,
    "gateway.verify_api": Access.PUBLIC,
    "gateway.verify_page": Access.PUBLIC,
    "gateway.verify_form": Access.PUBLIC,
    "fleet.scan_reports": Access.DEVICE,
    "fleet.board": Access.OPERATOR,
    "fleet.board_part": Access.OPERATOR,
}
_PROXY_MARKS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


def install(app: Flask, settings: Settings) -> None:
    """Check every request of `app` against ACCESS before its view runs."""

    @app.before_request
    def check_access() -> None:
        if request.endpoint is not None:  # no endpoint: the answer is 404 or 405, nothing to guard
            check(ACCESS.get(request.endpoint), request, settings)


def check(access: Access | None, call: Request, settings: Settings) -> None:
    """Return when the call may go on. Raises AccessDenied or AccessClosed."""
    if access in (Access.PUBLIC, Access.DEVICE):
        return
    if access is None:
        raise AccessClosed("this route has no entry in the access table")
    if settings.demo and is_direct_local(call):
        return
    if not settings.operator_token:
        raise AccessClosed("set OPERATOR_TOKEN_FILE to open this page to the operator")
    if not hmac.compare_digest(_token(call).encode(), settings.operator_token.encode()):
        raise AccessDenied()


def is_direct_local(call: Request) -> bool:
    """True if the caller is this machine itself and not a proxy speaking for someone else."""
    asked_here = is_loopback(urlsplit(call.host_url).hostname)  # a foreign name is a rebinding page
    return asked_here and is_loopback(call.remote_addr) and not any(m in call.headers for m in _PROXY_MARKS)


def _token(call: Request) -> str:
    given = call.authorization
    if given is None:
        return ""
    return (given.password if given.type == "basic" else given.token) or ""
