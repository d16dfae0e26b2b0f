"""From a verified set to the snapshot a scan asks: nobody is believed for being listed.

The list says who signs today; the anchors, signed by other people, say who may be listed at all. A key with a
certificate needs an anchor of its country that signed it, for every format it is listed for; a bare key
needs its pin. What nobody vouches for is left out and told. Authorities come from the anchors alone.
Source: notes/distribution-and-fleet §1.2 (IHE), §5.3, §6.1; architecture §6 (trust object).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from healthcert.anchors import Authority, signed_by
from healthcert.errors import HealthCertError
from healthcert.keys import spki_of
from healthcert.limits import MAX_TRUST_KEYS
from healthcert.model import FORMATS
from healthcert.rules.countries import same_country
from healthcert.trust import Signer, parse_trust_object

from .. import roles
from ..errors import TrustlistError
from ..snapshot import TrustSnapshot
from .store import ActiveSet

LISTS = ("smart_crls", "x509_crls", "dcc_revocations")


@dataclass(frozen=True, slots=True)
class Believed:
    """A snapshot, and (index, reason) of each listed key nobody vouches for."""

    snapshot: TrustSnapshot
    unvouched: tuple[tuple[int, str], ...]


def believe(active: ActiveSet) -> Believed:
    """The snapshot of a set. Raises TrustlistError: `target.absent`, `target.malformed`, `set.tampered`."""
    anchors = _content(active, roles.ANCHORS_FILE)
    listed = _content(active, roles.TRUSTLIST_FILE)
    keys = listed.get("keys") or []
    if not isinstance(keys, list) or len(keys) > MAX_TRUST_KEYS:
        raise TrustlistError("target.malformed", roles.TRUSTLIST_FILE)
    try:
        vouching = _Vouching(anchors)
        kept, unvouched = [], []
        for index, entry in enumerate(keys):
            reason = vouching.fault(entry)
            if reason is None:
                kept.append(entry)
            else:
                unvouched.append((index, reason))
        trust = {"keys": kept, "authorities": anchors.get("authorities") or []}
        trust |= {name: listed[name] for name in LISTS if name in listed}
        snapshot = TrustSnapshot.from_trust_object(trust, issued_at=active.issued)
    except HealthCertError as fault:
        raise TrustlistError("target.malformed", str(fault)) from fault
    return Believed(snapshot, tuple(unvouched))


def _content(active: ActiveSet, path: str) -> Mapping[str, Any]:
    try:
        content = json.loads(active.verified.content(path))
    except (ValueError, RecursionError) as fault:
        raise TrustlistError("target.malformed", path) from fault
    if not isinstance(content, dict):
        raise TrustlistError("target.malformed", path)
    return content


class _Vouching:
    """The anchors: certificates that sign signers, and pins (SHA-256 of the SPKI, hex) of bare keys."""

    def __init__(self, anchors: Mapping[str, Any]) -> None:
        trust = parse_trust_object({"authorities": anchors.get("authorities")})
        self._authorities = {name: trust.authorities(name) for name in FORMATS}
        self._pins: dict[str, frozenset[str]] = {}
        for entry in anchors.get("pins") or []:
            if isinstance(entry, dict) and isinstance(entry.get("spki_sha256"), str):
                formats = entry.get("formats")
                names = [one for one in formats if isinstance(one, str)] if isinstance(formats, list) else []
                known = self._pins.get(entry["spki_sha256"], frozenset())
                self._pins[entry["spki_sha256"]] = known | frozenset(names)

    def fault(self, entry: object) -> str | None:
        """Why an entry of the list is not believed; None: it is."""
        parsed = parse_trust_object({"keys": [entry]})
        if parsed.rejected:
            return parsed.rejected[0][1]
        signers = {id(one): one for name in FORMATS for one in parsed.signers(name, b"")}
        if not signers:
            return "for no format we know"
        for signer in signers.values():
            if not all(self._vouches(signer, name) for name in signer.formats):
                return "no anchor vouches for it"
        return None

    def _vouches(self, signer: Signer, name: str) -> bool:
        if name in self._pins.get(sha256(spki_of(signer.public_key)).hexdigest(), ()):
            return True
        certificate = signer.certificate
        return certificate is not None and any(
            one.certificate == certificate
            or (one.certificate.may_sign_certificates and signed_by(certificate, one.certificate))
            for one in self._of_country(name, signer.country)
        )

    def _of_country(self, name: str, country: str | None) -> list[Authority]:
        return [one for one in self._authorities.get(name, ()) if same_country(one.country, country)]
