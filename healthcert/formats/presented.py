"""The signed claims of an EU certificate under names a person can read.

Source: requirement K08; eu-dcc-schema 1.3.3 (meaning of the two-letter keys).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..model import Claims
from ..times import format_instant
from .private import read_private

_HOLDER = {"fn": "family_name", "gn": "given_name", "fnt": "family_name_icao", "gnt": "given_name_icao"}
_ENTRY = {
    "tg": "disease",
    "co": "country",
    "is": "issuer",
    "ci": "id",
    "vp": "vaccine",
    "mp": "product",
    "dn": "dose",
    "sd": "doses_total",
    "dt": "date",
    "tt": "test_type",
    "nm": "test_name",
    "sc": "sampled_at",
    "dr": "result_at",
    "tr": "result",
    "tc": "centre",
    "fr": "first_positive",
    "df": "valid_from",
    "du": "valid_until",
    "ma": "manufacturer",
}
_GROUPS = (("v", "vaccinations"), ("t", "tests"), ("r", "recoveries"))


class PresentedClaims(Mapping[str, Any]):
    """The signed claims under names a person can read, and the payload itself under `dcc`.

    Built when first looked into: a gate that only needs the outcome never does.
    """

    __slots__ = ("_built", "_claims")

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._built: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __eq__(self, other: object) -> bool:
        return self._claims == other._claims if isinstance(other, PresentedClaims) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<signed claims>"  # never the holder's data in a log

    def _all(self) -> dict[str, Any]:
        if self._built is None:
            self._built = _present(self._claims)
        return self._built


def _present(claims: Claims) -> dict[str, Any]:
    dcc = claims.dcc
    name = dcc.get("nam")
    holder: dict[str, Any] = {}
    if type(name) is dict:
        holder = {readable: name[key] for key, readable in _HOLDER.items() if key in name}
    holder["date_of_birth"] = dcc.get("dob")
    out: dict[str, Any] = {"holder": holder}
    private = read_private(claims.private)
    if private is not None:
        if private.nationality is not None:
            holder["nationality"] = private.nationality
        if private.kind is not None:
            out["certificate_kind"] = private.kind
    for kind, readable in _GROUPS:
        entries = dcc.get(kind)
        out[readable] = [
            {_ENTRY.get(key, key): value for key, value in entry.items()}
            for entry in (entries if type(entries) is list else ())
            if type(entry) is dict
        ]
    out["issued_at"] = format_instant(claims.issued_at)
    out["expires_at"] = format_instant(claims.expires_at)
    out["dcc"] = dcc
    return out
