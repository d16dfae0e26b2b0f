"""Vietnamese first, English beside it: which language a request wants, and the words from the catalogues.

The catalogues (`translations/*/LC_MESSAGES/messages.po`) are read as they are: nothing has to be compiled
first. Keys are code names, so a missing word is seen at once and found by a test.
"""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, Response, g, has_request_context, request
from flask_babel import Babel

LANGUAGES = ("vi", "en")
COOKIE = "lang"
YEAR_S = 365 * 24 * 3600


@cache
def catalogue(language: str) -> Translations:
    """The words of one language."""
    text = (
        files("verifier_service") / "translations" / language / "LC_MESSAGES" / "messages.po"
    ).read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(text), locale=language))
    compiled.seek(0)
    return Translations(compiled)


def language() -> str:
    """The language of this request: `?lang=`, then the cookie, then Vietnamese."""
    if not has_request_context():
        return LANGUAGES[0]
    for wish in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return str(wish)
    return LANGUAGES[0]


def say(key: str) -> str:
    """The words for `key` in the language of this request; the key itself if there are none."""
    return str(catalogue(language()).gettext(key))


def reason_text(code: str) -> str:
    """The plain line for a reason code: its own, else that of its phase, else the code."""
    for key in (f"reason.{code}", f"reason.{code.partition('.')[0]}"):
        text = say(key)
        if text != key:
            return text
    return code


def install(app: Flask, timezone: str) -> None:
    """Give `app` its languages."""
    Babel(app, default_locale=LANGUAGES[0], default_timezone=timezone, locale_selector=language)
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=say, ngettext=lambda one, many, n: say(one if n == 1 else many), newstyle=True
    )
    app.jinja_env.globals.update(language=language, languages=LANGUAGES)

    @app.after_request
    def keep_language(response: Response) -> Response:
        if request.args.get("lang") in LANGUAGES and not g.get("language_kept"):
            g.language_kept = True
            response.set_cookie(COOKIE, language(), max_age=YEAR_S, samesite="Lax", httponly=True)
        if response.mimetype == "text/html":
            response.headers["Content-Language"] = language()
            response.vary.add("Cookie")
        return response
