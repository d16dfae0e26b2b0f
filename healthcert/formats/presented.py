"""The signed claims of an EU certificate under names a person can read.

Source: requirement K08; eu-dcc-schema 1.3.3 (meaning of the two-letter keys).
"""

from __future__ import annotations

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


def present(claims: Claims) -> dict[str, Any]:
    """The signed claims under names a person can read, and the payload itself under `dcc`."""
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
