"""The verdict on a WHO Digital Documentation of COVID-19 Certificate in the HCERT carrier.

Three shapes exist: the bare map, and the map inside CWT claim -260 under 1, 3 or 4. The bare map names no
issuer and no expiry: the country comes from the trust list, the window from `valid_from` and `valid_until`.
Source: WHO ddcc core data set (field names as in WHO's own test certificate); Singapore's test variant;
notes/certificates-other-formats-and-vietnam §1.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from ..claims import LaterClaims, build_claims
from ..errors import DecodeError
from ..model import WHO_DDCC, Decoded, Finding
from ..policy import Policy
from ..revocation import NOT_CHECKABLE
from ..rules.products import by_code
from ..transport import cwt
from ..trust import Signer, TrustView
from ..verdict import Check, Stage, Status
from .hcert import SIGNED, find_signers
from .listings import best_of
from .window import AHEAD, EVENT_SLACK_S, check_window

MAX_FIELD_CHARS = 200
_DAY_S = 86_400
_VACCINATION, _TEST = "v", "t"
_TEXTS = ("name", "birthDate", "lot", "centre", "hw", "hcid", "identifier", "pha")
_CODED = ("sex", "vaccine", "brand", "manufacturer", "ma_holder", "disease", "country")
_DAYS = ("date", "due_date", "valid_from", "valid_until", "vaccine_valid")
_COUNTS = ("dose", "total_doses")
_REQUIRED = ("name", "vaccine", "brand", "date", "dose")
_SNOMED_DETECTED, _SNOMED_NOT_DETECTED = "260373001", "260415000"


def verify(decoded: Decoded, trust: TrustView, policy: Policy, now: datetime) -> Finding:
    """Signer and signature as for the EU certificate, then the map itself."""
    found, refusal = find_signers(decoded.envelope, trust, WHO_DDCC)
    if not found:
        return Finding((refusal,))
    signer = found[0]
    try:
        ddcc, expires, issued, faults = cwt.parse_ddcc(decoded.envelope.unverified_payload)
    except DecodeError as fault:
        return Finding((SIGNED, Check(fault.stage, Status.FAIL, (fault.code,))), issuer=signer.country)
    kind = _TEST if isinstance(ddcc.get("test"), Mapping) else _VACCINATION
    starts, ends = _day_start(ddcc.get("valid_from")), _day_start(ddcc.get("valid_until"))
    bounds = [bound for bound in (expires, None if ends is None else ends + _DAY_S - 1) if bound is not None]
    begins = [bound for bound in (issued, starts) if bound is not None]
    content = _check_structure(ddcc, kind)
    readable = content.status is Status.PASS
    if readable and _happened(ddcc, kind) > now.timestamp() + EVENT_SLACK_S:
        faults = (*faults, AHEAD)
    first, last = max(begins, default=None), min(bounds, default=None)
    signer, usage, time = best_of(
        found,
        lambda one: (
            _check_usage(kind, one),
            check_window(last, first, faults, one, policy, now.timestamp()),
        ),
    )
    return Finding(
        (SIGNED, usage, time, content, NOT_CHECKABLE),
        "test" if kind == _TEST else "vaccination",
        signer.country,
        LaterClaims(_present, (ddcc, kind, issued, last)) if readable else build_claims({}, ddcc=ddcc),
    )


def _check_usage(kind: str, signer: Signer) -> Check:
    if signer.usage is None or kind in signer.usage:
        return Check(Stage.KEY_USAGE, Status.PASS)
    return Check(Stage.KEY_USAGE, Status.FAIL, ("key.usage",))


def _check_structure(ddcc: Mapping[str, Any], kind: str) -> Check:
    faults = [f"schema.{name}" for name in _TEXTS if not _is_text(ddcc.get(name))]
    faults += [f"schema.{name}" for name in _CODED if not _is_coding(ddcc.get(name))]
    faults += [f"schema.{name}" for name in _DAYS if not _is_day(ddcc.get(name))]
    faults += [f"schema.{name}" for name in _COUNTS if not _is_count(ddcc.get(name))]
    dose = ddcc.get("dose")
    if kind == _VACCINATION:
        faults += [f"schema.{name}" for name in _REQUIRED if ddcc.get(name) in (None, "")]
        if dose == 0 and type(dose) is int:
            faults.append("schema.dose")
    else:
        test = ddcc["test"]
        for name in ("pathogen", "type", "result"):
            if not _is_coding(test.get(name)) or (name != "pathogen" and test.get(name) is None):
                faults.append(f"schema.test.{name}")
        if not _is_moment(test.get("date")):
            faults.append("schema.test.date")
        if not isinstance(ddcc.get("name"), str):
            faults.append("schema.name")
    if faults:
        return Check(Stage.SCHEMA, Status.FAIL, tuple(dict.fromkeys(faults)))
    return Check(Stage.SCHEMA, Status.PASS)


def _present(read: tuple[Mapping[str, Any], str, float | None, float | None]) -> dict[str, Any]:
    """The claims of (map, kind, issued, expires) that `_check_structure` passed."""
    ddcc, kind, issued, expires = read
    meta = ddcc.get("meta")
    holder = {
        "full_name": ddcc.get("name"),
        "date_of_birth": ddcc.get("birthDate"),
        "sex": _code(ddcc.get("sex")),
        "identifier": ddcc.get("identifier"),
        "document_number": meta.get("passportNumber") if isinstance(meta, Mapping) else None,
    }
    common = {
        "disease": _code(ddcc.get("disease")),
        "country": _code(ddcc.get("country")),
        "id": ddcc.get("hcid"),
    }
    if kind == _TEST:
        test = ddcc["test"]
        entry = common | {
            "disease": _code(test.get("pathogen")),
            "test_type": _code(test.get("type")),
            "sampled_at": test.get("date"),
            "result": _code(test.get("result")),
            "centre": _code(test.get("centre")),
            "country": _code(test.get("country")) or common["country"],
        }
        return build_claims(holder, tests=[entry], issued_at=issued, expires_at=expires, ddcc=ddcc)
    brand = _code(ddcc.get("brand"))
    product = by_code(brand) or by_code(_code(ddcc.get("vaccine")))
    entry = common | {
        "vaccine": product.prophylaxis if product else _code(ddcc.get("vaccine")),
        "vaccine_source": _code(ddcc.get("vaccine")),
        "product": product.code if product else brand,
        "product_source": brand,
        "manufacturer": _code(ddcc.get("ma_holder")) or _code(ddcc.get("manufacturer")),
        "dose": ddcc.get("dose"),
        "doses_total": ddcc.get("total_doses"),
        "date": ddcc.get("date"),
        "lot": ddcc.get("lot"),
        "centre": ddcc.get("centre"),
        "valid_from": ddcc.get("valid_from"),
        "valid_until": ddcc.get("valid_until"),
    }
    return build_claims(holder, vaccinations=[entry], issued_at=issued, expires_at=expires, ddcc=ddcc)


def _code(value: Any) -> str | None:
    """The code of a coding, or the text itself where an issuer wrote a text."""
    if isinstance(value, Mapping):
        value = value.get("code")
    return value if isinstance(value, str) and value else None


def _is_text(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= MAX_FIELD_CHARS)


def _is_coding(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _is_text(value.get("code")) and value.get("code") is not None and _is_text(value.get("system"))
    return _is_text(value)


def _is_day(value: Any) -> bool:
    return value is None or _day_start(value) is not None


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > MAX_FIELD_CHARS:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _happened(ddcc: Mapping[str, Any], kind: str) -> float:
    """Seconds since 1970 of the dose's day or the sample's moment (no zone: UTC); structure must be right."""
    if kind == _VACCINATION:
        return _day_start(ddcc["date"]) or 0.0
    moment = datetime.fromisoformat(ddcc["test"]["date"])
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 100)


def _day_start(value: Any) -> float | None:
    """Seconds since 1970 at which the day begins (UTC); None when absent or no day."""
    if not isinstance(value, str) or len(value) < 10 or len(value) > MAX_FIELD_CHARS:
        return None
    try:
        day = date.fromisoformat(value[:10])
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
