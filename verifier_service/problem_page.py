"""A problem as a page, for people: programs that call the interface keep application/problem+json."""

from __future__ import annotations

from flask import Request, Response, render_template

OWN_WORDS = (401, 403, 404, 503)  # others share one text
_API = "/api/"


def wants_page(call: Request) -> bool:
    """True for a browser that opens an address: it names text/html before any JSON; `*/*` does not."""
    accepted = call.accept_mimetypes
    json = max(accepted["application/problem+json"], accepted["application/json"])
    return not call.path.startswith(_API) and accepted["text/html"] > json


def as_page(problem: Response) -> Response:
    """The same answer, status and headers, with a page in the caller's language as its body."""
    status = problem.status_code
    words = f"problem.{status}" if status in OWN_WORDS else "problem.other"
    problem.set_data(render_template("problem.html", words=words, status=status))
    problem.mimetype = "text/html"
    problem.headers["Cache-Control"] = "no-store"
    return problem
