"""Which rules count for one traveller: those of the country of arrival, and the issuer's own invalidations.

Source: EU DCC Validation Rules 1.0 §5; the Union's reference verifier (notes/certificates-eu-dcc §4).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .rule import CertificateType, Rejected, Rule, RuleType, parse_rules

__all__ = ["parse_rules", "select", "spoken_of"]

_TYPE_OF = {
    "vaccination": CertificateType.VACCINATION,
    "test": CertificateType.TEST,
    "recovery": CertificateType.RECOVERY,
}


def select(
    rules: Iterable[Rule],
    *,
    arrival: str,
    region: str | None,
    issuer: str | None,
    kind: str | None,
    clock: datetime,
) -> tuple[Rule, ...]:
    """The rules that count, each identifier once in its highest version of those valid at `clock` (aware).

    `arrival` and `issuer` are ISO 3166-1 alpha-2; `kind` is "vaccination", "test" or "recovery". A region's
    rules replace the country's, as in the reference verifier; None is the country as a whole.
    """
    wanted = (CertificateType.GENERAL, _TYPE_OF.get(kind or ""))
    country, part, signer = arrival.upper(), (region or "").strip().casefold(), (issuer or "").upper()
    chosen: dict[tuple[RuleType, str], Rule] = {}
    for rule in rules:
        if rule.certificate_type not in wanted or not rule.valid_from <= clock <= rule.valid_to:
            continue
        if rule.type is RuleType.ACCEPTANCE:
            if rule.country != country or rule.region.casefold() != part:
                continue
        elif rule.country != signer:
            continue
        key = (rule.type, rule.identifier)
        if key not in chosen or chosen[key].version < rule.version:
            chosen[key] = rule
    return tuple(sorted(chosen.values(), key=lambda rule: (rule.type, rule.identifier)))


def spoken_of(rejected: Iterable[Rejected], *, arrival: str, issuer: str | None) -> tuple[Rejected, ...]:
    """Those unreadable rules that may have counted: of either country, or of one that cannot be read."""
    countries = {None, arrival.upper(), (issuer or "").upper()}
    return tuple(each for each in rejected if each.country in countries)
