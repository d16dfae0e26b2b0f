"""The one shape in which the signed content of every format is handed on.

    holder        family_name given_name family_name_icao given_name_icao full_name date_of_birth sex
                  document_number nationality: those the format has
    vaccinations  [{disease vaccine product manufacturer dose doses_total date country issuer lot id ...}]
    tests         [{disease test_type test_name sampled_at result country issuer centre id ...}]
    recoveries    [{disease first_positive valid_from valid_until country issuer id ...}]
    certificate_kind  "domestic" or "passport", only where the certificate says so
    issued_at     RFC 3339 in UTC, or None
    expires_at    the same
    <raw>         the signed content as it stands, under the name of its format: dcc, ddcc, fhir, vds, divoc

Codes (disease, vaccine, product, manufacturer, test type, result) are those of the EU value sets wherever
the format's own code has an equal there; the format's own code then stands beside it as `<field>_source`.
Dates are ISO 8601 texts as signed; counts are whole numbers.
Source: requirement K08; notes/certificates-other-formats-and-vietnam §1 (what an officer sees).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .times import format_instant

GROUPS = ("vaccinations", "tests", "recoveries")
KIND_OF = {"vaccinations": "vaccination", "tests": "test", "recoveries": "recovery"}


class LaterClaims(Mapping[str, Any]):
    """Claims in the shape above, built when first looked into: a gate that only needs the outcome never does.

    `build(source)` gives them, the same at any time; `source` is what was signed and has passed its checks.
    """

    __slots__ = ("_build", "_built", "_source")

    def __init__(self, build: Callable[[Any], dict[str, Any]], source: Any) -> None:
        self._build = build
        self._source = source
        self._built: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LaterClaims):
            return self._all() == other._all()
        return self._all() == other if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<signed claims>"  # never the holder's data in a log

    def _all(self) -> dict[str, Any]:
        if self._built is None:
            self._built = self._build(self._source)
        return self._built


def build_claims(
    holder: Mapping[str, Any],
    *,
    vaccinations: Iterable[Mapping[str, Any]] = (),
    tests: Iterable[Mapping[str, Any]] = (),
    recoveries: Iterable[Mapping[str, Any]] = (),
    issued_at: float | None = None,
    expires_at: float | None = None,
    **raw: Any,
) -> dict[str, Any]:
    """The claims mapping; times in seconds since 1970. Fields whose value is None are left out."""
    entries = zip(GROUPS, (vaccinations, tests, recoveries), strict=True)
    return {
        "holder": _present(holder),
        **{name: [_present(entry) for entry in group] for name, group in entries},
        "issued_at": format_instant(issued_at),
        "expires_at": format_instant(expires_at),
        **raw,
    }


def kind_of(claims: Mapping[str, Any]) -> str | None:
    """What the certificate speaks of: its first group that holds anything."""
    return next((KIND_OF[name] for name in GROUPS if claims.get(name)), None)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
