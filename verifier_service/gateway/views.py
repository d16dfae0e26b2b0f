"""The routes of the gateway: the interface for programs and the page for people."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Request, Response, render_template, request
from prometheus_client import Counter
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wrappers.response import Response as AnyResponse

from healthcert import Verdict
from healthcert.explain import explain, explain_reason
from verifier_service.gateway.limits import MAX_PICTURE_BYTES, MAX_REQUEST_BYTES
from verifier_service.gateway.pictures import PictureUnreadable
from verifier_service.gateway.rate import RateLimit
from verifier_service.gateway.services import NO_CODE, Gateway
from verifier_service.i18n import language
from verifier_service.problems import ServiceError

VERDICTS = Counter("cong_xanh_gateway_verdicts", "Codes judged for others", ["source", "outcome"])
PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp")
_DAY = re.compile(r"\d{4}-\d{2}(-\d{2})?", re.ASCII)
_FORM_ROOM = 65_536  # boundaries and names around a picture


class RequestMalformed(ServiceError):
    """The body is not what the interface asks for."""

    code = "request-malformed"


class TooOften(ServiceError):
    """The caller asks more often than he may; `wait_s` is when to come again."""

    code = "too-often"

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"come again in {max(1, round(wait_s))} s")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one address may ask."""

    texts: RateLimit
    pictures: RateLimit


def gateway_views(gateway: Gateway, limits: Limits) -> Blueprint:
    """The blueprint, given its services."""
    views = Blueprint("gateway", __name__, template_folder="templates")

    def page(
        verdicts: list[Verdict] | None = None,
        *,
        no_code: bool = False,
        fault: str | None = None,
        status: int = 200,
        text: str = "",
    ) -> AnyResponse:
        spoken = language()
        html = render_template(
            "gateway/verify.html",
            results=[
                (v, explain(v, spoken), gateway.admission(v), gateway.portals(v, text))
                for v in verdicts or ()
            ],
            rulebook=gateway.rulebook_name,
            explain_reason=explain_reason,
            fault="verify.no_code" if no_code else fault,
        )
        response = Response(html, 422 if fault and status == 200 else status, mimetype="text/html")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
        return response

    @views.app_template_filter("iso_day")
    def iso_day(value: object) -> str:
        """An ISO day as people here write it; a partial or odd one as it stands."""
        text = str(value or "")
        return "/".join(reversed(text.split("-"))) if _DAY.fullmatch(text) else text

    @views.post("/api/v1/verify")
    def verify_api() -> Response:
        kind = request.mimetype
        if kind == "application/json":
            text = _take_text(limits)
            return _json(gateway.answer(_counted("text", gateway.judge(text)), _wished(), text))
        if kind in PICTURE_TYPES or kind == "multipart/form-data":
            verdicts = gateway.judge_picture(_take_picture(limits, form=kind == "multipart/form-data"))
            return _json(gateway.answer_all([_counted("picture", v) for v in verdicts], _wished()))
        raise UnsupportedMediaType

    @views.get("/verify")
    def verify_page() -> AnyResponse:
        return page()

    @views.post("/verify")
    def verify_form() -> AnyResponse:
        try:
            request.max_content_length = MAX_PICTURE_BYTES + _FORM_ROOM
            upload = request.files.get("picture")
            if upload is not None and upload.filename:
                _keep_pace(limits.pictures)
                verdicts = gateway.judge_picture(upload.stream.read(MAX_PICTURE_BYTES + 1))
                return page([_counted("picture", verdict) for verdict in verdicts], no_code=not verdicts)
            _keep_pace(limits.texts)
            text = request.form.get("text", "").strip("\r\n\t ")
            if not text:
                return page(fault="verify.nothing")
            return page([_counted("text", gateway.judge(text))], text=text)
        except PictureUnreadable:
            return page(fault="verify.picture_unreadable")
        except RequestEntityTooLarge:
            return page(fault="verify.too_large")
        except TooOften:
            return page(fault="verify.too_often", status=429)
        except ServiceError:
            return page(fault="verify.busy", status=503)

    return views


def _counted(source: str, verdict: Verdict) -> Verdict:
    VERDICTS.labels(source, verdict.outcome.value).inc()
    return verdict


def _take_text(limits: Limits) -> str:
    _keep_pace(limits.texts)
    request.max_content_length = MAX_REQUEST_BYTES
    try:
        body = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        raise RequestMalformed("the body is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        raise RequestMalformed('send {"text": "HC1:..."} or a picture')
    text: str = body["text"]
    return text


def _take_picture(limits: Limits, *, form: bool) -> bytes:
    _keep_pace(limits.pictures)
    request.max_content_length = MAX_PICTURE_BYTES + (_FORM_ROOM if form else 0)
    if not form:
        return request.get_data(cache=False)
    upload = request.files.get("picture")
    if upload is None:
        raise RequestMalformed("the form has no file named picture")
    return upload.stream.read(MAX_PICTURE_BYTES + 1)


def _keep_pace(limit: RateLimit, call: Request = request) -> None:
    wait = limit.wait_s(call.remote_addr)
    if wait:
        raise TooOften(wait)


def _wished() -> str:
    """`?lang=`, else the caller's Accept-Language, else Vietnamese."""
    if request.args.get("lang"):
        return language()
    return request.accept_languages.best_match(["vi", "en"]) or "vi"


def _json(answer: dict[str, Any]) -> Response:
    response = Response(
        json.dumps(answer, ensure_ascii=False, default=str) + "\n", mimetype="application/json"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


__all__ = ["NO_CODE", "Limits", "gateway_views"]
