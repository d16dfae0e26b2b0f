"""A verdict as JSON (architecture §6), and as a page of plain words for a person.

The words stand in `words/vi.json` and `words/en.json`: names of stages, and for each reason what it means
and what to do. A reason without words of its own has those of its phase.
Source: architecture §6; requirement K16.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from .verdict import Outcome, Stage, Status, Verdict

LANGUAGES = ("vi", "en")
_LABEL_WIDTH = 22


class Line(NamedTuple):
    """One stage of the page: its name, how it ended, both in words, and the status for an icon."""

    name: str
    ended: str
    status: Status


class Reason(NamedTuple):
    """One reason code with what it means and what to do."""

    code: str
    what: str
    do: str


class Explanation(NamedTuple):
    """A page of plain words. `reasons` say last what was not checked.

    `claims` are (depth, label, value) rows, empty while nothing signed was read.
    """

    outcome: Outcome
    title: str
    advice: str
    facts: tuple[tuple[str, str], ...]
    stages: tuple[Line, ...]
    reasons: tuple[Reason, ...]
    claims: tuple[tuple[int, str, str], ...]


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict in the shape of `python -m healthcert verify`; UNKNOWN prints as not_run."""
    stages = {stage.value: Status.NOT_RUN.value for stage in Stage}
    for check in verdict.checks:
        status = Status.NOT_RUN if check.status is Status.UNKNOWN else check.status
        stages[check.stage.value] = status.value
    return {
        "outcome": verdict.outcome.value,
        "reasons": list(verdict.reasons),
        "format": verdict.format,
        "kind": verdict.kind,
        "issuer": verdict.issuer,
        "stages": stages,
        "claims": None if verdict.claims is None else dict(verdict.claims),
    }


@cache
def words(language: str) -> Mapping[str, Any]:
    """The catalogue of a language; Vietnamese for one that is not spoken here."""
    name = language if language in LANGUAGES else LANGUAGES[0]
    source = resources.files(__package__).joinpath("words", f"{name}.json")
    found: Mapping[str, Any] = json.loads(source.read_text("utf-8"))
    return found


def explain_reason(code: str, language: str) -> Reason:
    """What `code` means and what to do: its own words, else those of a shorter name, else of its phase."""
    catalogue = words(language)
    phase, _, cause = code.partition(".")
    parts = cause.split("_")
    names = [f"{phase}.{'_'.join(parts[:size])}" for size in range(len(parts), 0, -1)]
    for name in (code, *names, f"{phase}.{cause.partition('.')[0]}", phase, "undetermined"):
        entry = catalogue.get(f"reason.{name}")
        if entry is not None:
            return Reason(code, entry["what"], entry["do"])
    raise AssertionError("the phase `undetermined` has words")  # pragma: no cover


def explain(verdict: Verdict, language: str = LANGUAGES[0]) -> Explanation:
    """The page for `verdict`."""
    say = words(language)
    facts = [(say["label.format"], say[f"format.{verdict.format}"])]
    if verdict.kind:
        facts.append((say["label.kind"], say[f"kind.{verdict.kind}"]))
    if verdict.issuer:
        facts.append((say["label.issuer"], verdict.issuer))
    facts += [(say["label.at"], verdict.at.isoformat()), (say["label.trust"], verdict.trust_version)]
    stages = []
    for stage in Stage:
        status = verdict.status(stage)
        stages.append(Line(say[f"stage.{stage.value}"], say[f"status.{status.value}"], status))
    return Explanation(
        verdict.outcome,
        say[f"outcome.{verdict.outcome.value}"],
        say[f"advice.{verdict.outcome.value}"],
        tuple(facts),
        tuple(stages),
        tuple(explain_reason(code, language) for code in (*verdict.reasons, *verdict.unchecked)),
        () if verdict.claims is None else tuple(_rows(verdict.claims)),
    )


def as_lines(verdict: Verdict, language: str = "en") -> list[str]:
    """The page as lines for a terminal."""
    page, say = explain(verdict, language), words(language)
    lines = [page.title, page.advice]
    lines += [f"{label:<{_LABEL_WIDTH}}{value}" for label, value in page.facts]
    lines.append(say["label.stages"])
    lines += [f"  {line.name:<{_LABEL_WIDTH}}{line.ended}" for line in page.stages]
    if page.reasons:
        lines.append(say["label.reasons"])
        for reason in page.reasons:
            lines += [f"  {reason.code}", f"    {reason.what}", f"    -> {reason.do}"]
    if page.claims:
        lines.append(say["label.claims"])
        lines += [
            f"  {'  ' * depth}{label:<{_LABEL_WIDTH}}{value}".rstrip() for depth, label, value in page.claims
        ]
    # control characters of a name must not reach a terminal
    return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]


_RAW = ("dcc", "ddcc", "fhir", "vds", "divoc")  # the same content once more, as it was signed
_MAX_ROWS, _MAX_VALUE_CHARS = 200, 200


def _rows(claims: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    shown = {name: value for name, value in claims.items() if name not in _RAW}
    for count, row in enumerate(_walk(shown, 0)):
        if count == _MAX_ROWS:
            return
        yield row


def _walk(fields: Mapping[str, Any], depth: int) -> Iterator[tuple[int, str, str]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            if value:
                yield depth, name, ""
                yield from _walk(value, depth + 1)
        elif isinstance(value, list | tuple):
            for entry in value:
                yield depth, name, "" if isinstance(entry, Mapping) else str(entry)[:_MAX_VALUE_CHARS]
                if isinstance(entry, Mapping):
                    yield from _walk(entry, depth + 1)
        elif value is not None:
            yield depth, name, str(value)[:_MAX_VALUE_CHARS]
