"""Genuine certificates that must not open a gate, and honest people whom a gate must not refuse."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from healthcert import Check, Outcome, Stage, Status, Verdict
from healthcert.admission.decide import Admission, Decision, OnPaper, admit
from healthcert.admission.doses import at_least, at_most, read_doses
from healthcert.admission.rulebook import Rulebook, load_rulebook, parse_rulebook
from healthcert.admission.series import SeriesState, judge_series
from healthcert.admission.when import add_days, days_of, local_day, span_of
from healthcert.errors import PolicyError

NOW = datetime(2022, 1, 15, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
VENUE, ENTRY = load_rulebook("venue"), load_rulebook("airport-entry")
COVID, PFIZER, JANSSEN, ABDALA = "840539006", "EU/1/20/1528", "EU/1/20/1525", "Abdala"
PCR, RAPID = "LP6464-4", "LP217198-3"
POSITIVE, NEGATIVE = "260373001", "260415000"
AN = {"family_name": "Nguyễn", "given_name": "An", "date_of_birth": "1990-04-05"}


def shown(
    format: str = "eu-dcc", issuer: str = "VN", holder: Any = AN, remark: str = "", **groups: Any
) -> Verdict:
    claims = {"holder": holder, "vaccinations": [], "tests": [], "recoveries": []} | groups
    checks = (Check(Stage.KEY_USAGE, Status.PASS, (remark,)),) if remark else ()
    return Verdict(Outcome.VALID, checks, format, None, issuer, claims, "v1", NOW)


def dose(day: Any, number: Any = None, total: Any = None, **more: Any) -> dict[str, Any]:
    return {"disease": COVID, "product": PFIZER, "date": day, "dose": number, "doses_total": total} | more


def swab(result: str, at: Any, kind: str = PCR, **more: Any) -> dict[str, Any]:
    return {"disease": COVID, "test_type": kind, "result": result, "sampled_at": at} | more


def before(**age: float) -> str:
    return (NOW - timedelta(**age)).isoformat()


def gate(**changes: Any) -> Rulebook:
    usual = {"name": "x", "mode": "venue", "home": "VN", "accept": ["vaccination", "test", "recovery"],
             "max_test_age_h": {PCR: 72, RAPID: 24}}  # fmt: skip
    return parse_rulebook(usual | changes)


def ends(admission: Admission) -> tuple[Decision, tuple[str, ...]]:
    return admission.decision, admission.reasons


# another disease


@pytest.mark.req("K08")
@pytest.mark.parametrize(
    "groups",
    [
        {"vaccinations": [dose("2021-07-08", 1, 1, disease="XM_YELLOWFEVER", product="Stamaril")]},
        {"tests": [swab(NEGATIVE, before(hours=1), disease="6142004")]},
        {"recoveries": [{"disease": "6142004", "valid_from": "2022-01-01", "valid_until": "2022-06-01"}]},
    ],
)
def test_evidence_about_another_disease_opens_no_gate(groups: dict[str, Any]) -> None:
    assert ends(admit([shown("who-ddcc", **groups)], gate(), NOW)) == (
        Decision.REFUSED,
        ("rule.other_disease",),
    )


@pytest.mark.req("K08")
@pytest.mark.parametrize("code", [COVID, "840533007", "RA01", "ra01.0", "XN109", "U07.1", " COVID-19 "])
def test_every_coding_of_covid_19_counts(code: str) -> None:
    certificate = shown("who-ddcc", vaccinations=[dose("2021-07-08", 1, 1, disease=code, product="TEST")])
    assert admit([certificate], VENUE, NOW).decision is Decision.COMPLETE


UNTOLD = {"disease": None, "product": None}


@pytest.mark.req("K08")
@pytest.mark.parametrize(
    ("format", "groups", "decision"),
    [
        ("who-ddcc", {"vaccinations": [dose("2021-07-08", 2, 2, disease=None)]}, Decision.COMPLETE),
        ("who-ddcc", {"vaccinations": [dose("2021-07-08", 2, 2, **UNTOLD, vaccine="1119349007")]},
         Decision.COMPLETE),
        ("who-ddcc", {"vaccinations": [dose("2021-07-08", 2, 2, **UNTOLD, vaccine_source="XM0GQ8")]},
         Decision.COMPLETE),
        ("who-ddcc", {"vaccinations": [dose("2021-07-08", 2, 2, **UNTOLD)]}, Decision.ASK),
        ("who-ddcc", {"vaccinations": [dose("2021-07-08", 2, 2, disease="XM_YELLOWFEVER")]}, Decision.ASK),
        ("who-ddcc", {"tests": [swab(NEGATIVE, before(hours=1), disease=None)]}, Decision.ASK),
        ("who-ddcc", {"tests": [swab(NEGATIVE, before(hours=1), disease=None, test_type_source="94500-6")]},
         Decision.COMPLETE),
        ("vds-nc", {"tests": [swab(NEGATIVE, before(hours=1), disease=None)]}, Decision.COMPLETE),
        ("eu-dcc", {"recoveries": [{"valid_from": "2022-01-01", "valid_until": "2022-06-01"}]}, Decision.ASK),
        ("who-ddcc", {"tests": [swab(POSITIVE, before(hours=1), disease=None)]}, Decision.ASK),
    ],
)  # fmt: skip
def test_a_disease_that_is_not_told_is_asked_unless_product_or_test_settles_it(
    format: str, groups: dict[str, Any], decision: Decision
) -> None:
    admission = admit([shown(format, **groups)], gate(), NOW)
    assert admission.decision is decision
    assert admission.reasons == (("undetermined.disease",) if decision is Decision.ASK else ())


def test_a_positive_test_for_another_disease_refuses_nobody() -> None:
    flu = swab(POSITIVE, before(hours=1), disease="6142004")
    assert (
        admit([shown(vaccinations=[dose("2021-07-08", 2, 2)], tests=[flu])], VENUE, NOW).decision
        is Decision.COMPLETE
    )


def test_a_test_on_paper_answers_the_question_of_this_gate() -> None:
    entry = swab(NEGATIVE, before(hours=1))
    assert admit([OnPaper("test", entry | {"disease": None})], gate(), NOW).decision is Decision.COMPLETE
    assert ends(admit([OnPaper("test", entry | {"disease": "6142004"})], gate(), NOW))[1] == (
        "rule.other_disease",
    )


# one dose told twice
S = SeriesState


@pytest.mark.req("K02")
@pytest.mark.parametrize(
    ("certificates", "state"),
    [
        ([("shc", [dose("2021-08", 1), dose("2021-08-12", 1)])], S.STARTED),
        ([("shc", [dose("2021-08-11T22:00:00Z", 1), dose("2021-08-12", 2)])], S.STARTED),
        ([("shc", [dose("2021-08-12", 1), dose("2021-08-13", 2)])], S.UNKNOWN),
        ([("shc", [dose("2021-08-12", 1)]), ("shc", [dose("2021-09-12", 1)])], S.COMPLETE),
        ([("eu-dcc", [dose("2021-08-12", 1, 2)]), ("eu-dcc", [dose("2021-08-13", 1, 2)])], S.UNKNOWN),
        ([("eu-dcc", [dose("2021-08-12", 1, 2)]), ("eu-dcc", [dose("2021-12-12", 1, 2)])], S.UNKNOWN),
        ([("eu-dcc", [dose("2021-08-12", 2, 2)]), ("eu-dcc", [dose("2021-08-13", 2, 2)])], S.COMPLETE),
        ([("eu-dcc", [dose("2021-08-12", 1, 2)]), ("eu-dcc", [dose(" 2021-08-12", 1, 2)])], S.STARTED),
        ([("shc", [dose("2021-08-11T22:00:00Z", 1)]), ("eu-dcc", [dose("2021-08-12", 1, 2)])], S.STARTED),
        ([("shc", [dose("2021-08-15", 1)]), ("eu-dcc", [dose("2021-08-12", 1, 2)])], S.UNKNOWN),
        ([("shc", [dose("2021-09-12", 1)]), ("eu-dcc", [dose("2021-08-12", 1, 2)])], S.COMPLETE),
        ([("vds-nc", [dose(None)]), ("eu-dcc", [dose("2021-08-12", 1, 2)])], S.UNKNOWN),
        ([("eu-dcc", [dose("2021-06-01", 1, 1, product=JANSSEN)]), ("shc", [dose("2021-06-05", 1)])],
         S.COMPLETE),
    ],
)  # fmt: skip
def test_one_dose_told_twice_is_never_two(
    certificates: list[tuple[str, list[Any]]], state: SeriesState
) -> None:
    evidence = [shown(format, vaccinations=doses) for format, doses in certificates]
    for order in (evidence, evidence[::-1], evidence * 2):
        admission = admit(order, VENUE, NOW)
        assert admission.series.state is state
        assert (admission.reasons == ("undetermined.doses",)) is (state is SeriesState.UNKNOWN)


def test_doses_are_counted_up_to_the_last_day_of_the_calendar() -> None:
    twice = read_doses([dose("9999-12-31"), dose("9999-12")])
    assert (at_least(twice), at_most(twice)) == (1, 1)


# the future, and the ends of the calendar


@pytest.mark.req("C16")
@pytest.mark.parametrize(
    "day", ["2022-12-31", "9999-12-31", "9999-12-31T23:59:59-12:00", "2022-01-17", "2023", "2022-02"]
)
def test_a_dose_of_the_future_is_no_dose(day: str) -> None:
    for rulebook in (VENUE, gate(wait_days=14)):
        admission = admit([shown(vaccinations=[dose(day, 2, 2)])], rulebook, NOW)
        assert ends(admission) == (Decision.REFUSED, ("rule.dose_in_future",))
    both = admit([shown(vaccinations=[dose("2021-08-12", 1, 2), dose(day, 2, 2)])], VENUE, NOW)
    assert both.series.state is SeriesState.STARTED


def test_a_dose_of_today_elsewhere_on_earth_is_one() -> None:
    for day in ("2022-01-15", "2022-01-16", "2022-01-16T01:00:00+14:00", "2022-01", "2022"):
        assert admit([shown(vaccinations=[dose(day, 2, 2)])], VENUE, NOW).decision is Decision.COMPLETE


@pytest.mark.req("K16")
@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00", "0001",
     "9999-12-31", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59", "9999-12"],
)  # fmt: skip
def test_the_ends_of_the_calendar_are_computed_with(text: str) -> None:
    days, span = days_of(text), span_of(text)
    assert days is not None
    assert span is not None
    assert days.first <= days.last
    assert span.earliest <= span.latest
    evidence = shown(
        vaccinations=[dose(text, 2, 2)],
        tests=[swab(NEGATIVE, text), swab(POSITIVE, text)],
        recoveries=[{"disease": COVID, "valid_from": text, "valid_until": text}],
    )
    ends_of_time = (
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=UTC),
    )
    assert [admit([evidence], gate(wait_days=366), now).decision for now in ends_of_time]
    long_ago = text.startswith("0001")
    assert admit([evidence], gate(wait_days=366), NOW).decision is (
        Decision.COMPLETE if long_ago else Decision.REFUSED
    )


def test_a_shift_past_the_calendar_stays_at_its_end() -> None:
    assert (add_days(date.max, 1), add_days(date.min, -1)) == (date.max, date.min)
    assert add_days(date(2022, 2, 28), 1) == date(2022, 3, 1)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "2021-13",
        "2021-02-30",
        "20210812",
        "2021-W32-4",
        "٢٠٢١",
        "2021-08-12x",
        "2" * 60,
        None,
        2021,
        ["2021"],
    ],
)
def test_what_is_no_date_is_none(value: object) -> None:
    assert days_of(value) is None
    assert span_of(value) is None


# whom a gate must not refuse


def test_the_wait_counts_from_the_dose_that_completed_the_series() -> None:
    primary = [dose("2021-03-01", 1, 2), dose("2021-04-01", 2, 2)]
    booster = dose("2022-01-14", 3, 3)

    def state(*doses: dict[str, Any], wait: int = 14) -> SeriesState:
        return judge_series(doses, TODAY, wait_days=wait).state

    assert state(*primary, booster) is SeriesState.COMPLETE
    assert state(booster) is SeriesState.COMPLETE, "a third dose of two says that the second is long ago"
    assert state(booster, wait=60) is SeriesState.WAITING, "but not how long"
    assert state(dose("2022-01-14", 2, 2)) is SeriesState.WAITING
    assert state(dose("2022-01-14", 3, 3, product=ABDALA)) is SeriesState.WAITING
    assert state(dose("2022-01-14", 1, 1)) is SeriesState.WAITING
    assert state(dose("2022-01-01", 2, 2)) is SeriesState.COMPLETE
    assert state(dose("2022-01-02", 2, 2)) is SeriesState.WAITING
    assert state(dose(None, 2, 2)) is SeriesState.UNKNOWN


@pytest.mark.req("K08")
@pytest.mark.parametrize(
    ("tests", "refused"),
    [
        ([swab(POSITIVE, before(days=330))], False),
        ([swab(POSITIVE, "2021-02")], False),
        ([swab(POSITIVE, before(days=14))], True),
        ([swab(POSITIVE, before(days=14, seconds=1))], False),
        ([swab(POSITIVE, "2022-01-01")], True),  # may have been in the last 14 days, by some zone
        ([swab(POSITIVE, "9999-12-31")], True),
        ([swab(POSITIVE, None)], True),
        ([swab(POSITIVE, before(days=5)), swab(NEGATIVE, before(days=1))], False),
        ([swab(POSITIVE, before(days=1)), swab(NEGATIVE, before(days=5))], True),
        ([swab(POSITIVE, before(days=1)), swab(NEGATIVE, before(days=1))], True),
        ([swab(POSITIVE, before(days=5)), swab(NEGATIVE, before(days=-1))], True),
        ([swab(POSITIVE, before(days=5)), swab(NEGATIVE, before(days=1), RAPID)], True),
        ([swab(POSITIVE, before(days=5), RAPID), swab(NEGATIVE, before(days=1), RAPID)], False),
        ([swab(POSITIVE, before(days=5), RAPID), swab(NEGATIVE, before(days=1))], False),
        ([swab(POSITIVE, before(days=5)), swab(NEGATIVE, before(days=1), disease="6142004")], True),
    ],
)
def test_a_positive_test_refuses_until_it_is_old_or_a_later_negative_answers_it(
    tests: list[dict[str, Any]], refused: bool
) -> None:
    person = shown(vaccinations=[dose("2021-06-01", 1, 2), dose("2021-07-01", 2, 2)], tests=tests)
    expected = (Decision.REFUSED, ("rule.test_positive",)) if refused else (Decision.COMPLETE, ())
    assert ends(admit([person], VENUE, NOW)) == expected


def test_how_long_a_positive_test_refuses_is_the_rulebooks() -> None:
    person = shown(vaccinations=[dose("2021-07-01", 2, 2)], tests=[swab(POSITIVE, before(days=20))])
    assert admit([person], gate(), NOW).decision is Decision.COMPLETE
    assert admit([person], gate(positive_days=21), NOW).decision is Decision.REFUSED


def test_an_old_positive_test_alone_opens_nothing() -> None:
    alone = admit([shown(tests=[swab(POSITIVE, before(days=20))])], gate(), NOW)
    assert ends(alone) == (Decision.REFUSED, ("rule.test_positive_past",))


def test_a_positive_test_of_a_country_that_is_not_recognised_refuses_too() -> None:
    rulebook = gate(agreements=[])
    home = shown(vaccinations=[dose("2021-07-01", 2, 2)])
    foreign = shown(issuer="ZW", tests=[swab(POSITIVE, before(days=1))])
    assert ends(admit([home, foreign], rulebook, NOW)) == (Decision.REFUSED, ("rule.test_positive",))
    answer = shown(issuer="ZW", tests=[swab(NEGATIVE, before(hours=1))])
    assert admit([home, foreign, answer], rulebook, NOW).decision is Decision.REFUSED


# holders


@pytest.mark.req("K08")
def test_codes_are_compared_each_with_each_in_any_order() -> None:
    def named(given: str, number: int, day: str) -> Verdict:
        return shown(holder=AN | {"given_name": given}, vaccinations=[dose(day, number, 2)])

    three = [
        named("Anh", 1, "2021-06-01"),
        named("Văn Anh", 1, "2021-06-01"),
        named("Thị Anh", 2, "2021-07-01"),
    ]
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0]):
        assert ends(admit([three[i] for i in order], VENUE, NOW)) == (
            Decision.REFUSED,
            ("holder.codes_differ",),
        )


def test_one_and_the_same_code_twice_is_no_second_person() -> None:
    nameless = shown(holder={"full_name": "Nguyễn An"}, vaccinations=[dose("2021-07-01", 2, 2)])
    assert admit([nameless, nameless], VENUE, NOW) == admit([nameless], VENUE, NOW)


def test_a_refusal_wins_over_a_look_into_the_list_of_the_site() -> None:
    site = load_rulebook("site-check-in")
    code, forged = (
        Verdict(outcome, (Check(Stage.PREFIX, status, (reason,)),), "none", None, None, None, "v1", NOW)
        for outcome, status, reason in (
            (Outcome.UNDETERMINED, Status.UNKNOWN, "format.personal_code"),
            (Outcome.INVALID, Status.FAIL, "signature.bad"),
        )
    )
    assert admit([code], site, NOW).decision is Decision.LOOK_UP
    assert ends(admit([code, forged], site, NOW)) == (Decision.REFUSED, ("signature.bad",))


# whose certificate


@pytest.mark.req("C07")
@pytest.mark.parametrize("issuer", ["VN", "JP", "ZW"])
def test_a_country_that_only_the_certificate_tells_is_asked_where_agreements_are(issuer: str) -> None:
    person = shown(issuer=issuer, remark="key.country_unlisted", vaccinations=[dose("2021-07-01", 2, 2)])
    agreements = [{"country": "JP", "since": "2021-01-01"}]
    for listed in (agreements, []):
        assert ends(admit([person], gate(agreements=listed), NOW)) == (Decision.ASK, ("undetermined.issuer",))
    assert admit([person], gate(), NOW).decision is Decision.COMPLETE, "where every listed signer counts"


# whose calendar, whose clock


@pytest.mark.req("C16")
def test_days_are_those_of_the_rulebook_whatever_zone_the_clock_carries() -> None:
    moment = datetime(2022, 3, 14, 20, tzinfo=UTC)  # 15 March, 03:00, in Viet Nam: the new rule holds
    evidence = [shown(tests=[swab(NEGATIVE, "2022-03-14T08:00:00Z")]), OnPaper("declaration", {})]
    for zone in (UTC, timezone(timedelta(hours=7)), timezone(timedelta(hours=-9))):
        assert admit(evidence, ENTRY, moment.astimezone(zone)).decision is Decision.COMPLETE
    earlier = moment - timedelta(hours=4)
    assert admit(evidence, ENTRY, earlier).missing == ("vaccination|recovery",)


@pytest.mark.req("C16")
def test_a_rulebook_names_its_zone_and_ours_name_viet_nams() -> None:
    moment = datetime(2022, 3, 14, 17, tzinfo=UTC)
    for name in ("venue", "airport-entry", "airport-departure", "site-check-in"):
        assert local_day(moment, load_rulebook(name).zone) == date(2022, 3, 15)
    assert local_day(moment, gate().zone) == date(2022, 3, 15)
    assert local_day(moment, gate(timezone="Europe/Vienna").zone) == date(2022, 3, 14)
    for wrong in ("Asia/Nowhere", "../../etc/passwd", "Asia", "", 7):
        with pytest.raises(PolicyError, match="timezone"):
            gate(timezone=wrong)


def test_the_zone_of_viet_nam_is_known_without_zone_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr("healthcert.admission.rulebook_fields.ZoneInfo", nowhere)
    assert local_day(datetime(2022, 3, 14, 17, tzinfo=UTC), gate(timezone="Asia/Ho_Chi_Minh").zone) == date(
        2022, 3, 15
    )


@pytest.mark.req("C16")
@pytest.mark.parametrize(
    ("sampled", "decision", "reason"),
    [
        ("2022-01-15T11:00:00", Decision.COMPLETE, None),  # at most 15 h old, written in the far east
        ("2022-01-14T18:00:00", Decision.ASK, "undetermined.test_time"),  # 25 h old if it was in Viet Nam
        ("2022-01-13T23:00:00", Decision.REFUSED, "rule.test_too_old"),  # 25 h old even in the far west
        ("2022-01-16T03:00:00", Decision.REFUSED, "rule.test_in_future"),
        ("2022-01-14T18:00:00+07:00", Decision.REFUSED, "rule.test_too_old"),
        ("2022-01-14T18:00:00Z", Decision.COMPLETE, None),
    ],
)
def test_a_sample_time_without_a_zone_is_read_in_the_least_favourable_one(
    sampled: str, decision: Decision, reason: str | None
) -> None:
    admission = admit([shown(tests=[swab(NEGATIVE, sampled, RAPID)])], gate(), NOW)
    assert ends(admission) == (decision, () if reason is None else (reason,))


def test_a_recovery_counts_by_the_days_of_the_gate() -> None:
    recovery = {"disease": COVID, "valid_from": "2022-01-16", "valid_until": "2022-06-01T00:00:00Z"}
    night = NOW.replace(hour=18)  # the 16th in Viet Nam
    assert admit([shown(recoveries=[recovery])], VENUE, night).decision is Decision.COMPLETE
    assert ends(admit([shown(recoveries=[recovery])], VENUE, NOW))[1] == ("rule.recovery_window",)
    month = recovery | {"valid_from": "2022-01"}
    assert ends(admit([shown(recoveries=[month])], VENUE, NOW)) == (
        Decision.ASK,
        ("undetermined.recovery_window",),
    )
