"""The kiosk's page: Flask on loopback, one page and one stream of server-sent events.

It shows what the kiosk process sends it and decides nothing. When the kiosk goes quiet it says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, render_template, request
from werkzeug.exceptions import HTTPException

from scanner.screen.view import CATALOGUE, LANGUAGES, fault_view, language, status_view, verdict_view

QUIET_AFTER_S = 5.0  # the kiosk sends its status every second
MAX_STREAMS = 8  # one screen, one maintenance phone, and reloads that are not yet noticed
BEAT_S = 1.0
TIMEZONE = "Asia/Ho_Chi_Minh"  # of the clock on the page, wherever the machine's own clock is set to
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
NO_LINK: Mapping[str, Any] = {"type": "signal", "signal": "fault", "no_link": True}


class State:
    """The last message of each type; streams wait on it."""

    def __init__(
        self, timezone: str = TIMEZONE, utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._zone, self._utc_now = ZoneInfo(timezone), utc_now
        self._changed = threading.Condition()
        self._signal: Mapping[str, Any] = {"signal": "idle"}
        self._status: Mapping[str, Any] = {}
        self._version, self._heard = 0, time.monotonic()
        self.streams = threading.BoundedSemaphore(MAX_STREAMS)

    def put(self, message: Mapping[str, Any]) -> None:
        """Take a message of the kiosk."""
        with self._changed:
            self._heard = time.monotonic()
            if message.get("type") == "status":
                self._status = message
            elif message.get("type") == "signal":
                self._signal = message
            self._version += 1
            self._changed.notify_all()

    def view(self, lang: str) -> dict[str, Any]:
        """What the page shows now."""
        with self._changed:
            quiet = time.monotonic() - self._heard > QUIET_AFTER_S
            signal, status = (NO_LINK if quiet else self._signal), self._status
        clock = self._utc_now().astimezone(self._zone).strftime("%H:%M")
        return verdict_view(signal, lang) | status_view(status, lang, clock)

    def views(self, lang: str) -> Iterator[dict[str, Any]]:
        """The view now, and again at each change and at least every BEAT_S seconds."""
        seen = -1
        while True:
            with self._changed:
                if self._version == seen:  # woken early or for nothing: the view is merely sent again
                    self._changed.wait(BEAT_S)
                seen = self._version
            yield self.view(lang)


def create_app(state: State, default_language: str = "vi") -> Flask:
    """The app over `state`."""
    app = Flask(__name__)

    @app.before_request
    def only_local() -> None:
        if request.host.rsplit(":", 1)[0] not in LOCAL_HOSTS:  # no foreign name may point at us
            abort(403)

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(HTTPException)
    def told(error: HTTPException) -> tuple[str, int]:
        status = error.code or 500
        return render_template("fault.html", told=fault_view(status), home=status != 403), status

    @app.get("/")
    def page() -> str:
        lang = language(request.args.get("lang"), default_language)
        other = next(code for code in LANGUAGES if code != lang)
        no_link = verdict_view(NO_LINK, lang)
        return render_template(
            "kiosk.html", lang=lang, other=other, words=CATALOGUE, view=state.view(lang), no_link=no_link
        )

    @app.get("/events")
    def events() -> Response:
        lang = language(request.args.get("lang"), default_language)
        if not state.streams.acquire(blocking=False):
            abort(503)
        response = Response(_stream(state, lang), mimetype="text/event-stream")
        response.call_on_close(state.streams.release)
        return response

    return app


def _stream(state: State, lang: str) -> Iterator[str]:
    yield "retry: 500\n\n"
    for view in state.views(lang):
        yield f"data: {json.dumps(view, ensure_ascii=False)}\n\n"
