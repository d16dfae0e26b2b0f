"""The routes of fleet: taking reports from kiosks, and the live board for the operator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Request, Response, render_template, request
from prometheus_client import Counter

from scanner.protocol import MAX_BATCH_BYTES, OUTCOMES, REPLY_TYPE, encode_reply
from verifier_service.fleet.board import BoardReader
from verifier_service.fleet.services import ReportTaker
from verifier_service.i18n import reason_text
from verifier_service.problems import ReportTooLarge

CHECKS = Counter("cong_xanh_checks", "Checks taken into the counters, by outcome", ["outcome"])
REPORTS = Counter("cong_xanh_reports", "Scan reports answered, by status of the reply", ["status"])
BAR_HEIGHT = 120  # units of the drawing's own viewBox


def read_bounded(call: Request, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Raises ReportTooLarge."""
    if (call.content_length or 0) > limit:
        raise ReportTooLarge(f"a report has at most {limit} bytes")
    parts, total = [], 0
    while part := call.stream.read(min(65_536, limit + 1 - total)):
        parts.append(part)
        total += len(part)
        if total > limit:
            raise ReportTooLarge(f"a report has at most {limit} bytes")
    return b"".join(parts)


def fleet_views(
    taker: ReportTaker,
    reader: BoardReader,
    clock: Callable[[], datetime],
    point: Callable[[str], None] = lambda name: None,
) -> Blueprint:
    """The blueprint, given its services."""
    views = Blueprint("fleet", __name__, template_folder="templates")

    @views.post("/api/v1/scan-reports")
    def scan_reports() -> Response:
        reply, counted = taker.take(read_bounded(request, MAX_BATCH_BYTES), clock())
        for row in counted:
            CHECKS.labels(row[1]).inc(row[4])
        REPORTS.labels(reply.status).inc()
        point("reply.before_send")
        return Response(encode_reply(reply), mimetype=REPLY_TYPE)

    @views.get("/")
    def board() -> str:
        return render_template("fleet/board.html", **_shown())

    @views.get("/board/part")
    def board_part() -> Response:
        html = render_template("fleet/_board.html", **_shown())
        response = Response(html, mimetype="text/html")
        response.set_etag(hashlib.sha256(html.encode()).hexdigest()[:20])
        response.headers["Cache-Control"] = "no-cache"
        response.make_conditional(request)
        return response

    def _shown() -> dict[str, object]:
        board = reader.read(clock())
        top = max((bar.total for bar in board.minutes), default=0)
        return {
            "board": board,
            "outcomes": OUTCOMES,
            "total": sum(board.totals.values()),
            "top": top,
            "scale": BAR_HEIGHT / _round_up(top),
            "top_label": _round_up(top),
            "height": BAR_HEIGHT,
            "reason_text": reason_text,
            "most_reason": max((n for _, _, n in board.reasons), default=1),
        }

    return views


def _round_up(value: int) -> int:
    """The next of 4, 8, 10, 20, 40, 80, 100, ..., so that half of it is a whole number for the axis."""
    size = 1
    while True:
        for factor in (4, 8, 10, 20):
            if value <= factor * size:
                return factor * size
        size *= 10
