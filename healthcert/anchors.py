"""Authorities: whose signature makes a signer's certificate believable, found by name, believed by signature.

Key ids and names only choose whom to ask; anybody can write them into a certificate of their own. An anchor
need not be self-signed: being listed makes it one (Viet Nam's signer hangs under an intermediate authority).
Nor does its own validity end its trust: that is for the list to end (RFC 5280 §6.1.1 d).
Source: RFC 5280 §4.2.1.1, §6.1; ICAO Doc 9303-12 §4; notes/certificates-other-formats-and-vietnam §0.1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .certificates import Certificate, Crl, is_signed_by
from .errors import KeyMaterialError
from .limits import MAX_ANCHORS_PER_SIGNER, MAX_REMEMBERED
from .model import EU_DCC, WHO_DDCC
from .rules.countries import alpha_2, same_country

# The formats whose keys are published one by one and may be held against an authority when they are loaded.
VOUCHED_FORMATS = (EU_DCC, WHO_DDCC)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate named as an anchor: what it signed is believed for `formats` of `country`.

    `country` as listed, 2 or 3 letters; the certificate's own where the list does not say.
    """

    certificate: Certificate
    country: str | None
    formats: frozenset[str]


class AnchorIndex:
    """Authorities by what a certificate may call its issuer."""

    __slots__ = ("_by_name",)

    def __init__(self, authorities: Iterable[Authority]) -> None:
        self._by_name: dict[bytes, list[Authority]] = {}
        for authority in authorities:
            certificate = authority.certificate
            for name in {*certificate.key_ids, certificate.subject}:
                self._by_name.setdefault(name, []).append(authority)

    def named_by(self, certificate: Certificate) -> tuple[Authority, ...]:
        """Those `certificate` names, those of its key id first."""
        by_name = self._by_name.get(certificate.issuer, ())
        if certificate.authority_key_id is None:
            return tuple(by_name)
        by_key = self._by_name.get(certificate.authority_key_id, ())
        return (*by_key, *(one for one in by_name if one not in by_key))


class RevocationLists(NamedTuple):
    """The lists that name an anchor: those it or its kin signed, and how many nobody of them did."""

    genuine: tuple[Crl, ...] = ()
    refused: int = 0


class CrlIndex:
    """Revocation lists by anchor, checked once: a list has no other use.

    An authority that changes its key signs one list for all it ever issued, with the new key. So a list
    counts for every anchor of one name and country when the key of any of them signed it.
    Source: RFC 5280 §5.1.2.3 (a list is its issuer's, by name); ICAO Doc 9303-12 (change of CSCA keys).
    """

    __slots__ = ("_by_anchor",)

    def __init__(self, crls: Iterable[Crl], authorities: Iterable[Authority]) -> None:
        by_name: dict[bytes, list[Crl]] = {}
        for crl in crls:
            for name in {crl.issuer, crl.authority_key_id or crl.issuer}:
                by_name.setdefault(name, []).append(crl)
        self._by_anchor: dict[Certificate, RevocationLists] = {}
        families: dict[tuple[bytes, str | None], dict[Certificate, None]] = {}
        for authority in authorities if by_name else ():
            state = alpha_2(authority.country) or authority.country
            family = families.setdefault((authority.certificate.subject, state), {})
            family[authority.certificate] = None
        for (subject, _), family in families.items():
            names = dict.fromkeys((subject, *(name for anchor in family for name in anchor.key_ids)))
            named = dict.fromkeys(crl for name in names for crl in by_name.get(name, ()))
            signing = [anchor.public_key for anchor in family if anchor.crl_sign is not False]
            signing = signing[:MAX_ANCHORS_PER_SIGNER]
            genuine = [crl for crl in named if any(is_signed_by(crl, key) for key in signing)]
            refused = len(named) - len(genuine)
            for anchor in family:  # one certificate may be listed for several countries
                known = self._by_anchor.get(anchor, RevocationLists())
                both = dict.fromkeys((*known.genuine, *genuine))
                self._by_anchor[anchor] = RevocationLists(tuple(both), known.refused + refused)

    def of(self, anchor: Certificate) -> RevocationLists:
        """The lists of one of the anchors."""
        return self._by_anchor.get(anchor, RevocationLists())


@lru_cache(maxsize=MAX_REMEMBERED)
def signed_by(child: Certificate, anchor: Certificate) -> bool:
    """`is_signed_by`, remembered: both are judged by their bytes, so the answer never changes."""
    return is_signed_by(child, anchor.public_key)


def find_anchor(
    certificate: Certificate, named: Sequence[Authority], country: str | None
) -> Authority | None:
    """One of `named` that may sign certificates and did sign this one. Asks MAX_ANCHORS_PER_SIGNER.

    An authority may be listed for several countries: the listing for `country` goes first.
    """
    found = [
        authority
        for authority in named[:MAX_ANCHORS_PER_SIGNER]
        if authority.certificate.may_sign_certificates and signed_by(certificate, authority.certificate)
    ]
    return next((one for one in found if same_country(one.country, country)), found[0] if found else None)


class Vouching:
    """The rule for keys listed one by one: where their country lists authorities, one of them signed the key.

    `claims` are the (country, formats) authorities are listed for, those that cannot be read among them.
    """

    def __init__(
        self, authorities: Sequence[Authority], claims: Iterable[tuple[str, Collection[str]]]
    ) -> None:
        listed = [*claims, *((one.country, one.formats) for one in authorities)]
        self._ruled = {
            (name, alpha_2(country) or country)
            for country, formats in listed
            for name in VOUCHED_FORMATS
            if country is not None and name in formats
        }
        self._authorities = authorities

    def check(self, certificate: Certificate | None, country: str | None, formats: Collection[str]) -> None:
        """Raises KeyMaterialError for a key with a certificate nobody vouches for. No certificate: no rule.

        An authority that is itself listed as a key vouches for itself.
        """
        if certificate is None or not self._ruled:
            return
        state = alpha_2(country) or country
        for name in VOUCHED_FORMATS:
            if (
                name in formats
                and (name, state) in self._ruled
                and not self._vouched(certificate, state, name)
            ):
                raise KeyMaterialError("no authority vouches for it")

    def _vouched(self, certificate: Certificate, state: str | None, name: str) -> bool:
        for authority in self._authorities:
            if name not in authority.formats or (alpha_2(authority.country) or authority.country) != state:
                continue
            anchor = authority.certificate
            if anchor == certificate or (
                anchor.may_sign_certificates and is_signed_by(certificate, anchor.public_key)
            ):
                return True
        return False
