"""Where fuzzing starts: small good inputs for each door, made here so that nobody's data are in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cbor2

from tests.fuzz.targets import PACKED, RAW, SIGNED

KEPT = Path(__file__).with_name("corpus")


def _dcc(**groups: Any) -> dict[str, Any]:
    name = {"fn": "Nguyễn", "fnt": "NGUYEN", "gn": "An", "gnt": "AN"}
    return {"ver": "1.3.0", "nam": name, "dob": "1990-04-05", **groups}


_VACCINATION = {
    "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2, "sd": 2,
    "dt": "2021-10-01", "co": "VN", "is": "Ministry", "ci": "URN:UVCI:01:VN:1#A",
}  # fmt: skip
_TEST = {"tg": "840539006", "tt": "LP6464-4", "nm": "x", "sc": "2022-01-14T08:00:00Z", "tr": "260415000",
         "tc": "Lab", "co": "VN", "is": "Ministry", "ci": "URN:UVCI:01:VN:2#B"}  # fmt: skip
_RECOVERY = {"tg": "840539006", "fr": "2021-11-01", "df": "2021-12-01", "du": "2022-05-01", "co": "VN",
             "is": "Ministry", "ci": "URN:UVCI:01:VN:3#C"}  # fmt: skip


def _cwt(key: int, certificate: dict[str, Any]) -> bytes:
    return cbor2.dumps({1: "VN", 4: 1_670_000_000, 6: 1_640_000_000, -260: {key: certificate}})


def _coding(code: str) -> dict[str, str]:
    return {"code": code, "system": "urn:x"}


_DDCC = {"hcid": "X1", "name": "An", "birthDate": "1990-04-05", "vaccine": _coding("XM8NQ0"),
         "brand": _coding("EU/1/20/1528"), "date": "2021-07-08", "dose": 2, "total_doses": 2,
         "valid_from": "2021-07-08", "valid_until": "2022-07-08", "country": _coding("VNM")}  # fmt: skip
_DDCC_TEST = {"name": "An", "test": {"pathogen": _coding("840539006"), "type": _coding("LP6464-4"),
              "date": "2022-01-14T08:00:00Z", "result": _coding("260415000")}}  # fmt: skip


def _card(rid: str | None) -> bytes:
    shot = {"resourceType": "Immunization", "status": "completed", "patient": {"reference": "resource:0"},
            "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "208"}]},
            "occurrenceDateTime": "2021-01-01", "lotNumber": "A1"}  # fmt: skip
    name = [{"family": "Nguyen", "given": ["An"]}]
    person = {"resourceType": "Patient", "birthDate": "1990-04-05", "name": name}
    entries = [{"fullUrl": f"resource:{n}", "resource": each} for n, each in enumerate((person, shot))]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    vc: dict[str, Any] = {
        "type": ["https://smarthealth.cards#health-card", "https://smarthealth.cards#covid19"],
        "credentialSubject": {"fhirVersion": "4.0.1", "fhirBundle": bundle},
    }
    if rid:
        vc["rid"] = rid
    body = {"iss": "https://example.org/issuer", "nbf": 1_640_000_000.5, "exp": 1_670_000_000, "vc": vc}
    return json.dumps(body, separators=(",", ":")).encode()


def _seal(kind: str) -> dict[str, Any]:
    person = {"n": "NGUYEN  AN", "dob": "1990-04-05", "sex": "M", "i": "C1234567"}
    shot = {"des": "XM8NQ0", "nam": "Comirnaty", "dis": "RA01.0", "vd": [
        {"dvc": "2021-10-01", "seq": 2, "ctr": "VNM", "adm": "Site", "lot": "A1"}]}  # fmt: skip
    times = {"sc": "2022-01-14T08:00:00Z", "ri": "2022-01-14T12:00:00Z"}
    result = {"tc": "molecular(PCR)", "r": "negative"}
    test = {"sp": {"spn": "Lab", "ctr": "VNM"}, "dat": times, "tr": result}
    message = {"uvci": "U1", "pid": person, **({"ve": [shot]} if kind == "icao.vacc" else test)}
    return {"hdr": {"t": kind, "v": 1, "is": "VNM"}, "msg": message}


def _credential(version: str, more: dict[str, str]) -> dict[str, Any]:
    address = {"district": "North", "addressRegion": "Coast", "addressCountry": "LK"}
    evidence = {
        "id": "https://health.example/vaccine/819152878", "feedbackUrl": "https://health.example/f",
        "infoUrl": "https://health.example/i", "certificateId": "819152878", "type": ["Vaccination"],
        "batch": "4120Z025", "vaccine": "COVISHIELD", "manufacturer": "Serum Institute of India",
        "date": "2021-07-15T05:30:00.000Z", "effectiveStart": "2021-07-15", "effectiveUntil": "2022-07-15",
        "dose": 2, "totalDoses": 2, "verifier": {"name": "Nurse One"},
        "facility": {"name": "Clinic Nine", "address": address},
    }  # fmt: skip
    subject = {"type": "Person", "id": "did:Passport:N1", "refId": "3979", "name": "An Perera",
               "gender": "Female", "nationality": "Sri Lankan", "address": address, **more}  # fmt: skip
    return {
        "@context": ["https://www.w3.org/2018/credentials/v1",
                     f"https://cowin.gov.in/credentials/vaccination/{version}"],
        "type": ["VerifiableCredential", "ProofOfVaccinationCredential"], "credentialSubject": subject,
        "issuer": "https://health.example/", "issuanceDate": "2021-09-24T16:25:43.497Z",
        "evidence": [evidence], "nonTransferable": "true",
    }  # fmt: skip


_LOGIC = [
    {"logic": {"if": [{"var": "a"}, {"+": [1, {"var": "b.0"}]}, False]}, "data": {"a": [1], "b": [2]}},
    {"logic": {"reduce": [{"var": "a"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]},
     "data": {"a": [1, 2]}},
    {"logic": {"not-after": [{"plusTime": ["2021-02-29", 1, "month"]},
                             {"plusTime": [{"var": "n"}, -3, "hour"]}]},
     "data": {"n": "2022-01-15T12:00:00Z"}},
    {"logic": {"and": [{"in": ["x", ["x"]]}, {"!": [{"===": [1, 2]}]}, {">=": [3, 2, 1]}]}, "data": None},
    {"logic": {"extractFromUVCI": [{"var": "u"}, 1]}, "data": {"u": "URN:UVCI:01:VN:1#A"}},
    {"logic": {"before": [{"dccDateOfBirth": [{"var": "d"}]}, {"plusTime": ["2022-01-01", -18, "year"]}]},
     "data": {"d": "1990-04"}},
]  # fmt: skip


def seeds() -> dict[str, list[bytes]]:
    """Inputs by target name."""
    signed = bytes([SIGNED])
    return {
        "eu-dcc": [
            signed + _cwt(1, _dcc(v=[_VACCINATION])),
            signed + _cwt(1, _dcc(t=[_TEST])),
            signed + _cwt(1, _dcc(r=[_RECOVERY])),
            bytes([PACKED])
            + cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x26", {4: b"fuzzing!"}, b"\xa0", bytes(64)])),
            bytes([RAW])
            + b"6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90$PC5$CUZC$$5",
        ],
        "who-ddcc": [
            signed + cbor2.dumps(_DDCC),
            signed + _cwt(1, _DDCC),
            signed + _cwt(3, _DDCC),
            signed + _cwt(4, _DDCC_TEST),
        ],
        "shc": [
            signed + _card(None),
            signed + _card("a1"),
            signed + _card("revoked"),
            bytes([PACKED]) + b'{"alg":"ES256","zip":"DEF","kid":"fuzzing!"}',
            bytes([RAW]) + b"56762909524320603460292437404460312229595326546034602925",
            bytes([RAW]) + b"2/3/5676290952432060346029243740446031222959",
        ],
        "vds-nc": [
            signed + json.dumps(_seal("icao.vacc")).encode(),
            signed + json.dumps(_seal("icao.test")).encode(),
            bytes([RAW]) + b'{"data":{"hdr":{"t":"icao.vacc"},"msg":{}},"sig":{"alg":"ES256","cer":""}}',
        ],
        "divoc": [
            signed + json.dumps(_credential("v1", {"age": "31"})).encode(),
            signed + json.dumps(_credential("v2", {"dob": "1990-04-05"})).encode(),
            bytes([PACKED]) + json.dumps(_credential("v1", {})).encode(),
            bytes([RAW]) + b"B64:UEsDBBQAAAAIAA==",
        ],
        "certlogic": [json.dumps(each).encode() for each in _LOGIC],
    }


def write_seeds(folder: Path) -> None:
    """Seeds and the kept corpus of every target under `folder`, one file each."""
    for name, inputs in seeds().items():
        home = folder / name
        home.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (home / f"seed-{number}").write_bytes(data)
        for kept in sorted((KEPT / name).glob("*")):
            (home / kept.name).write_bytes(kept.read_bytes())
