"""Every error of the interface, as one table of RFC 9457 problems; a browser gets it as a page.

Source: RFC 9457 §3 (application/problem+json).
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass

from flask import Flask, Response, request
from psycopg import OperationalError
from psycopg import errors as pg
from psycopg_pool import PoolTimeout, TooManyRequests
from werkzeug.exceptions import HTTPException

from scanner.protocol import BadSignature, ProtocolError
from verifier_service.problem_page import as_page, wants_page

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 15
_log = logging.getLogger(__name__)


class ServiceError(Exception):
    """An error the caller is told about; `code` names the row of PROBLEMS."""

    code = "internal"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class UnknownDevice(ServiceError):
    """No active device has this id."""

    code = "unknown-device"


class ReportTooLarge(ServiceError):
    """More bytes than a report may have."""

    code = "report-too-large"


class AccessDenied(ServiceError):
    """The caller has not shown that he may."""

    code = "unauthorised"


class AccessClosed(ServiceError):
    """Nobody may: the operator has set no token."""

    code = "access-closed"


class DatabaseUnready(ServiceError):
    """The database does not answer in time."""

    code = "database-down"


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error as the outside sees it."""

    status: int
    title: str
    retry_after_s: int | None = None


PROBLEMS = {
    "unknown-device": Problem(401, "The device is not registered here"),
    "bad-signature": Problem(401, "The signature does not hold"),
    "unauthorised": Problem(401, "Operator access is needed"),
    "access-closed": Problem(403, "Operator access is not set up"),
    "report-malformed": Problem(422, "The report cannot be read"),
    "report-too-large": Problem(413, "The report is too large"),
    "request-malformed": Problem(422, "The request cannot be read"),
    "picture-unreadable": Problem(422, "The picture cannot be read"),
    "too-often": Problem(429, "Too many requests from this address", RETRY_AFTER_S),
    "database-down": Problem(503, "The database does not answer", RETRY_AFTER_S),
    "disk-full": Problem(503, "The database has no room", RETRY_AFTER_S * 4),
    "busy": Problem(503, "The service is busy", RETRY_AFTER_S),
    "internal": Problem(500, "The service made a mistake"),
}
# first match wins; a subclass stands before its parent
ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (BadSignature, "bad-signature"),
    (ProtocolError, "report-malformed"),
    (pg.DiskFull, "disk-full"),
    (pg.QueryCanceled, "busy"),
    (TooManyRequests, "busy"),
    (PoolTimeout, "database-down"),
    (OperationalError, "database-down"),
)


def code_of(error: BaseException) -> str:
    """The row of PROBLEMS an exception belongs to."""
    if isinstance(error, ServiceError):
        return error.code
    return next((code for kind, code in ERRORS if isinstance(error, kind)), "internal")


def problem_response(code: str, detail: str = "") -> Response:
    """The response for one row of PROBLEMS."""
    problem = PROBLEMS[code]
    response = _response(problem.status, f"/problems/{code}", problem.title, detail)
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(problem.retry_after_s)
    if code == "unauthorised":
        response.headers["WWW-Authenticate"] = 'Basic realm="Cong Xanh", charset="UTF-8"'
    return response


def install(app: Flask) -> None:
    """Let every error of `app` leave as a problem; unexpected ones are logged, their text stays inside."""

    def on_error(error: Exception) -> Response:
        response = answer(error)
        response.vary.add("Accept")
        return as_page(response) if wants_page(request) else response

    def answer(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            response = _response(error.code or 500, "about:blank", error.name, "")
            for name, value in error.get_headers():
                if name.lower() in ("allow", "location", "retry-after"):
                    response.headers[name] = value
            return response
        code = code_of(error)
        if code == "internal":
            _log.exception("unexpected")
        elif PROBLEMS[code].status >= 500:
            _log.error("%s: %s", code, type(error).__name__)
        wait = getattr(error, "wait_s", None)
        detail = str(error) if isinstance(error, ServiceError | ProtocolError) else ""
        response = problem_response(code, detail)
        if wait is not None:
            response.headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return response

    app.register_error_handler(Exception, on_error)


def _response(status: int, kind: str, title: str, detail: str) -> Response:
    body: dict[str, object] = {"type": kind, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return Response(json.dumps(body) + "\n", status, mimetype=MEDIA_TYPE)
