"""The verdict on a SMART Health Card: digits, JWS, signature, and only then deflate and JSON.

The payload is compressed before it is signed, so nothing of it is unpacked for a signature that does not
hold. The issuer's name is inside: signers are found by key name first and must then be the issuer's own.
Source: SMART Health Cards Framework 1.4.0; RFC 7515; RFC 7519 §4.1 (iss, nbf, exp).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .. import keys
from ..errors import DecodeError
from ..limits import MAX_CARD_BYTES, MAX_CARD_DEPTH, MAX_NUMERIC_DATE, MAX_SIGNERS_PER_KID, MIN_NUMERIC_DATE
from ..model import SHC, Decoded, Finding
from ..policy import Policy
from ..transport import jws, numeric, strict_json
from ..transport.inflate import inflate_raw
from ..trust import Signer, TrustView
from ..verdict import Check, Stage, Status
from .listings import best_of
from .shc_card import Card, read_card
from .shc_revocation import check_revocation
from .window import AHEAD, check_window, lies_ahead

DECODE_STAGES = (Stage.PREFIX, Stage.BASE45, Stage.COSE)
_PASSED = tuple(Check(stage, Status.PASS) for stage in DECODE_STAGES)
_SIGNED = Check(Stage.SIGNATURE, Status.PASS)
_INFLATED = Check(Stage.ZLIB, Status.PASS)
_PASS_USAGE = Check(Stage.KEY_USAGE, Status.PASS)
_FILE_MEMBER = "verifiableCredential"


def decode(text: str) -> Decoded:
    """The JWS in `text`: one code, the codes of a set apart by whitespace, a bare JWS, or a card file.

    A set that is not complete, and a file of several cards, come back with a check that asks for more, and
    no JWS as envelope (for a set: the `numeric.Missing`). Raises DecodeError at one of DECODE_STAGES.
    """
    if text.startswith(numeric.PREFIX):
        found = numeric.assemble(text.split())
        if isinstance(found, numeric.Missing):
            return _unfinished("decode.chunk_missing", found)
    elif text.lstrip()[:1] == "{":
        cards = _cards_of_file(text)
        if len(cards) > 1:
            return _unfinished("decode.several_cards", None)
        found = cards[0]
    else:
        found = text.strip()
    return Decoded(SHC, _PASSED, jws.parse(found))


def _unfinished(reason: str, envelope: numeric.Missing | None) -> Decoded:
    return Decoded(SHC, (_PASSED[0], Check(Stage.BASE45, Status.UNKNOWN, (reason,))), envelope)


def _cards_of_file(text: str) -> list[str]:
    """At least one JWS text. Raises DecodeError `decode.card_file`."""
    try:
        content = strict_json.loads(text)
    except strict_json.JsonError:
        content = None
    cards = content.get(_FILE_MEMBER) if isinstance(content, dict) else None
    if not isinstance(cards, list) or not cards or not all(isinstance(card, str) for card in cards):
        raise DecodeError(Stage.BASE45, "decode.card_file")
    return cards


def verify(decoded: Decoded, trust: TrustView, policy: Policy, now: datetime) -> Finding:
    """Signature, then payload, issuer, usage, time, structure and revocation, each for itself."""
    envelope = decoded.envelope
    if not isinstance(envelope, jws.Jws):
        return Finding(())
    held, refusal = _find_signers(envelope, trust)
    if not held:
        return Finding((refusal,))
    try:
        payload = _read_payload(envelope.unverified_payload)
    except DecodeError as fault:
        passed = () if fault.stage is Stage.ZLIB else (_INFLATED,)
        broken = Check(fault.stage, Status.FAIL, (fault.code,))
        return Finding((_SIGNED, *passed, broken), issuer=held[0].country)
    issuer = payload.get("iss")
    own = [signer for signer in held if signer.issuer is None or signer.issuer == issuer]
    if not own:  # somebody else's key: it vouches for nothing in here
        return Finding((_refuse("trust.issuer_mismatch"), _INFLATED))
    signed_at, expires_at, faults = _read_times(payload)
    card = read_card(payload, signed_at, expires_at)
    instant = now.timestamp()
    days = [dose["date"] for dose in card.claims["vaccinations"]]
    days += [test["sampled_at"] for test in card.claims["tests"]]
    if any(lies_ahead(day, instant) for day in days):
        faults = (*faults, AHEAD)

    def limits(signer: Signer) -> tuple[Check, Check]:
        window = check_window(expires_at, signed_at, faults, signer, policy, instant)
        return _check_usage(card, signer), window

    signer, usage, time = best_of(own, limits)
    published = trust.smart_crl(issuer, envelope.kid) if isinstance(issuer, str) else None
    revocation = check_revocation(published, envelope.kid, signer.crl_version, card.rid, signed_at)
    return Finding(
        (_SIGNED, _INFLATED, usage, time, card.check, revocation), card.kind, signer.country, card.claims
    )


def _find_signers(envelope: jws.Jws, trust: TrustView) -> tuple[Sequence[Signer], Check]:
    """Every signer of this key name whose signature it is, or the check that says why there is none."""
    if envelope.alg is None:
        return (), _refuse("signature.alg_missing")
    if envelope.alg != jws.ALG:
        return (), _refuse("signature.alg_unsupported")
    candidates = trust.signers(SHC, envelope.kid.encode())
    if not candidates:
        return (), _refuse("trust.unknown_kid")
    fitting = [s for s in candidates[:MAX_SIGNERS_PER_KID] if s.algorithm == keys.ES256]
    held = [s for s in fitting if s.verifies(envelope.signature, envelope.signed)]
    if held:
        return held, _SIGNED
    if len(candidates) > MAX_SIGNERS_PER_KID:  # a key we did not try may be the one
        return (), Check(Stage.SIGNATURE, Status.UNKNOWN, ("trust.too_many_signers",))
    return (), _refuse("signature.bad" if fitting else "signature.alg_mismatch")


def _refuse(reason: str) -> Check:
    return Check(Stage.SIGNATURE, Status.FAIL, (reason,))


def _read_payload(compressed: bytes) -> Mapping[str, Any]:
    """The JSON object in a signed payload. Raises DecodeError at ZLIB, or at SCHEMA `schema.json_<word>`."""
    raw = inflate_raw(compressed, MAX_CARD_BYTES)
    try:
        payload = strict_json.loads(raw.decode("utf-8"), max_depth=MAX_CARD_DEPTH)
    except UnicodeDecodeError:
        raise DecodeError(Stage.SCHEMA, "schema.json_malformed") from None
    except strict_json.JsonError as fault:
        raise DecodeError(Stage.SCHEMA, f"schema.json_{fault.args[0]}") from None
    if not isinstance(payload, dict):
        raise DecodeError(Stage.SCHEMA, "schema.json_malformed")
    return payload


def _read_times(payload: Mapping[str, Any]) -> tuple[float | None, float | None, tuple[str, ...]]:
    """(nbf, exp, faults) in seconds since 1970. A card must say since when; it need not say until when."""
    begins, ends = _numeric_date(payload.get("nbf")), _numeric_date(payload.get("exp"))
    told = (
        ("time.nbf_missing", payload.get("nbf") is None),
        ("time.nbf_unreadable", payload.get("nbf") is not None and begins is None),
        ("time.exp_unreadable", "exp" in payload and ends is None),
    )
    return begins, ends, tuple(reason for reason, wrong in told if wrong)


def _numeric_date(value: Any) -> float | None:
    """`value` if it is a number within the years 1 to 9999. Source: RFC 7519 §2 (NumericDate)."""
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    return float(value) if MIN_NUMERIC_DATE <= value <= MAX_NUMERIC_DATE else None


def _check_usage(card: Card, signer: Signer) -> Check:
    if signer.usage is None or card.kinds <= signer.usage:
        return _PASS_USAGE
    return Check(Stage.KEY_USAGE, Status.FAIL, ("key.usage",))
