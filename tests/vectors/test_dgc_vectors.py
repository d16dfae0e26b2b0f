"""Every official EU DCC vector, every flag.

The flags are judged on the verdict of the whole chain. Where a vector expects an early refusal and still
flags a later step, that step is asked directly.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from healthcert import Stage, Status, Verdict, decode, judge
from healthcert.formats.dcc import groups
from healthcert.formats.eu_dcc import check_content, check_time, check_usage
from healthcert.policy import DEFAULT_POLICY
from healthcert.times import parse_instant
from healthcert.transport import base45, cwt
from healthcert.trust import StaticTrust, parse_trust_object

ROOT = Path(__file__).resolve().parents[2]
DGC = Path(os.environ.get("CONG_XANH_TESTDATA", ROOT.parent / "shared" / "testdata")) / "dgc"
SAMPLE = Path(__file__).parent / "sample"
OFFICIAL_COUNT = 438
COMMON_COUNT = 38

FLAG_STAGE = {
    "UNPREFIX": Stage.PREFIX,
    "B45DECODE": Stage.BASE45,
    "COMPRESSION": Stage.ZLIB,
    "VERIFY": Stage.SIGNATURE,
    "KEYUSAGE": Stage.KEY_USAGE,
    "EXPIRATIONCHECK": Stage.TIME,
    "SCHEMAVALIDATION": Stage.SCHEMA,
}
JSON_FLAGS = ("DECODE", "VALIDJSON")

# Faults of the vectors themselves, the only disagreements allowed: (path start, flag) -> reason.
FAULTS_OF_THE_VECTORS = {
    (
        "NL/",
        "SCHEMAVALIDATION",
    ): "written as 1.0.0 and judged by a later schema: partial dob, empty codes (issue 107)",
    ("HU/3", "SCHEMAVALIDATION"): "test centre longer than the 80 characters of the schema (issue 340)",
    ("IS/3", "KEYUSAGE"): "only a foreign OID in the key usage: hcert-spec A.4 says unrestricted",
    ("PL/1.3.0/1", "DECODE"): "the JSON was edited by hand: another name than in the CBOR",
    ("PL/1.3.0/1", "VALIDJSON"): "the JSON was edited by hand: another name than in the CBOR",
    ("PL/1.3.0/5", "DECODE"): "the JSON was edited by hand: another name than in the CBOR",
    ("PL/1.3.0/5", "VALIDJSON"): "the JSON was edited by hand: another name than in the CBOR",
}


def _names(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.json") if "2DCode" in path.parts)


VECTORS = _names(DGC) if DGC.is_dir() else []
if not VECTORS:
    PARAMS: list[Any] = [
        pytest.param(
            None, marks=pytest.mark.skip(reason=f"shared test data is absent ({OFFICIAL_COUNT} vectors)")
        )
    ]
else:
    PARAMS = [pytest.param(path, id=str(path.relative_to(DGC))) for path in VECTORS]


def _short(path: Path) -> str:
    return path.relative_to(DGC).as_posix().replace("/2DCode/raw", "").removesuffix(".json")


def _trust(vector: dict[str, Any]) -> StaticTrust:
    return parse_trust_object({"keys": [{"x5c": [vector["TESTCTX"]["CERTIFICATE"]], "formats": ["eu-dcc"]}]})


def _directly(vector: dict[str, Any], stage: Stage) -> Status:
    """How `stage` would have ended behind a signature that did not hold."""
    envelope = decode(vector["PREFIX"]).envelope
    assert envelope is not None
    claims = cwt.parse(envelope.unverified_payload)
    (signer,) = _trust(vector).signers("eu-dcc", b"")
    now = parse_instant(vector["TESTCTX"]["VALIDATIONCLOCK"]).timestamp()
    return {
        Stage.KEY_USAGE: lambda: check_usage(groups(claims.dcc), signer),
        Stage.TIME: lambda: check_time(claims, signer, DEFAULT_POLICY, now),
        Stage.SCHEMA: lambda: check_content(claims, DEFAULT_POLICY),
    }[stage]().status


def _flags(vector: dict[str, Any], verdict: Verdict) -> Iterator[tuple[str, bool]]:
    """(flag, agreed) of every flag this room answers for."""
    expected = vector["EXPECTEDRESULTS"]
    for flag, stage in FLAG_STAGE.items():
        wanted = expected.get(f"EXPECTED{flag}")
        if wanted is None:
            continue
        status = verdict.status(stage)
        if status is Status.NOT_RUN:
            broken = any(verdict.status(s) is Status.FAIL for s in list(Stage)[: list(Stage).index(stage)])
            if not wanted and broken:
                status = Status.FAIL  # refused before it came to this step
            else:
                status = _directly(vector, stage)
        yield flag, (status is Status.PASS) == wanted
    for flag in JSON_FLAGS:
        wanted = expected.get(f"EXPECTED{flag}")
        if wanted is None:
            continue
        if verdict.claims is not None:
            content = verdict.claims["dcc"]
        else:
            try:
                envelope = decode(vector["PREFIX"]).envelope
                content = cwt.parse(envelope.unverified_payload).dcc if envelope else None
            except Exception:
                content = None
        yield flag, (content == vector.get("JSON")) == wanted
    if expected.get("EXPECTEDENCODE") and vector.get("COMPRESSED"):
        yield "ENCODE", base45.encode(bytes.fromhex(vector["COMPRESSED"])) == vector["BASE45"]


@cache
def _judged(path: Path) -> tuple[Verdict, tuple[tuple[str, bool], ...]]:
    vector = json.loads(path.read_text("utf-8"))
    verdict = judge(vector["PREFIX"], _trust(vector), now=parse_instant(vector["TESTCTX"]["VALIDATIONCLOCK"]))
    return verdict, tuple(_flags(vector, verdict))


def _excused(name: str, flag: str) -> bool:
    return any(
        flag == excused and (name == start or (start.endswith("/") and name.startswith(start)))
        for start, excused in FAULTS_OF_THE_VECTORS
    )


@pytest.mark.req("K01")
@pytest.mark.req("K16")
@pytest.mark.parametrize("path", PARAMS)
def test_every_flag_of_the_vector_agrees(path: Path) -> None:
    verdict, flags = _judged(path)
    assert "internal.error" not in verdict.reasons
    assert not [flag for flag, agreed in flags if not agreed and not _excused(_short(path), flag)]


@pytest.mark.skipif(not VECTORS, reason="shared test data is absent")
@pytest.mark.req("K01")
def test_no_vector_is_missing_and_no_excuse_is_idle(record_property: Any) -> None:
    assert len(VECTORS) == OFFICIAL_COUNT
    used = set()
    figures: Counter[tuple[str, bool]] = Counter()
    for path in VECTORS:
        for flag, agreed in _judged(path)[1]:
            figures[flag, agreed] += 1
            if not agreed:
                used |= {
                    (start, excused)
                    for start, excused in FAULTS_OF_THE_VECTORS
                    if excused == flag and _short(path).startswith(start)
                }
    for flag in sorted({flag for flag, _ in figures}):
        agreed = figures[flag, True]
        record_property(flag, f"{agreed}/{agreed + figures[flag, False]}")
    assert used == set(FAULTS_OF_THE_VECTORS)


@pytest.mark.skipif(not VECTORS, reason="shared test data is absent")
@pytest.mark.req("K01")
def test_all_common_vectors_agree_without_any_excuse() -> None:
    common = [path for path in VECTORS if _short(path).startswith("common/")]
    assert len(common) == COMMON_COUNT
    assert not [_short(path) for path in common if not all(agreed for _, agreed in _judged(path)[1])]


SAMPLES = {
    "at-1-vaccination": "",
    "at-2": "",
    "at-3": "",
    "co28-double-tag": "",
    "co17-expired": "time.expired",
    "co5-wrong-signature": "signature.bad",
    "co22-unknown-key": "trust.unknown_kid",
    "h2-not-a-certificate": "decode.not_a_certificate",
}


@pytest.mark.req("K01")
@pytest.mark.parametrize(("name", "reason"), SAMPLES.items())
def test_the_sample_in_the_repository_is_judged_right(name: str, reason: str) -> None:
    vector = json.loads((SAMPLE / f"{name}.json").read_text("utf-8"))
    verdict = judge(vector["PREFIX"], _trust(vector), now=parse_instant(vector["TESTCTX"]["VALIDATIONCLOCK"]))
    if reason:
        assert verdict.outcome.value == "invalid"
        assert reason in verdict.reasons
    else:
        assert (verdict.outcome.value, verdict.reasons) == ("valid", ())


@pytest.mark.req("K01")
def test_a_ps256_signature_of_the_sample_holds() -> None:
    vector = json.loads((SAMPLE / "co1-ps256-rsa2048.json").read_text("utf-8"))
    verdict = judge(vector["PREFIX"], _trust(vector), now=parse_instant(vector["TESTCTX"]["VALIDATIONCLOCK"]))
    assert verdict.status(Stage.SIGNATURE) is Status.PASS


def test_the_picture_in_the_sample_is_the_one_of_its_vector() -> None:
    vector = json.loads((SAMPLE / "at-1-vaccination.json").read_text("utf-8"))
    try:
        inside = base64.b64decode(vector["2DCODE"])
    except (KeyError, binascii.Error):
        pytest.fail("the vector carries no picture")
    assert inside.startswith(b"\x89PNG")
    assert (SAMPLE / "at-1-vaccination.png").read_bytes().startswith(b"\x89PNG")
