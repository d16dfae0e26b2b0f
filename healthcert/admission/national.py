"""The business rules of a gate's country, asked of an EU certificate.

Source: eu-dcc-business-rules; notes/certificates-eu-dcc §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..model import EU_DCC
from ..rules.evaluate import check_rules
from ..verdict import Check, Stage, Status, Verdict
from .rulebook import Rulebook

_NOT_ASKED = Check(Stage.RULES, Status.NOT_RUN)


def judge_rules(verdict: Verdict, rulebook: Rulebook, now: datetime) -> Check:
    """The stage "rules" for one valid certificate; not run where no rule speaks of it."""
    rules, claims = rulebook.rules, verdict.claims
    if verdict.format != EU_DCC or claims is None or not (rules.rules or rules.rejected):
        return _NOT_ASKED
    dcc = claims.get("dcc")
    return check_rules(
        dcc if isinstance(dcc, Mapping) else {},
        rules.rules,
        arrival=rulebook.home,
        clock=now,
        kind=verdict.kind,
        issuer=verdict.issuer,
        region=rulebook.region,
        rejected=rules.rejected,
        issued_at=claims.get("issued_at"),
        expires_at=claims.get("expires_at"),
    )
