"""Attacks on DIVOC certificates, by somebody who holds a valid one and by somebody who holds none."""

from __future__ import annotations

import base64
import copy
import io
import itertools
import json
import socket
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcert import Outcome, Stage, Status, Verdict, decode, judge
from healthcert.formats.divoc import claims, contexts, makers, meaning, proof, shape
from healthcert.formats.divoc.envelope import Envelope
from healthcert.trust import StaticTrust, parse_trust_object

pytestmark = [pytest.mark.req("K08"), pytest.mark.req("K16")]
NOW = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
DID = "did:example:moh"
V1 = "https://cowin.gov.in/credentials/vaccination/v1"
V2 = "https://cowin.gov.in/credentials/vaccination/v2"
_OWN_RSA = rsa.generate_private_key(65537, 2048)
_OWN_ED = ed25519.Ed25519PrivateKey.generate()
Document = dict[str, Any]


def usual(version: int = 1) -> Document:
    """A certificate in which every member says something different, unless it must not."""
    address = {
        "streetAddress": "12 Long Road",
        "streetAddress2": "Flat 3",
        "district": "North",
        "city": "Town",
        "addressRegion": "Coast",
        "addressCountry": "LK",
        "postalCode": 10500,
    }
    subject = {
        "type": "Person",
        "id": "did:Passport:N1234567",
        "refId": "3979118504",
        "uhid": "U-77",
        "name": "An Perera",
        "gender": "Female",
        "age": "31",
        "nationality": "Sri Lankan",
        "address": address,
    }
    evidence = {
        "id": "https://health.example/vaccine/819152878",
        "feedbackUrl": "https://health.example/f",
        "infoUrl": "https://health.example/i",
        "certificateId": "819152878",
        "type": ["Vaccination"],
        "batch": "4120Z025",
        "vaccine": "COVISHIELD",
        "manufacturer": "Serum Institute of India",
        "date": "2021-07-15T05:30:00.000Z",
        "effectiveStart": "2021-07-15",
        "effectiveUntil": "2022-07-15",
        "dose": 1,
        "totalDoses": 2,
        "verifier": {"name": "Nurse One"},
        "facility": {"name": "Clinic Nine", "address": {**address, "streetAddress": "1 Short Road"}},
    }
    document: Document = {
        "@context": [contexts.CREDENTIALS, V1 if version == 1 else V2],
        "type": ["VerifiableCredential", "ProofOfVaccinationCredential"],
        "credentialSubject": subject,
        "issuer": "https://health.example/",
        "issuanceDate": "2021-09-24T16:25:43.497Z",
        "evidence": [evidence],
        "nonTransferable": "true",
    }
    if version == 2:
        document["credentialSubject"]["dob"] = "1990-04-05"
        document["evidence"][0] |= {"icd11Code": "XM97T2", "prophylaxis": "COVID-19 vaccine"}
    return document


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(document: Document, key: Any = _OWN_RSA, *, header: Any = None, **changes: Any) -> Document:
    """`document` with a proof by `key`, made from the pinned contexts; parts of the proof can be replaced."""
    plain = isinstance(key, rsa.RSAPrivateKey)
    if header is None:
        header = {"alg": "PS256" if plain else "EdDSA", "b64": False, "crit": ["b64"]}
    options = {
        "type": "RsaSignature2018" if plain else "Ed25519Signature2018",
        "created": "2021-09-24T16:25:43Z",
        "verificationMethod": DID,
        "proofPurpose": "assertionMethod",
    } | changes
    protected = b64url(json.dumps(header, separators=(",", ":")).encode())
    data, _ = proof.signed_bytes(Envelope(document, options, None, protected.encode(), b""))
    if plain:
        signature = key.sign(data, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    else:
        signature = key.sign(data)
    return {**document, "proof": {**options, "jws": f"{protected}..{b64url(signature)}"}}


def entry(key: Any, **changes: Any) -> Document:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "spki": base64.b64encode(spki).decode(),
        "issuer": DID,
        "country": "LK",
        "formats": ["divoc"],
    } | changes


def trust(*entries: Document) -> StaticTrust:
    return parse_trust_object({"keys": list(entries) or [entry(_OWN_RSA), entry(_OWN_ED)]})


TRUST = trust()


def judged(document: Document, trusted: StaticTrust = TRUST) -> Verdict:
    verdict = judge(json.dumps(document), trusted, now=NOW)
    assert "internal.error" not in verdict.reasons
    return verdict


def refused(document: Document) -> str:
    """The first reason for which `document` is definitely refused."""
    verdict = judged(document)
    assert verdict.outcome is Outcome.INVALID, verdict.reasons
    return verdict.reasons[0]


GOOD = {version: signed(usual(version)) for version in (1, 2)}


def changed(path: str, value: Any, version: int = 1) -> Document:
    """The signed certificate with one member set after signing; `a/b` and list places as numbers."""
    document = copy.deepcopy(GOOD[version])
    *way, last = path.split("/")
    place: Any = document
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[last] = value
    return document


# --- what is good ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("key", [_OWN_RSA, _OWN_ED], ids=["RSA", "Ed25519"])
def test_our_own_issuers_certificate_is_valid(version: int, key: Any) -> None:
    verdict = judged(signed(usual(version), key))
    assert verdict.outcome is Outcome.VALID, verdict.reasons
    assert verdict.claims is not None
    holder = verdict.claims["holder"]
    assert holder.get("date_of_birth") == ("1990-04-05" if version == 2 else None)
    assert holder["references"] == ["3979118504", "U-77"]


def test_an_ed25519_key_is_also_read_from_a_jwk() -> None:
    raw = _OWN_ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}
    only = parse_trust_object({"keys": [{"jwk": jwk, "issuer": DID, "formats": ["divoc"]}]})
    assert only.rejected == ()
    assert judged(signed(usual(), _OWN_ED), only).outcome is Outcome.VALID


def test_hcert_still_knows_no_eddsa(issuer: Any, noon: datetime) -> None:
    header = cbor2.dumps({1: -8, 4: b"kid-one!"})
    payload = issuer.payload()
    signature = _OWN_ED.sign(cbor2.dumps(["Signature1", header, b"", payload]))
    text = issuer.text(protected=header, payload=payload, signature=signature)
    trusted = issuer.trust({**issuer.entry(), "spki": entry(_OWN_ED)["spki"]})
    assert judge(text, trusted, now=noon).reasons == ("signature.alg_unsupported",)


# --- values dealt out anew: the signature holds ---------------------------------------------------------

# The objects of a document by the place of their terms in the context file.
_PLACES: dict[str, tuple[tuple[str, ...], Callable[[Document], Document]]] = {
    "subject": (("Person",), lambda d: d["credentialSubject"]),
    "evidence": (("Vaccination",), lambda d: d["evidence"][0]),
    "address": (("Person", "address"), lambda d: d["credentialSubject"]["address"]),
    "verifier": (("Vaccination", "verifier"), lambda d: d["evidence"][0]["verifier"]),
    "facility": (("Vaccination", "facility"), lambda d: d["evidence"][0]["facility"]),
}


def terms_of(version: int, way: tuple[str, ...]) -> dict[str, str]:
    """The terms a context maps at a place, read from the context itself."""
    found: Any = contexts.load(V1 if version == 1 else V2)["@context"]
    for step in way:
        found = found[step]["@context"]
    return {
        term: mapped if isinstance(mapped, str) else mapped["@id"]
        for term, mapped in found.items()
        if not term.startswith("@")
    }


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", _PLACES)
def test_the_table_of_the_shape_allows_only_what_the_context_maps(version: int, name: str) -> None:
    mapped, node = terms_of(version, _PLACES[name][0]), shape.NODES[name]
    terms = {**node.terms, **(node.later if version == 2 else {})}
    assert terms.items() <= mapped.items()
    assert node.parts.keys() <= mapped.keys()
    if version == 1:  # what only the second version maps would be dropped before hashing
        assert not node.later.keys() & mapped.keys()


def pairs(version: int, shared: bool) -> Iterator[tuple[str, str, str]]:
    for name, (way, _) in _PLACES.items():
        node, mapped = shape.NODES[name], terms_of(version, way)
        terms = [*node.terms, *(node.later if version == 2 else ())]
        for one, other in itertools.combinations(terms, 2):
            if (mapped[one] == mapped[other]) is shared:
                yield name, one, other


def swapped(version: int, name: str, one: str, other: str) -> Document:
    document = copy.deepcopy(GOOD[version])
    place = _PLACES[name][1](document)
    place[one], place[other] = place.get(other), place.get(one)
    return document


def readable(verdict: Verdict) -> Document:
    """The claims without the document itself, in which a swap of equal days still shows."""
    assert verdict.claims is not None
    return {name: value for name, value in verdict.claims.items() if name != "divoc"}


SHARED = [(version, *pair) for version in (1, 2) for pair in pairs(version, shared=True)]


@pytest.mark.parametrize(("version", "name", "one", "other"), SHARED)
def test_a_swap_the_signature_does_not_see_changes_nothing_or_is_not_valid(
    version: int, name: str, one: str, other: str
) -> None:
    verdict = judged(swapped(version, name, one, other))
    assert verdict.status(Stage.SIGNATURE) is Status.PASS
    meaningless = (one, other) in meaning.TWINS or {one, other} == {"date", "effectiveStart"}  # one day
    if meaningless:
        assert readable(verdict) == readable(judged(GOOD[version]))
    else:
        assert verdict.outcome is not Outcome.VALID
        assert set(verdict.reasons) & {meaning.SWAPPED, meaning.AMBIGUOUS}


def test_the_swaps_the_notes_name_are_among_them() -> None:
    named = [
        ("dose", "totalDoses"),
        ("vaccine", "manufacturer"),
        ("batch", "vaccine"),
        ("date", "effectiveUntil"),
    ]
    for pair in named:
        assert (1, "evidence", *pair) in SHARED
        assert meaning.SWAPPED in judged(swapped(1, "evidence", *pair)).reasons


def test_every_other_swap_breaks_the_signature_or_the_shape() -> None:
    others = list(pairs(1, shared=False))
    assert len(others) > 80
    for name, one, other in others:
        place = _PLACES[name][1](GOOD[1])
        if place.get(one) == place.get(other):
            continue
        reason = refused(swapped(1, name, one, other))
        assert reason == "signature.bad" or reason.startswith("schema.divoc."), (one, other, reason)


@pytest.mark.parametrize("shown_under", [1, 2])
@pytest.mark.parametrize("version", [1, 2])
def test_of_all_dealings_of_the_signed_values_one_meaning_passes(version: int, shown_under: int) -> None:
    """Exhaustive: each member takes each value, or nothing, so that all values are still there."""
    original = usual(version)
    honest = original["evidence"][0]
    expected = claims.present(original, None, "LK")["vaccinations"]
    passed = dealt_out = 0
    for members in (("certificateId", "batch", "vaccine", "manufacturer", "icd11Code"),
                    ("date", "effectiveStart", "effectiveUntil"), ("dose", "totalDoses")):  # fmt: skip
        values = {honest[member] for member in members if member in honest}
        for deal in itertools.product([None, *values], repeat=len(members)):
            document = copy.deepcopy(original)
            document["@context"][1] = V1 if shown_under == 1 else V2
            place = document["evidence"][0]
            place |= dict(zip(members, deal, strict=True))
            for member in members:
                if place[member] is None:
                    del place[member]
            if not values <= set(deal) or shape.check(document):
                continue
            assert shape.statements(document) == shape.statements(original)  # the signature would hold
            dealt_out += 1
            if meaning.check(document).status is Status.PASS:
                passed += 1
                assert claims.present(document, None, "LK")["vaccinations"] == expected
    assert dealt_out > (20 if version == 1 else 40) or shown_under < version
    assert passed or shown_under < version  # the second version's members cannot be shown under the first


_IDS = ("certificateId", "batch", "vaccine", "manufacturer", "icd11Code")
_SPELLINGS: dict[str, list[Any]] = {
    "certificateId": ["819152878", 819152878, "", "19152878"],
    "batch": [
        "4120Z025",
        "",
        None,
        "ALPHA",
        "COVISHIELD - 7",
        "878",
        "Serum Institute of India",
        "Moderna",
        7,
    ],
    "vaccine": ["COVISHIELD", "Pfizer", "Pfizer-BioNTech", "Comirnaty", "CoVax", "Sinovac"],
    "manufacturer": [
        "Serum Institute of India",
        "",
        None,
        "Lab Nine",
        "Lab 9",
        "Pfizer",
        "COVISHIELD",
        "Sinovac Ltd",
    ],
    "icd11Code": ["XM97T2", "", None, "RA01"],
}


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({member: st.sampled_from(values) for member, values in _SPELLINGS.items()}))
def test_whatever_an_issuer_signed_at_most_one_meaning_of_it_passes(honest: dict[str, Any]) -> None:
    """The holder of any certificate, dealing its values out in every way, gets one set of claims at most."""
    document = usual(2)
    evidence = document["evidence"][0]
    values = {(type(value), value) for value in honest.values() if value is not None}
    seen = set()
    for deal in itertools.product([(type(None), None), *values], repeat=len(_IDS)):
        if not values <= set(deal):
            continue
        evidence |= {member: value for member, (_, value) in zip(_IDS, deal, strict=True)}
        if not isinstance(evidence["vaccine"], str) or shape.check(document):
            continue
        if meaning.check(document).status is Status.PASS:
            (dose,) = claims.present(document, None, "LK")["vaccinations"]
            maker = dose.get("manufacturer")
            seen.add((dose["product"], dose.get("lot"), dose["id"], dose.get("vaccine_source"),
                      None if maker is None else makers.maker_of(maker) or maker))  # fmt: skip
    assert len(seen) <= 1


_DAYS = ["2021-07-15", "2021-07-15T05:30:00Z", "2021-07-16", "2022-07-15", "", None, "soon"]
_COUNTS = [1, 2, "1", "2", 3, "", None, 0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(_DAYS), min_size=3, max_size=3),
    st.lists(st.sampled_from(_COUNTS), min_size=2, max_size=2),
)
def test_whatever_dates_and_counts_were_signed_at_most_one_meaning_passes(dates: Any, counts: Any) -> None:
    document = usual()
    evidence = document["evidence"][0]
    days, numbers = set(dates) - {None}, set(counts) - {None}
    seen = set()
    for dealt_days in itertools.product([None, *days], repeat=3):
        for dealt_numbers in itertools.product([None, *numbers], repeat=2):
            if not (days <= set(dealt_days) and numbers <= set(dealt_numbers)):
                continue
            evidence |= dict(zip(("date", "effectiveStart", "effectiveUntil"), dealt_days, strict=True))
            evidence |= dict(zip(("dose", "totalDoses"), dealt_numbers, strict=True))
            if not shape.check(document) and meaning.check(document).status is Status.PASS:
                (dose,) = claims.present(document, None, "LK")["vaccinations"]
                seen.add((dose["date"], dose.get("effective_until"), dose["dose"], dose["doses_total"]))
    assert len(seen) <= 1


def test_a_certificate_shown_under_the_other_context_version_still_means_the_same() -> None:
    document = copy.deepcopy(GOOD[1])
    document["@context"][1] = V2
    verdict = judged(document)
    assert verdict.outcome is Outcome.VALID
    assert readable(verdict) == readable(judged(GOOD[1]))


def test_a_total_that_equals_the_dose_needs_a_person_unless_one_dose_completes() -> None:
    for vaccine, outcome in (("COVISHIELD", Outcome.UNDETERMINED), ("Janssen", Outcome.VALID)):
        document = usual()
        document["evidence"][0] |= {"dose": 1, "totalDoses": 1, "vaccine": vaccine}
        assert judged(signed(document)).outcome is outcome
        del document["evidence"][0]["totalDoses"]  # an issuer that does not tell: anybody could add it
        assert judged(signed(document)).outcome is Outcome.UNDETERMINED


@pytest.mark.parametrize(
    "change",
    [
        {"vaccine": "CoVax"},
        {"batch": "819152878"},
        {"manufacturer": "Moderna", "vaccine": "Pfizer"},
        {"manufacturer": "Nobody Knows", "batch": "ALPHA"},
        {"effectiveStart": "2020-12-15", "effectiveUntil": "2021-01-15"},  # the template dates of Sri Lanka
        {"certificateId": None},
        {"date": "20210715"},
        {"dose": "", "totalDoses": ""},
        {"dose": 0},
        {"dose": 3},
    ],
)
def test_an_issuer_that_signs_odd_values_is_never_simply_valid(change: Document) -> None:
    document = usual()
    document["evidence"][0] |= change
    verdict = judged(signed(document))
    assert verdict.status(Stage.SIGNATURE) is Status.PASS
    assert verdict.outcome is not Outcome.VALID


@pytest.mark.parametrize(
    "change",
    [
        {"manufacturer": "Lab Nine"},  # unknown, and the lot has a digit
        {"manufacturer": "AstraZeneca"},  # also the name of another product
        {"manufacturer": "COVISHIELD"},  # Sri Lanka writes the vaccine there
        {"manufacturer": "", "batch": ""},
        {"effectiveStart": "", "effectiveUntil": ""},
        {"effectiveStart": None, "effectiveUntil": None},
        {"dose": "1", "totalDoses": "2"},
        {"effectiveUntil": "2021-07-15"},  # India writes the day of the dose
    ],
)
def test_what_issuers_write_in_other_ways_stays_valid(change: Document) -> None:
    document = usual()
    document["evidence"][0] |= change
    assert judged(signed(document)).outcome is Outcome.VALID


# --- what the signature does not cover ------------------------------------------------------------------


@pytest.mark.parametrize("path", ["credentialSubject", "evidence/0"])
@pytest.mark.parametrize("identity", ["962433308V", "", "did:Aadhaar Card:1234"])
def test_what_hangs_on_a_relative_iri_is_not_signed_and_never_valid(path: str, identity: str) -> None:
    document = usual()
    place = document["credentialSubject"] if path == "credentialSubject" else document["evidence"][0]
    place["id"] = identity
    forged = signed(document)
    forged["credentialSubject"]["name"] = "Somebody Else" if path == "credentialSubject" else "An Perera"
    verdict = judged(forged)
    assert verdict.status(Stage.SIGNATURE) is Status.PASS
    assert (verdict.outcome, verdict.claims) == (Outcome.UNDETERMINED, None)
    assert meaning.UNSIGNED in verdict.reasons


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("credentialSubject/dob", "1990-04-05"),
        ("evidence/0/icd11Code", "XM97T2"),
        ("evidence/0/prophylaxis", "COVID-19"),
        ("extra", 1),
        ("id", "https://health.example/1"),
        ("expirationDate", "2030-01-01T00:00:00Z"),
        ("credentialSubject/extra", 1),
        ("credentialSubject/address/extra", "x"),
        ("evidence/0/extra", None),
        ("evidence/0/verifier/extra", "x"),
        ("evidence/0/verifier/id", "https://health.example/v"),
        ("evidence/0/facility/extra", "x"),
        ("evidence/0/facility/address/extra", "x"),
        ("credentialSubject/https://schema.org/name", "x"),
        ("credentialSubject/schema:name", "x"),
    ],
)
def test_a_member_no_context_maps_is_refused_before_any_signature(path: str, value: Any) -> None:
    document = copy.deepcopy(GOOD[1])
    *way, last = ["credentialSubject", path.partition("/")[2]] if "schema" in path else path.split("/")
    place: Any = document
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[last] = value
    assert refused(document) == "schema.divoc.member"


_KEYWORDS = "id type graph reverse nest included context value list set index language base vocab json import"


@pytest.mark.parametrize("word", [f"@{word}" for word in _KEYWORDS.split()])
@pytest.mark.parametrize("path", ["", "credentialSubject/", "evidence/0/", "evidence/0/facility/address/"])
def test_no_keyword_of_json_ld_gets_in(word: str, path: str) -> None:
    if path + word == "@context":
        return
    for value in ("x", {}, []):
        assert refused(changed(path + word, value)) == "schema.divoc.member"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("evidence/0/dose", [1, 2], "schema.divoc.scalar"),
        ("evidence/0/dose", 1.0, "schema.divoc.scalar"),
        ("evidence/0/dose", True, "schema.divoc.scalar"),
        ("evidence/0/vaccine", ["COVISHIELD"], "schema.divoc.scalar"),
        ("evidence/0/vaccine", {"@value": "COVISHIELD"}, "schema.divoc.scalar"),
        ("credentialSubject/name", ["An Perera"], "schema.divoc.scalar"),
        ("credentialSubject/name", 5, "schema.divoc.scalar"),
        ("credentialSubject/age", 10**20, "schema.divoc.scalar"),
        ("credentialSubject/age", 10**400, "decode.divoc_json"),
        ("credentialSubject/name", "x" * 5_000, "schema.divoc.text"),
        ("credentialSubject/name", "\ud800", "decode.divoc_json"),
        ("credentialSubject/name", "", "schema.divoc.missing"),
        ("credentialSubject", [usual()["credentialSubject"]], "schema.divoc.object"),
        ("credentialSubject", "did:Passport:N1234567", "schema.divoc.object"),
        ("evidence", [], "schema.divoc.evidence"),
        ("evidence", usual()["evidence"] * 2, "schema.divoc.evidence"),
        ("evidence", usual()["evidence"][0], "schema.divoc.evidence"),
        ("evidence/0/verifier", "Nurse One", "schema.divoc.object"),
        ("evidence/0/facility", [[]], "schema.divoc.object"),
        ("evidence/0/id", "did:Passport:N1234567", "schema.divoc.iri"),
        ("evidence/0/id", "_:b0", "schema.divoc.iri"),
        ("evidence/0/id", "@graph", "schema.divoc.iri"),
        ("evidence/0/id", "https://a> <b:c> <d:e> .\n<https://f", "schema.divoc.iri"),
        ("evidence/0/id", "https://health.example/vaccine/819152878\n", "schema.divoc.iri"),
        ("evidence/0/id", "vac:819152878", "schema.divoc.iri"),
        ("issuer", {"id": "https://health.example/"}, "schema.divoc.iri"),
        ("type", ["VerifiableCredential"], "schema.divoc.type"),
        ("type", [["VerifiableCredential"], "ProofOfVaccinationCredential"], "schema.divoc.type"),
        ("credentialSubject/type", "Vaccination", "schema.divoc.type"),
        ("@context", V1, "schema.divoc.context"),
        ("@context", [contexts.CREDENTIALS], "schema.divoc.context"),
        ("@context", [V1, contexts.CREDENTIALS], "schema.divoc.context"),
        ("@context", [contexts.CREDENTIALS, V1, V2], "schema.divoc.context"),
        ("@context", [contexts.CREDENTIALS, {"dose": "schema:doseValue"}], "schema.divoc.context"),
        ("@context", [contexts.CREDENTIALS, contexts.SECURITY], "schema.divoc.context"),
        ("@context", {"@vocab": "https://schema.org/"}, "schema.divoc.context"),
        ("@context", None, "schema.divoc.context"),
    ],
)
def test_whatever_is_not_of_the_shape_is_refused(path: str, value: Any, reason: str) -> None:
    assert refused(changed(path, value)) == reason


@pytest.mark.parametrize(
    "address", ["https://evil.example/c", "file:///etc/passwd", "http://169.254.169.254/", "x"]
)
def test_an_unknown_context_asks_a_person_and_is_never_fetched(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", never)
    monkeypatch.setattr(socket, "create_connection", never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    verdict = judged(changed("@context", [contexts.CREDENTIALS, address]))
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNDETERMINED, ("format.unknown_context",))
    with pytest.raises(proof.CanonicalError):
        proof.canonical({"@context": address, "id": "did:a:b"})


# --- the proof ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("credentialSubject/name", "An Pereira"),
        ("evidence/0/dose", 2),
        ("nonTransferable", "false"),
        ("issuer", "https://other.example/"),
        ("issuanceDate", "2021-09-25T16:25:43.497Z"),
        ("proof/created", "2021-09-25T16:25:43Z"),
    ],
)
def test_a_changed_value_breaks_the_signature(path: str, value: Any) -> None:
    assert refused(changed(path, value)) == "signature.bad"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none", "b64": False, "crit": ["b64"]}, "signature.alg_unsupported"),
        ({"alg": "HS256", "b64": False, "crit": ["b64"]}, "signature.alg_unsupported"),
        ({"alg": "RS256", "b64": False, "crit": ["b64"]}, "signature.alg_unsupported"),
        ({"alg": ["PS256"], "b64": False, "crit": ["b64"]}, "signature.alg_unsupported"),
        ({"alg": "EdDSA", "b64": False, "crit": ["b64"]}, "signature.alg_mismatch"),
        ({"alg": "PS256", "b64": True, "crit": ["b64"]}, "decode.jws"),
        ({"alg": "PS256", "b64": 0, "crit": ["b64"]}, "decode.jws"),
        ({"alg": "PS256", "b64": False}, "decode.jws"),
        ({"alg": "PS256", "crit": ["b64"]}, "decode.jws"),
        ({"alg": "PS256", "b64": False, "crit": ["b64", "exp"]}, "decode.jws"),
        ({"alg": "PS256", "b64": False, "crit": ["b64"], "jwk": {}}, "decode.jws"),
        (["PS256"], "decode.jws"),
    ],
)
def test_only_the_one_header_is_taken(header: Any, reason: str) -> None:
    assert refused(signed(usual(), header=header)) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "Ed25519Signature2018"}, "signature.alg_mismatch"),
        ({"type": "RsaSignature2017"}, "decode.divoc_proof"),
        ({"proofPurpose": "authentication"}, "decode.divoc_proof"),
        ({"created": "yesterday"}, "decode.divoc_proof"),
        ({"verificationMethod": "did:example:other"}, "trust.unknown_kid"),
        ({"verificationMethod": "example"}, "decode.divoc_proof"),
        ({"verificationMethod": "did:example:moh\n"}, "decode.divoc_proof"),
        ({"verificationMethod": ["did:example:moh"]}, "decode.divoc_proof"),
        ({"nonce": "1"}, "decode.divoc_proof"),
        ({"@context": V1}, "decode.divoc_proof"),
        ({"jws": "a.b.c"}, "decode.jws"),
        ({"jws": ".."}, "decode.jws"),
        ({"jws": "!!..!!"}, "decode.jws"),
    ],
)
def test_a_proof_of_another_kind_is_refused(changes: Document, reason: str) -> None:
    document = copy.deepcopy(GOOD[1])
    document["proof"] |= changes
    assert refused(document) == reason


def test_a_fragment_names_a_key_of_the_same_issuer() -> None:
    assert judged(signed(usual(), verificationMethod=f"{DID}#key-1")).outcome is Outcome.VALID


@pytest.mark.parametrize(
    "key", [_OWN_RSA, _OWN_ED, ec.generate_private_key(ec.SECP256R1())], ids=["R", "Ed", "EC"]
)
@pytest.mark.parametrize("used", [_OWN_RSA, _OWN_ED], ids=["by R", "by Ed"])
def test_a_proof_by_a_key_of_another_type_is_a_clean_refusal(key: Any, used: Any) -> None:
    verdict = judged(signed(usual(), used), trust(entry(key)))
    if key is used:
        assert verdict.outcome is Outcome.VALID
    else:
        assert (verdict.outcome, verdict.reasons) == (Outcome.INVALID, ("signature.alg_mismatch",))


def test_another_rsa_key_under_the_same_name_is_refused() -> None:
    other = rsa.generate_private_key(65537, 2048)
    assert refused(signed(usual(), other)) == "signature.bad"


def test_a_member_that_stands_twice_is_refused() -> None:
    text = json.dumps(GOOD[1]).replace('"dose": 1', '"dose": 2, "dose": 1')
    assert judge(text, TRUST, now=NOW).reasons == ("decode.divoc_json",)


def test_a_dose_of_the_future_is_not_valid_yet() -> None:
    document = usual()
    document["evidence"][0] |= {
        "date": "2022-01-17",
        "effectiveStart": "2022-01-17",
        "effectiveUntil": "2023-01-17",
    }
    assert refused(signed(document)) == "time.not_yet"


def test_an_unreadable_issuance_never_passes() -> None:
    document = usual()
    document["issuanceDate"] = "2021-02-30T00:00:00Z"
    assert refused(signed(document)) == "time.iat_unreadable"


# --- time and memory ------------------------------------------------------------------------------------


def clique() -> Document:
    """Nodes that all name each other: nothing tells them apart, so every order is tried."""
    names = [f"_:{index}" for index in range(9)]
    nodes = [{"id": name, "evidence": [{"id": other} for other in names if other != name]} for name in names]
    return {"@context": [contexts.CREDENTIALS, V1], "type": usual()["type"], "credentialSubject": {},
            "evidence": nodes, "proof": GOOD[1]["proof"]}  # fmt: skip


def test_a_clique_of_blank_nodes_is_refused_without_canonicalising(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> str:
        raise AssertionError("a hostile graph was canonicalised")

    text = json.dumps(clique())
    monkeypatch.setattr(proof, "canonical", never)
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        verdict = judge(text, TRUST, now=NOW)
        spent.append(time.perf_counter() - start)
    assert verdict.outcome is Outcome.INVALID
    assert "schema.divoc.evidence" in verdict.reasons
    assert min(spent) < 0.050


def test_several_threads_at_once_come_to_the_same_verdict() -> None:
    texts = [json.dumps(GOOD[1 + index % 2]) for index in range(24)]
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda text: judge(text, TRUST, now=NOW).outcome, texts))
    assert set(outcomes) == {Outcome.VALID}


@pytest.mark.parametrize("version", [1, 2])
def test_whatever_passes_the_shape_has_five_blank_nodes_at_most(version: int) -> None:
    full, bare = usual(version), usual(version)
    del bare["evidence"][0]["facility"], bare["evidence"][0]["verifier"], bare["credentialSubject"]["address"]
    for document, nodes in ((full, 5), (bare, 1)):
        assert shape.check(document) == ()
        canonical = proof.canonical(document)
        assert len({word for word in canonical.split() if word.startswith("_:c14n")}) == nodes
        assert shape.is_covered(document, canonical)


# --- the archive ----------------------------------------------------------------------------------------


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, edit: Any = None) -> str:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as out:
        for name, content in members:
            out.writestr(name, content)
    data = bytearray(sink.getvalue())
    if edit is not None:
        edit(data)
    return "B64:" + base64.b64encode(data).decode()


NAME = "certificate.json"
BODY = json.dumps(GOOD[1]).encode()


def put(offset: int, form: str, value: int, *, local: bool = False) -> Any:
    """Writes `value` into the directory entry, or into the local header."""
    return lambda data: struct.pack_into(
        form, data, (0 if local else data.rfind(b"PK\x01\x02")) + offset, value
    )


def test_the_archive_of_our_own_is_read() -> None:
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        assert judge(archive((NAME, BODY), method=method), TRUST, now=NOW).outcome is Outcome.VALID


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (archive((NAME, bytes(40_000_000))), "decode.zip_too_large"),
        (archive((NAME, bytes(40_000_000)), edit=put(24, "<I", 100)), "decode.zip"),
        (archive((NAME, BODY), edit=put(24, "<I", 60_000)), "decode.zip"),
        (archive((NAME, BODY), edit=put(24, "<I", 0xFFFFFFFF)), "decode.zip_too_large"),
        (archive((NAME, BODY), edit=put(16, "<I", 1)), "decode.zip"),
        (archive((NAME, BODY), edit=put(8, "<H", 1)), "decode.zip_encrypted"),
        (archive((NAME, BODY), edit=put(10, "<H", 99)), "decode.zip_method"),
        (archive((NAME, BODY), edit=put(42, "<I", 7)), "decode.zip_members"),
        (archive((NAME, BODY), edit=put(42, "<I", 0xFFFFFF)), "decode.zip_members"),
        (archive((NAME, BODY), method=zipfile.ZIP_BZIP2), "decode.zip_method"),
        (archive((NAME, BODY), method=zipfile.ZIP_LZMA), "decode.zip_method"),
        (archive((NAME, BODY), ("more", b"")), "decode.zip_members"),
        (archive(*((f"{i}", b"") for i in range(700))), "decode.zip_members"),
        (archive(("../" + NAME, BODY)), "decode.zip_name"),
        (archive((NAME, BODY), edit=put(46 + len(NAME) - 1, "<B", 0)), "decode.zip_name"),
        (archive(("x" * 40_000, BODY)), "decode.zip_name"),
        (archive(("inner.zip", archive((NAME, BODY)).encode())), "decode.zip_name"),
        (archive((NAME, base64.b64decode(archive((NAME, BODY))[4:]))), "decode.divoc_json"),
        (archive((NAME, b"[" * 60_000)), "decode.divoc_json"),
        (archive((NAME, b"1" * 60_000)), "decode.divoc_json"),
        (archive((NAME, b"NaN")), "decode.divoc_json"),
        (archive((NAME, b"[]")), "decode.divoc_json"),
        (archive((NAME, b"{}")), "decode.divoc_proof"),
        (archive((NAME, b"\xff\xfe")), "decode.divoc_json"),
        ("B64:", "decode.zip"),
        ("B64:!!!!", "decode.base64"),
        ("B64:\u1ea1", "decode.base64"),
        ("B64:UEsFBg==", "decode.zip"),
        ("B64:UEsDBBQACAAI", "decode.zip"),
        ("PK\x03\x04", "decode.zip"),
        ("PK\x03\x04\u1ea1", "decode.divoc_bytes"),
    ],
)
def test_an_archive_that_is_not_ours_is_refused_in_bounded_time(text: str, reason: str) -> None:
    start = time.perf_counter()
    verdict = judge(text, TRUST, now=NOW)
    assert time.perf_counter() - start < 1
    assert (verdict.outcome, verdict.reasons, verdict.format) == (Outcome.INVALID, (reason,), "divoc")


def test_sizes_of_64_bits_are_not_ours() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as out, out.open(NAME, "w", force_zip64=True) as member:
        member.write(BODY)
    verdict = judge("B64:" + base64.b64encode(sink.getvalue()).decode(), TRUST, now=NOW)
    assert verdict.outcome is not Outcome.UNDETERMINED  # the directory alone decides which sizes count


# --- anything at all ------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PATHS: list[tuple[str | int, ...]] = [
    (),
    ("credentialSubject",),
    ("credentialSubject", "address"),
    ("evidence", 0),
    ("evidence", 0, "facility"),
    ("proof",),
]


def _answers(text: str) -> None:
    verdict = judge(text, TRUST, now=NOW)
    assert "internal.error" not in verdict.reasons
    if verdict.status(Stage.SIGNATURE) is not Status.PASS:
        assert verdict.outcome is not Outcome.VALID
        assert verdict.claims is None


@settings(max_examples=100, deadline=None)
@given(_JSON, st.binary(max_size=200))
def test_any_json_and_any_bytes_give_a_verdict(value: Any, data: bytes) -> None:
    _answers("B64:" + base64.b64encode(data).decode())
    _answers("PK\x03\x04" + data.decode("latin-1"))
    _answers(archive((NAME, data)))
    _answers(archive((NAME, json.dumps(value).encode("utf-8", "replace"))))
    _answers(
        json.dumps({"credentialSubject": value, "proof": GOOD[1]["proof"], "@context": usual()["@context"]})
    )


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(_PATHS), st.data(), _JSON)
def test_any_change_of_a_good_certificate_is_seen(
    path: tuple[Any, ...], data: st.DataObject, value: Any
) -> None:
    document = copy.deepcopy(GOOD[1])
    place: Any = document
    for step in path:
        place = place[step]
    member = data.draw(st.sampled_from(sorted(place)) | st.text(max_size=6))
    place[member] = value
    text = json.dumps(document)
    _answers(text)
    verdict = judge(text, TRUST, now=NOW)
    if verdict.outcome is Outcome.VALID:  # only a value that says the same
        assert readable(verdict) == readable(judged(GOOD[1]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1_500), st.binary(min_size=1, max_size=8))
def test_any_splice_of_the_archive_gives_a_verdict(start: int, data: bytes) -> None:
    whole = base64.b64decode(archive((NAME, BODY))[4:])
    _answers("B64:" + base64.b64encode(whole[:start] + data + whole[start + len(data) :]).decode())


@pytest.mark.req("K16")
def test_no_repr_tells_whose_certificate_it_is() -> None:
    text = json.dumps(signed(usual(2)))
    verdict, decoded = judged(json.loads(text)), decode(text)
    assert verdict.claims is not None
    assert "Perera" in str(dict(verdict.claims))
    for shown in (repr(verdict), str(decoded), repr(decoded.envelope), f"{verdict}"):
        assert "Perera" not in shown
        assert "1990-04-05" not in shown


@pytest.mark.parametrize("wrong", [{"not_after": "2021-12-31T00:00:00Z"}, {"usage": ["t"]}])
@pytest.mark.parametrize("order", [1, -1])
def test_of_two_listings_of_a_key_the_fitting_one_counts_in_any_order(
    wrong: dict[str, Any], order: int
) -> None:
    listed = [entry(_OWN_RSA, **wrong), entry(_OWN_RSA)][::order]
    assert judged(signed(usual()), trust(*listed)).outcome is Outcome.VALID
    assert judged(signed(usual()), trust(entry(_OWN_RSA, **wrong))).outcome is Outcome.INVALID
