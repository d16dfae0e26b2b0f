"""Any evidence of the common shape gives a decision; nobody gains by order, repetition or refused codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcert import Check, Outcome, Stage, Status, Verdict
from healthcert.admission.decide import Admission, Decision, OnPaper, admit
from healthcert.admission.doses import at_least, at_most, read_doses
from healthcert.admission.rulebook import Rulebook, load_rulebook, parse_rulebook
from healthcert.admission.when import days_of, span_of
from healthcert.model import FORMATS

pytestmark = pytest.mark.req("K08")
MANY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2022, 4, 1, 9, 0, tzinfo=UTC)
COVID, PCR, RAPID = "840539006", "LP6464-4", "LP217198-3"
POSITIVE, NEGATIVE = "260373001", "260415000"
OPEN = {Decision.COMPLETE, Decision.STARTED}

STRICT: dict[str, Any] = {
    "name": "strict", "mode": "venue", "home": "VN", "accept": ["vaccination", "test", "recovery"],
    "wait_days": 14, "accept_shortened": False, "max_test_age_h": {PCR: 72, RAPID: 24},
    "timezone": "Asia/Tokyo",
    "agreements": [{"country": "AT", "since": "2021-01-01", "formats": ["eu-dcc"]}],
}  # fmt: skip
RULEBOOKS = [
    *(load_rulebook(name) for name in ("venue", "airport-entry", "airport-departure", "site-check-in")),
    parse_rulebook(STRICT),
    parse_rulebook(STRICT | {"series_rule": "literal", "accept": ["vaccination"], "agreements": None}),
]

# Values as certificates hold them, and what a broken issuer may sign in their place.
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=1),
)  # fmt: skip
DAYS = st.one_of(
    st.dates().map(str),
    st.integers(-40, 400).map(lambda back: str((NOW - timedelta(days=back)).date())),
    st.sampled_from(["2022", "2022-02", " 2022-02-01", "9999-12-31", "0001-01-01", "2022-02-30"]),
)
MOMENTS = st.one_of(
    st.datetimes().map(datetime.isoformat),
    st.tuples(st.datetimes(), st.sampled_from(["Z", "+14:00", "-12:00", "+07:00"])).map(
        lambda told: told[0].isoformat() + told[1]
    ),
    st.integers(-100, 1000).map(lambda hours: (NOW - timedelta(hours=hours)).isoformat()),
    st.integers(-100, 1000).map(lambda hours: (NOW - timedelta(hours=hours)).isoformat()[:19]),
    DAYS,
)


def usually(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda number: values if number else ODD)


DISEASES = usually(st.sampled_from([COVID, COVID, COVID, "RA01.0", "6142004", None]))
DOSES = st.fixed_dictionaries(
    {},
    optional={
        "disease": DISEASES,
        "product": usually(st.sampled_from(["EU/1/20/1528", "EU/1/20/1525", "Abdala", "moderna", "?", None])),
        "vaccine": usually(st.sampled_from(["1119349007", "YF"])),
        "dose": usually(st.one_of(st.integers(1, 4), st.none())),
        "doses_total": usually(st.one_of(st.integers(1, 3), st.none())),
        "date": usually(st.one_of(DAYS, MOMENTS)),
    },
)
TESTS = st.fixed_dictionaries(
    {},
    optional={
        "disease": DISEASES,
        "test_type": usually(st.sampled_from([PCR, RAPID, "94500-6"])),
        "result": usually(st.sampled_from([NEGATIVE, NEGATIVE, POSITIVE])),
        "sampled_at": usually(MOMENTS),
    },
)
RECOVERIES = st.fixed_dictionaries(
    {}, optional={"disease": DISEASES, "valid_from": usually(MOMENTS), "valid_until": usually(MOMENTS)}
)
HOLDERS = st.sampled_from(
    [
        {"family_name": "Nguyễn", "given_name": "An", "date_of_birth": "1990-04-05"},
        {"family_name": "Nguyễn", "given_name": "An", "date_of_birth": "1990-04-05"},
        {"full_name": "NGUYEN VAN AN", "date_of_birth": "1990-04-05"},
        {"full_name": "Trần Bình", "date_of_birth": "1990"},
        {},
    ]
)
CLAIMS = st.fixed_dictionaries(
    {"holder": usually(HOLDERS)},
    optional={
        "vaccinations": usually(st.lists(usually(DOSES), max_size=3)),
        "tests": usually(st.lists(usually(TESTS), max_size=3)),
        "recoveries": usually(st.lists(usually(RECOVERIES), max_size=2)),
    },
)
REASONS = [("signature.bad",), ("clock.unusable",), ("format.personal_code",), ("key.country_unlisted",), ()]


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    outcome = draw(st.sampled_from([Outcome.VALID] * 4 + [Outcome.INVALID, Outcome.UNDETERMINED]))
    checks = (Check(Stage.KEY_USAGE, Status.PASS, draw(st.sampled_from(REASONS))),)
    claims = draw(st.one_of(CLAIMS, CLAIMS, st.none()))
    issuer = draw(st.sampled_from(["VN", "AT", "ZW", None]))
    return Verdict(outcome, checks, draw(st.sampled_from(FORMATS)), None, issuer, claims, "v1", NOW)


PAPERS = st.one_of(st.builds(OnPaper, st.sampled_from(["test", "recovery", "miracle"]), TESTS),
                   st.just(OnPaper("declaration", {})))  # fmt: skip
EVIDENCE = st.lists(st.one_of(verdicts(), verdicts(), PAPERS), max_size=4)
BOOKS = st.sampled_from(RULEBOOKS)


def essence(admission: Admission) -> tuple[Any, ...]:
    """Everything but the order in which the reasons are told."""
    return (*admission[:1], set(admission.reasons), *admission[2:])


@MANY
@given(EVIDENCE, BOOKS, st.datetimes(timezones=st.just(UTC)))
def test_any_evidence_gives_a_decision_with_reasons(
    evidence: list[Any], rulebook: Rulebook, now: datetime
) -> None:
    for moment in (NOW, now):
        admission = admit(evidence, rulebook, moment)
        if admission.decision in (Decision.REFUSED, Decision.ASK):
            assert admission.reasons
        if admission.decision is Decision.COMPLETE:
            assert (admission.reasons, admission.missing) == ((), ())


@MANY
@given(st.data(), EVIDENCE, BOOKS)
def test_the_order_of_the_evidence_decides_nothing(
    data: st.DataObject, evidence: list[Any], rulebook: Rulebook
) -> None:
    turned = data.draw(st.permutations(evidence))
    assert essence(admit(evidence, rulebook, NOW)) == essence(admit(turned, rulebook, NOW))


@MANY
@given(st.data(), EVIDENCE.filter(bool), BOOKS)
def test_one_and_the_same_code_shown_twice_changes_nothing(
    data: st.DataObject, evidence: list[Any], rulebook: Rulebook
) -> None:
    again = data.draw(st.sampled_from(evidence))
    assert essence(admit([*evidence, again], rulebook, NOW)) == essence(admit(evidence, rulebook, NOW))


REFUSED = Verdict(
    Outcome.INVALID,
    (Check(Stage.SIGNATURE, Status.FAIL, ("signature.bad",)),),
    "shc",
    None,
    None,
    None,
    "v1",
    NOW,
)


@pytest.mark.req("K03")
@MANY
@given(EVIDENCE, BOOKS, st.integers(0, 4))
def test_a_definite_refusal_opens_no_gate_whatever_lies_beside_it(
    evidence: list[Any], rulebook: Rulebook, place: int
) -> None:
    admission = admit([*evidence[:place], REFUSED, *evidence[place:]], rulebook, NOW)
    assert admission.decision is Decision.REFUSED
    assert "signature.bad" in admission.reasons


@MANY
@given(EVIDENCE, BOOKS)
def test_a_certificate_of_another_disease_opens_no_gate(evidence: list[Any], rulebook: Rulebook) -> None:
    fever = {"disease": "1D47", "product": "Stamaril", "dose": 1, "doses_total": 1, "date": "2021-06-01"}
    flu = {"disease": "6142004", "test_type": PCR, "result": NEGATIVE, "sampled_at": NOW.isoformat()}
    papers = [OnPaper("vaccination", fever), OnPaper("test", flu)]
    without, beside = admit(evidence, rulebook, NOW), admit([*evidence, *papers], rulebook, NOW)
    assert (beside.decision in OPEN) == (without.decision in OPEN)
    assert beside.series == without.series


@pytest.mark.req("C16")
@MANY
@given(MOMENTS, st.sampled_from([PCR, RAPID]), st.lists(st.integers(-200, 400), min_size=2, max_size=8))
def test_a_test_grows_old_and_never_young_again(sampled: str, kind: str, hours: list[int]) -> None:
    entry = {"disease": COVID, "test_type": kind, "result": NEGATIVE, "sampled_at": sampled}
    stages = [("rule.test_in_future",), (), ("undetermined.test_time",), ("rule.test_too_old",)]
    rulebook = parse_rulebook(STRICT)
    told = [
        stages.index(admit([OnPaper("test", entry)], rulebook, NOW + timedelta(hours=hour)).reasons)
        for hour in sorted(hours)
    ]
    assert told == sorted(told)


@MANY
@given(st.one_of(DAYS, MOMENTS, st.text(max_size=60)))
def test_a_date_is_read_by_both_readers_or_by_neither_and_its_ends_are_in_order(text: str) -> None:
    days, span = days_of(text), span_of(text)
    assert days is None or days.first <= days.last
    assert span is None or span.earliest <= span.latest
    assert span is None or days is not None


@pytest.mark.req("K02")
@MANY
@given(st.lists(DOSES, min_size=1, max_size=4), st.data())
def test_a_dose_told_again_by_its_month_alone_is_no_further_one(
    entries: list[dict[str, Any]], data: st.DataObject
) -> None:
    told = data.draw(st.sampled_from(entries))
    day = told.get("date")
    again = told | {"date": day.strip()[:7]} if days_of(day) is not None else told
    one, twice = read_doses(entries), read_doses([*entries, again])
    assert (at_least(one) or 0) <= at_most(one)
    assert (at_least(twice) or 0) <= at_most(twice) <= at_most(one)
