"""Every verdict has a page of plain words in both languages, and every reason code has words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from healthcert import Outcome, Stage, Status, Verdict, judge
from healthcert.explain import LANGUAGES, as_json, as_lines, explain, explain_reason, words
from healthcert.model import FORMATS, NO_FORMAT
from healthcert.trust import parse_trust_object
from healthcert.verdict import Check

pytestmark = [pytest.mark.req("K16")]
ROOM = Path(__file__).resolve().parents[3] / "healthcert"
NOW = datetime(2022, 1, 1, tzinfo=UTC)
PHASES = (
    "clock decode format holder input internal key policy recognition revocation rule schema signature time"
    " trust undetermined valueset verdict"
)
_CODE = re.compile(rf'"((?:{PHASES.replace(" ", "|")})\.[a-z0-9_.]+)"')


def codes() -> list[str]:
    found = {code for path in ROOM.rglob("*.py") for code in _CODE.findall(path.read_text("utf-8"))}
    return sorted(found)


def test_the_source_names_reason_codes() -> None:
    assert {"signature.bad", "time.expired", "rule.test_positive", "format.citizen_id"} <= set(codes())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_code_of_the_source_has_words_and_advice(language: str) -> None:
    catalogue = words(language)
    for code in codes():
        reason = explain_reason(code, language)
        assert f"reason.{code.partition('.')[0]}" in catalogue, code
        assert reason.what.endswith("."), code
        assert reason.do.endswith("."), code


def test_both_catalogues_hold_the_same_keys_and_no_word_is_left_untranslated() -> None:
    vietnamese, english = words("vi"), words("en")
    assert vietnamese.keys() == english.keys()
    same = {key for key in english if english[key] == vietnamese[key]}
    assert same <= {"format.shc"}, "a name may be the same, a sentence may not"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stage_status_outcome_and_format_has_a_name(language: str) -> None:
    catalogue = words(language)
    needed = [f"stage.{stage.value}" for stage in Stage] + [f"status.{status.value}" for status in Status]
    needed += [f"{kind}.{outcome.value}" for kind in ("outcome", "advice") for outcome in Outcome]
    needed += [f"format.{name}" for name in (*FORMATS, NO_FORMAT)]
    assert set(needed) <= catalogue.keys()


@pytest.mark.parametrize(
    ("text", "reason", "word"),
    [
        ("001203000001||Nguyễn Văn A|01012003|Nam|Hà Nội|01012022", "format.citizen_id", "identity card"),
        ("https://example.org/", "format.unsupported", "portal"),
        ("HC1:GGW", "decode.base45_overflow", "Base45"),
        ("", "decode.not_a_certificate", "not a health certificate"),
    ],
)
def test_a_page_says_what_failed_why_and_what_to_do(text: str, reason: str, word: str) -> None:
    verdict = judge(text, parse_trust_object({"keys": []}), now=NOW)
    page = explain(verdict, "en")
    assert [entry.code for entry in page.reasons] == [reason]
    assert word in page.reasons[0].what + page.reasons[0].do
    assert page.claims == ()
    lines = as_lines(verdict, "vi")
    assert any(reason in line for line in lines)
    assert "Nguyễn" not in "\n".join(lines), "nothing of an unsigned text is repeated"


@pytest.mark.req("K05")
def test_what_was_not_checked_is_told_on_the_page_and_is_no_reason_of_the_verdict() -> None:
    checks = (
        Check(Stage.SCHEMA, Status.PASS, ("schema.no_patient",)),
        Check(Stage.REVOCATION, Status.NOT_RUN, ("revocation.not_checkable",)),
    )
    at = datetime(2022, 1, 15, tzinfo=UTC)
    verdict = Verdict(Outcome.VALID, checks, "shc", "test", "JP", None, "none", at)
    assert verdict.reasons == ("schema.no_patient",)
    assert verdict.unchecked == ("revocation.not_checkable",)
    assert as_json(verdict)["reasons"] == ["schema.no_patient"]
    assert [reason.code for reason in explain(verdict).reasons] == [*verdict.reasons, *verdict.unchecked]
    assert any("there is no list of this issuer" in line for line in as_lines(verdict))
