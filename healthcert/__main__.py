"""`python -m healthcert verify | explain | certlogic`, the commands of architecture §6. Reads the clock."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from . import explain
from .commands import certlogic
from .commands.lines import serve
from .errors import HealthCertError, TrustObjectError
from .limits import MAX_LINE_BYTES
from .model import FORMATS
from .policy import DEFAULT_POLICY, parse_policy
from .times import parse_instant
from .trust import NO_KID, StaticTrust, parse_trust_object
from .verdict import Outcome, Stage, Status
from .verify import judge

_INSIDE_TEXT = re.compile(rb'"text"\s*:\s*"[^"]*\Z')


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it ran, 2 when it was called wrongly."""
    options = _options(arguments)
    try:
        if options.command == "certlogic":
            return certlogic.run(sys.stdin.buffer, sys.stdout)
        return _judging(options)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; there is nobody to tell
        return 0
    except KeyboardInterrupt:
        return 130


def _judging(options: argparse.Namespace) -> int:
    try:
        trust = _load_trust(options.trust)
        at = None if options.at is None else _load_instant(options.at)
    except (OSError, ValueError, HealthCertError) as fault:
        print(f"healthcert: {fault}", file=sys.stderr)
        return 2
    if options.command == "verify":
        return _verify(sys.stdin.buffer, sys.stdout, trust, at)
    return _explain(options.text, trust, at, options.lang)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m healthcert", description="Check health certificates.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="JSON lines in, one JSON verdict a line out")
    explained = commands.add_parser("explain", help="lines for a person about one text")
    explained.add_argument("text", help='the text of the code, "HC1:..."')
    explained.add_argument("--lang", choices=explain.LANGUAGES, default="en", help="default: en")
    commands.add_parser("certlogic", help='JSON lines {"logic", "data"} in, {"result"} or {"error"} out')
    for command in (verify, explained):
        command.add_argument("--trust", type=Path, metavar="FILE", help="trust object (JSON)")
        command.add_argument("--at", metavar="TIME", help="RFC 3339; default: now")
    return parser.parse_args(arguments)


def _load_trust(path: Path | None) -> StaticTrust | None:
    """The file's trust, which holds at least one usable key or authority: an empty file is a mistake."""
    if path is None:
        return None
    try:
        trust = parse_trust_object(json.loads(path.read_text("utf-8")))
    except (ValueError, HealthCertError, RecursionError) as fault:
        raise TrustObjectError(f"{path}: {fault}") from None
    if not any(trust.signers(name, NO_KID) or trust.authorities(name) for name in FORMATS):
        raise TrustObjectError(f"{path}: holds no usable key")
    return trust


def _load_instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise ValueError(f"--at: {text!r} is no RFC 3339 time, such as 2021-09-15T12:00:00Z") from None


def _verify(source: IO[bytes], sink: IO[str], trust: StaticTrust | None, at: datetime | None) -> int:
    def answer(line: bytes, complete: bool) -> dict[str, Any]:
        return _answer(line, complete, trust, at)

    return serve(source, sink, answer, MAX_LINE_BYTES, lambda: _unasked("internal.error"))


def _answer(line: bytes, complete: bool, trust: StaticTrust | None, at: datetime | None) -> dict[str, Any]:
    if not complete:
        if _INSIDE_TEXT.search(line):
            return _unasked("decode.too_long", Outcome.INVALID)
        return _unasked("input.line_too_long")
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return _unasked("input.not_json")
    if not isinstance(request, dict) or not isinstance(request.get("text"), str):
        return _unasked("input.no_text")
    try:
        now = at or datetime.now(UTC)
        if request.get("at") is not None:
            now = parse_instant(request["at"])
    except (ValueError, OverflowError):
        return _unasked("input.at")
    try:
        if request.get("trust") is not None:
            trust = parse_trust_object(request["trust"])
    except (HealthCertError, RecursionError):
        return _unasked("input.trust")
    try:
        policy = DEFAULT_POLICY if request.get("policy") is None else parse_policy(request["policy"])
    except HealthCertError:
        return _unasked("input.policy")
    return explain.as_json(judge(request["text"], trust, policy, now))


def _unasked(reason: str, outcome: Outcome = Outcome.UNDETERMINED) -> dict[str, Any]:
    """The answer to a line that asks nothing we can judge."""
    stages = {stage.value: Status.NOT_RUN.value for stage in Stage}
    if outcome is Outcome.INVALID:
        stages[Stage.PREFIX.value] = Status.FAIL.value
    return {
        "outcome": outcome.value,
        "reasons": [reason],
        "format": "none",
        "kind": None,
        "issuer": None,
        "stages": stages,
        "claims": None,
    }


def _explain(text: str, trust: StaticTrust | None, at: datetime | None, language: str) -> int:
    verdict = judge(text, trust, DEFAULT_POLICY, at or datetime.now(UTC))
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    for line in explain.as_lines(verdict, language):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
