"""Who stands behind a VDS-NC: the signer's authority, what the signer is for, and whether it was revoked.

The authority signs passport chips too, so its signature alone is not enough: the extended key usage and the
document types say what a signer may seal.
Source: ICAO Doc 9303-12 §7.1 (signer and list profiles), 9303-13; RFC 5280 §6.1, §6.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from .. import keys
from ..anchors import Authority, find_anchor
from ..certificates import Certificate
from ..limits import MAX_ANCHORS_PER_SIGNER, MAX_REMEMBERED, MAX_SIGNERS_PER_KID
from ..model import VDS_NC
from ..policy import Policy
from ..revocation import NOT_CHECKABLE
from ..rules.countries import same_country
from ..trust import Signer, TrustView
from ..verdict import Check, Stage, Status
from .window import COUNTRY_UNLISTED

SEAL_SIGNER = "2.23.136.1.1.14.2"  # extended key usage
# Document type codes of what the data hold: NV proof of vaccination, NT proof of testing. A test under NV
# is let pass: the one production signer we know names NV alone.
DOCUMENT_TYPES = {"vaccination": {"NV"}, "test": {"NT", "NV"}}
_USAGE_LETTER = {"vaccination": "v", "test": "t"}

_FOUND = Check(Stage.SIGNATURE, Status.PASS)
_NO_ANCHOR = Check(Stage.SIGNATURE, Status.FAIL, ("trust.no_anchor",))
_TOO_MANY = Check(Stage.SIGNATURE, Status.UNKNOWN, ("trust.too_many_anchors",))
_PASS_USAGE = Check(Stage.KEY_USAGE, Status.PASS)
_PASS_REVOCATION = Check(Stage.REVOCATION, Status.PASS)
_LIST_BAD = Check(Stage.REVOCATION, Status.NOT_RUN, ("revocation.list_bad",))
_STALE, _AHEAD = ("revocation.stale",), ("revocation.list_ahead",)
_CLOCK_SLACK = timedelta(days=1)  # zones told wrongly and drift, as where trust data meet a clock


class Vouched(NamedTuple):
    """A signer somebody we trust stands behind.

    `certificate` is the one that was vouched for: never the one in the code where the key is listed itself,
    for then nothing but the key binds the two. `anchor` is None when a listed key has no known authority.
    """

    signer: Signer
    certificate: Certificate | None
    anchor: Authority | None


def find_signers(
    certificate: Certificate, trust: TrustView, country: str | None
) -> tuple[Sequence[Vouched], Check]:
    """Every listing of the key in the code, else who vouches for its certificate, else why nobody does.

    `country` is the issuer the header claims; it chooses among listings and is judged by `check_usage`.
    """
    found = []
    for signer in trust.signers(VDS_NC, _key_name(certificate))[:MAX_SIGNERS_PER_KID]:
        if signer.public_key == certificate.public_key:
            listed = signer.certificate
            named = () if listed is None else trust.issuers_of(VDS_NC, listed)
            above = None if listed is None else find_anchor(listed, named, country)
            found.append(Vouched(signer, listed, above))
    if found:
        return found, _FOUND
    named = trust.issuers_of(VDS_NC, certificate)
    anchor = find_anchor(certificate, named, country)
    if anchor is not None:
        return [Vouched(_signer(certificate, anchor.country), certificate, anchor)], _FOUND
    return (), _TOO_MANY if len(named) > MAX_ANCHORS_PER_SIGNER else _NO_ANCHOR


@lru_cache(maxsize=MAX_REMEMBERED)
def _key_name(certificate: Certificate) -> bytes:
    return keys.name_of(certificate.public_key)


@lru_cache(maxsize=MAX_REMEMBERED)
def _signer(certificate: Certificate, country: str | None) -> Signer:
    """The signer a certificate stands for; made once, for it holds ready what every check needs."""
    return Signer(
        kid=_key_name(certificate),
        public_key=certificate.public_key,
        country=country or certificate.country,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        formats=frozenset((VDS_NC,)),
        certificate=certificate,
    )


def check_usage(found: Vouched, kind: str | None, country: str | None) -> Check:
    """Whether this signer may seal `kind` (None: not one we know) for the issuer `country` of the header."""
    faults = []
    certificate, signer = found.certificate, found.signer
    listed_for = kind is None or signer.usage is None or _USAGE_LETTER[kind] in signer.usage
    if not listed_for or (certificate is not None and not _made_for(certificate, kind)):
        faults.append("key.usage")
    if certificate is not None and certificate.unread_critical:
        faults.append("key.critical_extension")
    if not _speaks_for(found, country):
        faults.append("key.country")
    if faults:
        return Check(Stage.KEY_USAGE, Status.FAIL, tuple(faults))
    return _PASS_USAGE if signer.country else COUNTRY_UNLISTED


def _made_for(certificate: Certificate, kind: str | None) -> bool:
    types = certificate.document_types
    return (
        certificate.extended_usage is not None
        and SEAL_SIGNER in certificate.extended_usage
        and certificate.digital_signature is not False
        and (types is None or kind is None or bool(types & DOCUMENT_TYPES[kind]))
    )


def _speaks_for(found: Vouched, country: str | None) -> bool:
    """The header names the state the trust data name, and the certificate does not name a third one.

    A territory signs under its state's letters (Hong Kong under C=CN), as its authority does.
    """
    signer, certificate, anchor = found
    if signer.country is None:  # a key listed without a country: the operator said so
        return anchor is None
    if not same_country(signer.country, country):
        return False
    own = None if certificate is None else certificate.country
    above = None if anchor is None else anchor.certificate.country
    return own is None or anchor is None or same_country(own, country) or same_country(own, above)


def check_revocation(found: Vouched, trust: TrustView, policy: Policy, now: datetime) -> Check:
    """Whether a list of the signer's authority names the signer.

    A list that is absent means not checkable, not nothing revoked. An old list that names the signer still
    refuses it; one that does not is said to be old, and decides nothing where the policy requires the check
    or sets `crl_max_age_days`. So with lists that are all dated in the future.
    """
    certificate, anchor = found.certificate, found.anchor
    if certificate is None or anchor is None:
        return NOT_CHECKABLE
    lists, refused = trust.crls_of(anchor.certificate)
    if not lists:
        return _LIST_BAD if refused else NOT_CHECKABLE
    if any(certificate.serial in crl.revoked for crl in lists):
        return Check(Stage.REVOCATION, Status.FAIL, ("revocation.revoked",))
    required, most = Stage.REVOCATION in policy.require, policy.crl_max_age_days
    published = [crl for crl in lists if crl.this_update - now <= _CLOCK_SLACK]
    if not published:
        demanded = required or most is not None
        return Check(Stage.REVOCATION, Status.UNKNOWN if demanded else Status.PASS, _AHEAD)
    newest = max(published, key=lambda crl: crl.this_update)
    if most is not None and now - newest.this_update > timedelta(days=most):
        return Check(Stage.REVOCATION, Status.UNKNOWN, _STALE)
    if newest.next_update is not None and now > newest.next_update:
        return Check(Stage.REVOCATION, Status.UNKNOWN if required else Status.PASS, _STALE)
    return _PASS_REVOCATION
