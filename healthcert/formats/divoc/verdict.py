"""The verdict on a DIVOC certificate: context, shape, signature, then usage, time and meaning.

Nothing in it expires: `effectiveUntil` shares its IRI with the date of the dose, is optional, and India
writes the day of the dose there. It is handed on as a claim. Revocation is an online call that sends the
whole certificate away; there is no list, so it is said to be not checkable.
Source: notes/certificates-other-formats-and-vietnam §1.5; W3C Verifiable Credentials 1.1.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from ...limits import MAX_SIGNERS_PER_KID, MAX_SIGNERS_WITHOUT_KID
from ...model import DIVOC, Decoded, Finding
from ...policy import Policy
from ...revocation import NOT_CHECKABLE
from ...times import parse_instant
from ...trust import NO_KID, Signer, TrustView
from ...verdict import Check, Stage, Status
from ..listings import best_of
from ..window import check_window
from . import claims, contexts, meaning, proof, shape
from .envelope import PROOF_ALGORITHMS, Envelope, is_moment

_KIND, _USAGE = "vaccination", "v"
_SIGNED = Check(Stage.SIGNATURE, Status.PASS)
_UNSIGNED = Check(Stage.SCHEMA, Status.UNKNOWN, (meaning.UNSIGNED,))
# A day begins first at UTC+14.
_EARLIEST_ZONE_S = 14 * 3_600


def verify(decoded: Decoded, trust: TrustView, policy: Policy, now: datetime) -> Finding:
    """What the certificate comes to. A context we have no copy of asks a person; it is never fetched."""
    envelope: Envelope = decoded.envelope
    document = envelope.document
    try:
        if contexts.version_of(document.get("@context")) is None:
            return Finding((_refuse(Stage.SCHEMA, "schema.divoc.context"),))
    except contexts.UnknownContextError:
        return Finding((Check(Stage.SIGNATURE, Status.UNKNOWN, ("format.unknown_context",)),))
    faults = shape.check(document)
    if faults:
        return Finding((Check(Stage.SCHEMA, Status.FAIL, faults),))
    candidates, refusal = _candidates(envelope, trust)
    if not candidates:
        return Finding((refusal,))
    try:
        signed, canonical = proof.signed_bytes(envelope)
    except proof.CanonicalError:
        return Finding((_refuse(Stage.SIGNATURE, "signature.bad"),))
    held = next((one for one in candidates if one.verifies(envelope.signature, signed)), None)
    if held is None:
        return Finding((refusal,))
    issued, begins, faults = _read_times(envelope)

    def limits(one: Signer) -> tuple[Check, Check]:
        may = one.usage is None or _USAGE in one.usage
        usage = Check(Stage.KEY_USAGE, Status.PASS) if may else _refuse(Stage.KEY_USAGE, "key.usage")
        return usage, check_window(None, begins, faults, one, policy, now.timestamp())

    same_key = [one for one in candidates if one.public_key == held.public_key]
    signer, usage, time = best_of(same_key, limits)
    covered = shape.is_covered(document, canonical)
    content = meaning.check(document) if covered else _UNSIGNED
    readable = covered and content.status is not Status.FAIL
    return Finding(
        (_SIGNED, usage, time, content, NOT_CHECKABLE),
        _KIND,
        signer.country,
        # Neither what no signature covers nor values under another member's name are claims.
        claims.present(document, issued, signer.country) if readable else None,
    )


def _candidates(envelope: Envelope, trust: TrustView) -> tuple[list[Signer], Check]:
    """Who may have signed, and the refusal if none of them did.

    Keys bound to the DID of the proof come first: where there are any, no unbound key speaks for it.
    """
    algorithm = PROOF_ALGORITHMS[envelope.proof["type"]]
    if envelope.algorithm is None:
        return [], _refuse(Stage.SIGNATURE, "signature.alg_unsupported")
    if envelope.algorithm != algorithm:
        return [], _refuse(Stage.SIGNATURE, "signature.alg_mismatch")
    known = trust.signers(DIVOC, NO_KID)
    if not known:
        return [], _refuse(Stage.SIGNATURE, "trust.no_signer")
    names = (envelope.method, envelope.method.partition("#")[0])
    bound = [signer for signer in known if signer.issuer in names]
    found = bound or [signer for signer in known if signer.issuer is None]
    if not found:
        return [], _refuse(Stage.SIGNATURE, "trust.unknown_kid")
    limit = MAX_SIGNERS_PER_KID if bound else MAX_SIGNERS_WITHOUT_KID
    fitting = [signer for signer in found[:limit] if signer.algorithm == algorithm]
    if len(found) > limit:  # a key we did not try may be the one
        return fitting, Check(Stage.SIGNATURE, Status.UNKNOWN, ("trust.too_many_signers",))
    return fitting, _refuse(Stage.SIGNATURE, "signature.bad" if fitting else "signature.alg_mismatch")


def _read_times(envelope: Envelope) -> tuple[float | None, float | None, tuple[str, ...]]:
    """(when it was issued, what may not lie ahead, faults): the moments and the day of the dose."""
    faults: list[str] = []
    issuance = envelope.document["issuanceDate"]
    moments = [_seconds(value) for value in (envelope.proof["created"], issuance)]
    begins = [moment for moment in moments if moment is not None]
    if len(begins) < len(moments):
        faults.append("time.iat_unreadable")
    day = meaning.day_of(envelope.document["evidence"][0]["date"])
    if day is not None:
        begins.append(_day_start(day) - _EARLIEST_ZONE_S)
    return moments[1], max(begins, default=None), tuple(faults)


def _seconds(value: Any) -> float | None:
    if not is_moment(value):
        return None
    try:
        return parse_instant(value).timestamp()
    except (ValueError, OverflowError):
        return None


def _day_start(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _refuse(stage: Stage, reason: str) -> Check:
    return Check(stage, Status.FAIL, (reason,))
