"""The closed shape of a DIVOC document, checked before anything is canonicalised.

Two dangers end here. Canonicalising an unknown graph can cost seconds for a kilobyte (a clique of blank
nodes), so only a graph of five fixed blank nodes passes. And JSON-LD drops what its context does not map, or
what hangs on a relative IRI, *before* hashing: the signature then holds over less than is shown. So no member
but those of the table passes, and `statements` says how many statements the signature has to cover.
Source: JSON-LD 1.1 API §8 (serialise to RDF); DIVOC vaccination contexts v1 and v2;
notes/certificates-other-formats-and-vietnam §1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import contexts

# The longest text of a code is an address line; QR code 40-L holds 2,953 bytes in all.
MAX_FIELD_CHARS = 1_024
# Up to 10^15 whole numbers are exact in every reader, and no reader writes them with an exponent.
MAX_NUMBER = 10**15
# What would let an IRI leave its place in a statement, or name something else than it shows.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>"\\]')
_NOT_OUR_IRI = re.compile(r"\s*(?:@|_:|(?:schema|vac|cred|sec|xsd|dc):)", re.IGNORECASE)


class Node(NamedTuple):
    """One object of the document: `terms` map members with one value to IRIs, `parts` to inner objects."""

    types: frozenset[str]
    terms: Mapping[str, str]
    parts: Mapping[str, str]
    required: frozenset[str]
    later: Mapping[str, str] = {}  # terms of the second context version


_ADDRESS = Node(
    frozenset(),
    {
        "streetAddress": "schema:streetAddress",
        "streetAddress2": "vac:addressLine2",
        "city": "vac:city",
        "district": "vac:district",
        "addressRegion": "schema:addressRegion",
        "postalCode": "schema:postalCode",
        "addressCountry": "schema:addressCountry",
    },
    {},
    frozenset(),
)
NODES: Mapping[str, Node] = {
    "credential": Node(
        frozenset({"VerifiableCredential", "ProofOfVaccinationCredential"}),
        {
            "issuer": "cred:issuer",
            "issuanceDate": "cred:issuanceDate",
            "nonTransferable": "vac:nonTransferable",
        },
        {"credentialSubject": "subject", "evidence": "evidence"},
        frozenset({"issuer", "issuanceDate", "credentialSubject", "evidence"}),
    ),
    "subject": Node(
        frozenset({"Person"}),
        {
            "refId": "schema:id",
            "uhid": "schema:id",
            "name": "schema:name",
            "age": "schema:Number",
            "gender": "schema:gender",
            "sex": "schema:gender",
            "nationality": "schema:nationality",
        },
        {"address": "address"},
        frozenset({"id", "name"}),
        {"dob": "schema:date"},
    ),
    "evidence": Node(
        frozenset({"Vaccination"}),
        {
            "certificateId": "schema:id",
            "batch": "schema:id",
            "vaccine": "schema:id",
            "manufacturer": "schema:id",
            "feedbackUrl": "schema:url",
            "infoUrl": "schema:url",
            "date": "schema:date",
            "effectiveStart": "schema:date",
            "effectiveUntil": "schema:date",
            "dose": "schema:doseValue",
            "totalDoses": "schema:doseValue",
        },
        {"verifier": "verifier", "facility": "facility"},
        frozenset({"id", "vaccine", "date"}),
        {"icd11Code": "schema:id", "prophylaxis": "schema:name"},
    ),
    "verifier": Node(frozenset(), {"name": "schema:name"}, {}, frozenset()),
    "facility": Node(frozenset(), {"name": "schema:name"}, {"address": "address"}, frozenset()),
    "address": _ADDRESS,
}
# Members registers also write as numbers; every other is a text.
_COUNTABLE = frozenset({"age", "batch", "certificateId", "dose", "postalCode", "refId", "totalDoses", "uhid"})
_ISSUER_IRI = "<https://www.w3.org/2018/credentials#issuer>"
NAMED = ("subject", "evidence")  # the nodes that carry an id of their own


def check(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Stable reasons (`schema.divoc.<cause>`) why the shape is wrong; empty when it is right.

    `@context` must have passed `contexts.version_of`.
    """
    version = contexts.version_of(document.get("@context"))
    body = {name: value for name, value in document.items() if name != "@context"}
    faults = list(dict.fromkeys(_faults(body, "credential", version)))
    if not faults and len(set(_ids(body))) == 1:
        faults.append("schema.divoc.iri")  # one node instead of two: their members would mix
    return tuple(faults)


def _faults(value: Any, name: str, version: int | None) -> Iterator[str]:
    node = NODES[name]
    if type(value) is not dict:
        yield "schema.divoc.object"
        return
    terms = _terms(node, version)
    if not all(value.get(member) not in (None, "") for member in node.required - node.parts.keys() - {"id"}):
        yield "schema.divoc.missing"
    if not value.keys() >= node.required:
        yield "schema.divoc.missing"
    for member, inner in value.items():
        if member in terms:
            yield from _scalar_faults(inner, member)
        elif member in node.parts:
            yield from _part_faults(inner, member, node, version)
        elif member == "type" and node.types:
            given = inner if type(inner) is list else [inner]
            known = all(type(word) is str and word in node.types for word in given)
            if not known or len(given) != len(set(given)) or len(given) != len(node.types):
                yield "schema.divoc.type"
        elif member == "id" and name in NAMED:
            yield from _iri_faults(inner)
        else:
            yield "schema.divoc.member"
    if node.types and "type" not in value:
        yield "schema.divoc.type"


def _part_faults(inner: Any, member: str, node: Node, version: int | None) -> Iterator[str]:
    if member == "evidence":
        if type(inner) is not list or len(inner) != 1:
            yield "schema.divoc.evidence"
            return
        inner = inner[0]
    yield from _faults(inner, node.parts[member], version)


def _scalar_faults(value: Any, member: str) -> Iterator[str]:
    """One text, one whole number or nothing: a list or an object would say several things at once."""
    if member == "issuer":
        yield from _iri_faults(value)
    elif value is None or (type(value) is bool and member == "nonTransferable"):
        return
    elif type(value) is str:
        if len(value) > MAX_FIELD_CHARS:
            yield "schema.divoc.text"
    elif type(value) is not int or member not in _COUNTABLE or not -MAX_NUMBER < value < MAX_NUMBER:
        yield "schema.divoc.scalar"


def _iri_faults(value: Any) -> Iterator[str]:
    """Relative is not wrong here: whether the signature covers it is seen after canonicalisation."""
    right = type(value) is str and len(value) <= MAX_FIELD_CHARS
    if not right or _UNSAFE.search(value) or _NOT_OUR_IRI.match(value):
        yield "schema.divoc.iri"


def _terms(node: Node, version: int | None) -> Mapping[str, str]:
    return {**node.terms, **node.later} if version == 2 else node.terms


def statements(document: Mapping[str, Any]) -> int:
    """How many distinct statements a signature over everything shown covers. The shape must be right.

    Equal values of members that share an IRI are one statement.
    """
    return _count(document, "credential")


def _count(value: Mapping[str, Any], name: str) -> int:
    node = NODES[name]
    terms = {**node.terms, **node.later}
    said = {
        (terms[member], type(inner), inner)
        for member, inner in value.items()
        if member in terms and inner is not None
    }
    total = len(node.types) + len(said)
    for member, part in node.parts.items():
        if member in value:
            inner = value[member]
            total += 1 + _count(inner[0] if member == "evidence" else inner, part)
    return total


def is_covered(document: Mapping[str, Any], canonical: str) -> bool:
    """Does the canonical form say everything the document shows? The shape must be right."""
    heads = tuple(f"<{document_id}> " for document_id in _ids(document))
    lines = canonical.split("\n")
    return (
        canonical.count("\n") == statements(document)
        and all(any(line.startswith(head) for line in lines) for head in heads)
        and any(line.endswith(f"{_ISSUER_IRI} <{document['issuer']}> .") for line in lines)
    )


def _ids(document: Mapping[str, Any]) -> tuple[str, str]:
    return document["credentialSubject"]["id"], document["evidence"][0]["id"]
