"""What a gate decides on the evidence of one person: venue, airport, vaccination site."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from healthcert import Check, Outcome, Stage, Status, Verdict
from healthcert.admission.decide import Admission, Decision, OnPaper, admit
from healthcert.admission.recognition import Recognition, look_up, portal_of_link, portals_of
from healthcert.admission.rulebook import Rulebook, load_rulebook, parse_rulebook
from healthcert.admission.series import SeriesRule, SeriesState, judge_series
from healthcert.errors import PolicyError

NOW = datetime(2022, 4, 1, 9, 0, tzinfo=UTC)
VENUE, ENTRY = load_rulebook("venue"), load_rulebook("airport-entry")
SITE = load_rulebook("site-check-in")
COVID = "840539006"
PFIZER, ASTRA, JANSSEN, ABDALA = "EU/1/20/1528", "EU/1/21/1529", "EU/1/20/1525", "Abdala"


def dose(number: Any, total: Any, product: str = PFIZER, day: str = "2022-01-10") -> dict[str, Any]:
    return {"disease": COVID, "dose": number, "doses_total": total, "product": product, "date": day}


def negative(hours: float, kind: str = "LP6464-4", result: str = "260415000") -> dict[str, Any]:
    sampled = (NOW - timedelta(hours=hours)).isoformat()
    return {"disease": COVID, "test_type": kind, "result": result, "sampled_at": sampled}


def recovered(first: str, last: str) -> dict[str, Any]:
    return {"disease": COVID, "valid_from": first, "valid_until": last}


def good(issuer: str | None = "VN", format: str = "eu-dcc", **groups: Any) -> Verdict:
    holder = {"family_name": "Nguyễn", "given_name": "An", "date_of_birth": "1990-04-05"}
    claims = {"holder": holder, "vaccinations": [], "tests": [], "recoveries": []} | groups
    return Verdict(Outcome.VALID, (), format, None, issuer, claims, "v1", NOW)


def bad(outcome: Outcome, reason: str) -> Verdict:
    status = Status.FAIL if outcome is Outcome.INVALID else Status.UNKNOWN
    return Verdict(outcome, (Check(Stage.TIME, status, (reason,)),), "eu-dcc", None, "VN", None, "v1", NOW)


def ends(admission: Admission) -> tuple[Decision, tuple[str, ...]]:
    return admission.decision, admission.reasons


@pytest.mark.req("K02")
@pytest.mark.parametrize(
    ("entries", "state", "given", "needed"),
    [
        ([dose(1, 2)], SeriesState.STARTED, 1, 2),
        ([dose(2, 2)], SeriesState.COMPLETE, 2, 2),
        ([dose(1, 1, JANSSEN)], SeriesState.COMPLETE, 1, 1),
        ([dose(1, 2, JANSSEN)], SeriesState.COMPLETE, 1, 1),
        ([dose(2, 3, ABDALA)], SeriesState.STARTED, 2, 3),
        ([dose(3, 3, ABDALA)], SeriesState.COMPLETE, 3, 3),
        ([dose(1, 1)], SeriesState.COMPLETE, 1, 2),
        ([dose(3, 3)], SeriesState.COMPLETE, 3, 2),
        ([dose(1, 2, ASTRA, "2021-09-01"), dose(1, 2, PFIZER, "2021-12-01")], SeriesState.UNKNOWN, None, 2),
        ([dose(1, 2, ASTRA), dose(1, 2, ASTRA)], SeriesState.STARTED, 1, 2),
        ([dose(1, 3, "a product nobody knows")], SeriesState.STARTED, 1, 3),
        ([dose(1, None, "a product nobody knows")], SeriesState.UNKNOWN, 1, None),
        ([{"product": PFIZER}], SeriesState.UNKNOWN, None, None),
        ([dose(True, 2, day="")], SeriesState.UNKNOWN, None, None),
        ([], SeriesState.NONE, None, None),
    ],
)
def test_a_series_is_complete_by_its_product(
    entries: list[dict[str, Any]], state: SeriesState, given: int | None, needed: int | None
) -> None:
    assert judge_series(entries, NOW.date()) == (state, given, needed)


@pytest.mark.req("K02")
def test_the_literal_rule_counts_two_whatever_the_product() -> None:
    literal = {"rule": SeriesRule.LITERAL}
    assert judge_series([dose(1, 1, JANSSEN)], NOW.date(), **literal).state is SeriesState.STARTED
    assert judge_series([dose(2, 3, ABDALA)], NOW.date(), **literal).state is SeriesState.COMPLETE


def test_a_policy_may_refuse_a_shortened_series_and_may_ask_for_a_wait() -> None:
    today = NOW.date()
    assert judge_series([dose(1, 1)], today, accept_shortened=False).state is SeriesState.STARTED
    fresh = [dose(2, 2, day="2022-03-20")]
    assert judge_series(fresh, today, wait_days=14).state is SeriesState.WAITING
    assert judge_series(fresh, date(2022, 4, 3), wait_days=14).state is SeriesState.COMPLETE


@pytest.mark.req("K02")
def test_a_venue_is_green_when_complete_and_yellow_when_started() -> None:
    assert ends(admit([good(vaccinations=[dose(2, 2)])], VENUE, NOW)) == (Decision.COMPLETE, ())
    started = admit([good(vaccinations=[dose(1, 2)])], VENUE, NOW)
    assert ends(started) == (Decision.STARTED, ("rule.series_started",))
    assert (started.series.given, started.series.needed) == (1, 2)


@pytest.mark.req("K03")
def test_a_refusal_wins_over_a_doubt_and_a_doubt_over_everything_good() -> None:
    fine = good(vaccinations=[dose(2, 2)])
    unsure, forged = bad(Outcome.UNDETERMINED, "clock.unusable"), bad(Outcome.INVALID, "signature.bad")
    assert ends(admit([fine, unsure], VENUE, NOW)) == (Decision.ASK, ("clock.unusable",))
    assert ends(admit([fine, unsure, forged], VENUE, NOW)) == (Decision.REFUSED, ("signature.bad",))


@pytest.mark.req("C16")
@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (negative(71), None),
        (negative(73), "rule.test_too_old"),
        (negative(23, "LP217198-3"), None),
        (negative(25, "LP217198-3"), "rule.test_too_old"),
        (negative(1, "LP0-0"), "rule.test_type"),
        (negative(-1), "rule.test_in_future"),
        (negative(1, result="260373001"), "rule.test_positive"),
        (negative(1) | {"result": "odd"}, "undetermined.test_result"),
        (negative(1) | {"sampled_at": "2022-04-01"}, "undetermined.test_time"),
    ],
)
def test_a_test_counts_by_kind_result_and_age(entry: dict[str, Any], reason: str | None) -> None:
    declared = OnPaper("declaration", {})
    for evidence in (good(issuer="SG", tests=[entry]), OnPaper("test", entry)):
        admission = admit([evidence, declared], ENTRY, NOW)
        if reason is None:
            assert ends(admission) == (Decision.COMPLETE, ())
        else:
            assert admission.reasons == (reason,)
            asked = Decision.ASK if reason.startswith("undetermined") else Decision.REFUSED
            assert admission.decision is asked


@pytest.mark.req("C16")
def test_an_airport_waits_for_the_rest_and_says_what_is_missing() -> None:
    nothing = admit([], ENTRY, NOW)
    assert (nothing.decision, nothing.missing) == (Decision.INCOMPLETE, ("test", "declaration"))
    tested = admit([good(tests=[negative(5)])], ENTRY, NOW)
    assert (tested.decision, tested.missing) == (Decision.INCOMPLETE, ("declaration",))
    assert (
        admit([good(tests=[negative(5)]), OnPaper("declaration", {})], ENTRY, NOW).decision
        is Decision.COMPLETE
    )


@pytest.mark.req("C16")
def test_the_rules_of_an_airport_are_dated() -> None:
    vaccinated = [good(vaccinations=[dose(2, 2)])]
    assert admit(vaccinated, ENTRY, NOW).missing == ("test", "declaration")
    assert admit(vaccinated, ENTRY, NOW.replace(month=6)).decision is Decision.COMPLETE
    before = admit(vaccinated, ENTRY, NOW.replace(year=2021))
    assert ends(before) == (Decision.ASK, ("rule.none_in_force",))


def test_a_positive_test_refuses_whatever_else_is_there() -> None:
    both = [good(vaccinations=[dose(2, 2)], tests=[negative(1, result="260373001"), negative(1)])]
    assert ends(admit(both, VENUE, NOW)) == (Decision.REFUSED, ("rule.test_positive",))


def test_evidence_that_is_not_needed_does_no_harm() -> None:
    later = NOW.replace(month=6)
    vaccinated = good(vaccinations=[dose(2, 2)])
    old_test = good(tests=[negative(500)])
    assert admit([vaccinated, old_test], ENTRY, later).decision is Decision.COMPLETE


@pytest.mark.req("C07")
def test_recognition_answers_recognised_not_recognised_expired_and_not_yet() -> None:
    agreements = parse_rulebook(
        {
            "name": "x", "mode": "airport", "home": "VN", "accept": ["vaccination"],
            "agreements": [
                {"country": "JP", "since": "2022-03-17", "formats": ["shc", "vds-nc"]},
                {"country": "AU", "since": "2021-01-01", "until": "2021-12-31"},
            ],
        }
    ).agreements  # fmt: skip
    assert agreements is not None
    today = NOW.date()
    assert look_up(agreements, "JP", "shc", today) is Recognition.RECOGNISED
    assert look_up(agreements, "JP", "divoc", today) is Recognition.NOT_RECOGNISED
    assert look_up(agreements, "JP", "shc", date(2022, 3, 16)) is Recognition.NOT_YET
    assert look_up(agreements, "JP", "shc", date(2022, 3, 17)) is Recognition.RECOGNISED
    assert look_up(agreements, "AU", "vds-nc", date(2021, 12, 31)) is Recognition.RECOGNISED
    assert look_up(agreements, "AU", "vds-nc", today) is Recognition.EXPIRED
    assert look_up(agreements, "XX", "eu-dcc", today) is Recognition.NOT_RECOGNISED


@pytest.mark.req("K08")
@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("https://chungnhanvacxin.vn/tra-cuu?x=1", "VN"),
        ("HTTPS://WWW.ChungNhanVacXin.vn", "VN"),
        ("https://chungnhanvacxin.vn.evil.example/", None),
        ("https://evilchungnhanvacxin.vn/", None),
        ("https://chungnhanvacxin.vn@evil.example/", None),
        ("ftp://chungnhanvacxin.vn/", None),
        ("no link", None),
    ],
)
def test_a_link_to_a_known_portal_is_named_and_never_opened(text: str, country: str | None) -> None:
    found = portal_of_link(VENUE.portals, text)
    assert (found and found.country) == country
    assert {each.host for each in portals_of(VENUE.portals, "VN")} >= {"chungnhanvacxin.vn"}


@pytest.mark.req("C07")
def test_a_certificate_of_a_country_without_agreement_does_not_count() -> None:
    later = NOW.replace(month=6)
    foreign = admit([good("ZW", vaccinations=[dose(2, 2)])], ENTRY, later)
    assert ends(foreign) == (Decision.REFUSED, ("recognition.not_recognised",))
    assert foreign.recognition is Recognition.NOT_RECOGNISED
    partner = admit([good("JP", "vds-nc", vaccinations=[dose(2, 2)])], ENTRY, later)
    assert (partner.decision, partner.recognition) == (Decision.COMPLETE, Recognition.RECOGNISED)
    assert ends(admit([good(None, vaccinations=[dose(2, 2)])], ENTRY, later))[1] == ("undetermined.issuer",)


@pytest.mark.req("K08")
@pytest.mark.parametrize(
    ("other", "decision", "reason"),
    [
        (
            {"family_name": "NGUYEN", "given_name": "AN", "date_of_birth": "1990-04-05"},
            Decision.COMPLETE,
            None,
        ),
        ({"full_name": "Nguyễn An", "date_of_birth": "1990"}, Decision.ASK, "holder.codes_cannot_tell"),
        ({"full_name": "Trần Bình", "date_of_birth": "1990-04-05"}, Decision.REFUSED, "holder.codes_differ"),
        ({"full_name": "Nguyễn An", "date_of_birth": "1991-04-05"}, Decision.REFUSED, "holder.codes_differ"),
    ],
)
def test_several_codes_must_be_of_one_person(
    other: dict[str, str], decision: Decision, reason: str | None
) -> None:
    first = good(vaccinations=[dose(1, 2, day="2021-09-01")])
    second = good(vaccinations=[dose(2, 2)], holder=other)
    assert ends(admit([first, second], VENUE, NOW)) == (decision, () if reason is None else (reason,))


@pytest.mark.req("C16")
@pytest.mark.parametrize(
    ("logic", "decision", "reason"),
    [
        ({"===": [{"var": "payload.v.0.mp"}, PFIZER]}, Decision.COMPLETE, None),
        ({"===": [{"var": "payload.v.0.mp"}, "other"]}, Decision.REFUSED, "rule.GR-VN-0001"),
        ({"var": "payload.v.0.mp"}, Decision.ASK, "rule.open.GR-VN-0001"),
    ],
)
def test_the_business_rules_of_a_gate_are_asked(logic: Any, decision: Decision, reason: str | None) -> None:
    rule = {
        "Identifier": "GR-VN-0001", "Type": "Acceptance", "Country": "VN", "Version": "1.0.0",
        "SchemaVersion": "1.0.0", "Engine": "CERTLOGIC", "EngineVersion": "1.0.0",
        "CertificateType": "General", "Description": [{"lang": "en", "desc": "A rule of our own"}],
        "ValidFrom": "2021-01-01T00:00:00Z", "ValidTo": "2030-01-01T00:00:00Z", "AffectedFields": ["v.0.mp"],
        "Logic": logic,
    }  # fmt: skip
    ruled = parse_rulebook(
        {"name": "x", "mode": "venue", "home": "VN", "accept": ["vaccination"], "rules": [rule]}
    )
    dcc = {"ver": "1.3.0", "v": [{"mp": PFIZER}]}
    shown = good("AT", vaccinations=[dose(2, 2)], dcc=dcc)
    assert ends(admit([shown], ruled, NOW)) == (decision, () if reason is None else (reason,))


def test_a_recovery_counts_within_its_days() -> None:
    inside = good(recoveries=[recovered("2022-03-01", "2022-09-01")])
    over = good(recoveries=[recovered("2021-03-01", "2021-09-01")])
    assert admit([inside], VENUE, NOW).decision is Decision.COMPLETE
    assert ends(admit([over], VENUE, NOW)) == (Decision.REFUSED, ("rule.recovery_window",))


def test_a_site_looks_up_who_shows_a_personal_or_citizen_code() -> None:
    for reason in ("format.citizen_id", "format.personal_code"):
        assert admit([bad(Outcome.UNDETERMINED, reason)], SITE, NOW).decision is Decision.LOOK_UP
        assert admit([bad(Outcome.UNDETERMINED, reason)], VENUE, NOW).decision is Decision.ASK


def test_a_kind_the_gate_does_not_take_is_said() -> None:
    only = replace(VENUE, accept=("vaccination",))
    assert ends(admit([good(tests=[negative(1)])], only, NOW)) == (
        Decision.REFUSED,
        ("rule.test_not_accepted",),
    )


def test_the_decision_is_pure_and_needs_an_aware_time() -> None:
    evidence = [good(vaccinations=[dose(2, 2)])]
    assert admit(evidence, ENTRY, NOW) == admit(evidence, ENTRY, NOW)
    with pytest.raises(ValueError, match="aware"):
        admit(evidence, ENTRY, NOW.replace(tzinfo=None))


@pytest.mark.parametrize("name", ["venue", "airport-entry", "airport-departure", "site-check-in"])
def test_every_rulebook_we_ship_reads(name: str) -> None:
    rulebook: Rulebook = load_rulebook(name)
    assert rulebook.name == name


@pytest.mark.req("C07")
def test_the_shipped_list_holds_the_seventeen_partners_of_march_2022() -> None:
    assert ENTRY.agreements is not None
    first = {row.country for row in ENTRY.agreements if row.since == date(2022, 3, 17)}
    assert len(first) == 17


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"mode": "club"}, "mode"),
        ({"acept": []}, "acept"),
        ({"accept": ["miracle"]}, "accept"),
        ({"home": "Vietnam"}, "home"),
        ({"wait_days": -1}, "wait_days"),
        ({"wait_days": True}, "wait_days"),
        ({"max_test_age_h": {"LP6464-4": "72"}}, "max_test_age_h"),
        ({"periods": [{"since": "2022-01-01", "until": None}]}, "periods"),
        ({"periods": [{"since": "2022-01-01", "until": None, "require": []},
                      {"since": "2022-02-01", "until": None, "require": []}]}, "periods"),
        ({"agreements": [{"country": "JP", "since": "soon"}]}, "agreements"),
        ({"agreements": [{"country": "JP", "since": "2022-01-01", "formats": ["fax"]}]}, "agreements"),
    ],
)  # fmt: skip
def test_a_wrong_rulebook_is_refused_by_the_name_of_its_key(change: dict[str, Any], word: str) -> None:
    usual = {"name": "x", "mode": "venue", "home": "VN", "accept": ["vaccination"]}
    with pytest.raises(PolicyError, match=word):
        parse_rulebook(usual | change)


def test_a_rulebook_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(PolicyError, match="nowhere"):
        load_rulebook("nowhere")
    with pytest.raises(PolicyError):
        load_rulebook("../venue")
