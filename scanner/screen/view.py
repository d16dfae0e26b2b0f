"""From messages of the kiosk to what the page shows: words, never colours; pure, nothing personal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LANGUAGES = ("vi", "en")
SIGNALS = ("complete", "started", "refused", "ask", "idle", "fault")
CATALOGUE: Mapping[str, Mapping[str, str]] = json.loads(
    Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8")
)
# Where a code was read but its wrapping is broken, the paper is at fault, not the kind of code.
_DAMAGED = ("base45", "zlib", "inflate", "truncated", "damaged", "cose", "cbor")
_UNSURE = ("trust_stale", "revocation", "clock", "format")
_DAY_MIN, _HOUR_MIN = 48 * 60, 120  # minutes are told up to two hours, hours up to two days


def language(wanted: str | None, default: str) -> str:
    """`wanted` if it is spoken here, else `default`."""
    return wanted if wanted in LANGUAGES else default


def reason_key(code: str) -> str | None:
    """The catalogue key of a reason code `phase.cause`; None when nothing fits."""
    words = CATALOGUE["vi"]
    if code in words:
        return code
    phase, _, cause = code.partition(".")
    if phase == "signature" and cause.startswith("alg"):
        return "signature.alg"
    if phase in ("clock", "format"):  # of the device, of a code that we cannot judge: never the paper's fault
        return f"undetermined.{phase}"
    if phase == "decode" and any(part in cause for part in _DAMAGED):
        return "decode.damaged"
    for part in _UNSURE:
        if part in code and phase in ("undetermined", "trust", "policy", "revocation"):
            return f"undetermined.{part}"
    phase = {"revocation": "revoked", "rules": "rule", "valuesets": "valueset", "key_usage": "key"}.get(
        phase, phase
    )
    return phase if phase in words else None


def verdict_view(message: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """{"signal", "word", "reason", "again"} for a signal message; an unknown signal is shown as a fault."""
    words = CATALOGUE[lang]
    signal = message.get("signal")
    if signal not in SIGNALS:
        signal = "fault"
    word = words[f"signal.{signal}"]
    if signal in ("idle", "fault"):
        hint = "hint.no_link" if message.get("no_link") else f"hint.{signal}"
        return {"signal": signal, "word": word, "reason": words[hint], "again": ""}
    if signal == "started":
        a, b = message.get("doses") or ("1", "2")
        word = word.format(a=a, b=b)
    if signal == "complete" and message.get("kind") not in (None, "vaccination"):
        word = words["signal.valid"]  # a test or a recovery has no doses to be complete
    fallback = "verdict.valid" if signal in ("complete", "started") else f"verdict.{signal}"
    key = None
    if signal in ("refused", "ask"):
        key = next(filter(None, map(reason_key, map(str, message.get("reasons", ())))), None)
    return {
        "signal": signal,
        "word": word,
        "reason": words[key or fallback],
        "again": words["scan.again"] if message.get("again") else "",
    }


def fault_view(status: int) -> list[dict[str, str]]:
    """[{"lang", "title", "hint", "home"}] for an error page, in every language."""
    kind = str(status) if f"page.{status}" in CATALOGUE[LANGUAGES[0]] else "error"
    keys = {"title": f"page.{kind}", "hint": f"page.{kind}.hint", "home": "page.home"}
    return [
        {"lang": lang, **{part: CATALOGUE[lang][key] for part, key in keys.items()}} for lang in LANGUAGES
    ]


def status_view(message: Mapping[str, Any], lang: str, clock: str) -> dict[str, Any]:
    """{"clock", "trust", "network", "queue", "alarm"} for the line at the bottom."""
    words = CATALOGUE[lang]
    network = {True: "online", False: "offline", None: "local"}[message.get("network")]
    full, damaged = bool(message.get("disk_full")), bool(message.get("set_aside"))
    queue = words["status.queue"].format(n=message.get("queue", 0))
    if damaged:
        queue += f" · {words['status.damaged']}"
    return {
        "clock": clock,
        "trust": _age(message.get("trust_age_min"), words),
        "network": words[f"status.{network}"],
        "queue": words["status.disk_full"] if full else queue,
        "alarm": full or damaged or network == "offline",
    }


def _age(minutes: int | None, words: Mapping[str, str]) -> str:
    if minutes is None:
        return words["status.trust_unknown"]
    if minutes < _HOUR_MIN:
        return words["status.trust_minutes"].format(n=minutes)
    if minutes < _DAY_MIN:
        return words["status.trust_hours"].format(n=minutes // 60)
    return words["status.trust_days"].format(n=minutes // (24 * 60))
