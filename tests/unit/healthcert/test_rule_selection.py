"""Which business rules count, how each ends, and what they come to together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from healthcert.errors import RuleListError
from healthcert.limits import MAX_RULES
from healthcert.rules.evaluate import Result, build_external, check_rules, evaluate
from healthcert.rules.rule import Rule, parse_version
from healthcert.rules.selection import parse_rules, select
from healthcert.verdict import Check, Stage, Status

pytestmark = [pytest.mark.req("K08")]
NOW = datetime(2021, 12, 1, 12, tzinfo=UTC)
HEAD: dict[str, Any] = {
    "Identifier": "VR-VN-0001",
    "Type": "Acceptance",
    "Country": "VN",
    "Version": "1.0.0",
    "SchemaVersion": "1.0.0",
    "Engine": "CERTLOGIC",
    "EngineVersion": "0.7.5",
    "CertificateType": "Vaccination",
    "Description": [{"lang": "en", "desc": "A rule of these tests"}],
    "ValidFrom": "2021-06-01T00:00:00Z",
    "ValidTo": "2030-06-01T00:00:00Z",
    "AffectedFields": ["v.0"],
    "Logic": True,
}
LOT_RECALLED = {"===": [{"var": "payload.v.0.ci"}, "URN:UVCI:01:AT:RECALLED"]}
INVALIDATION = {"Identifier": "IR-AT-0001", "Type": "Invalidation", "Country": "AT", "Logic": LOT_RECALLED}
DCC = {"ver": "1.3.0", "v": [{"ci": "URN:UVCI:01:AT:1", "dt": "2021-11-01"}]}


def rule(**changes: Any) -> Rule:
    (read,), rejected = parse_rules([HEAD | changes])
    assert rejected == ()
    return read


def chosen(*rules: Rule, **changes: Any) -> list[str]:
    asked: dict[str, Any] = {"arrival": "VN", "region": None, "issuer": "AT", "kind": "vaccination"}
    found = select(rules, **(asked | {"clock": NOW} | changes))
    return [f"{each.identifier} {'.'.join(map(str, each.version))}" for each in found]


def check(*rules: Rule, dcc: Any = DCC, **changes: Any) -> Check:
    asked: dict[str, Any] = {"arrival": "VN", "clock": NOW, "kind": "vaccination", "issuer": "AT"}
    return check_rules(dcc, rules, **(asked | changes))


def test_the_country_of_arrival_accepts_and_no_other() -> None:
    home, other = rule(), rule(Country="AT", Identifier="VR-AT-0001")
    assert chosen(home, other) == ["VR-VN-0001 1.0.0"]
    assert chosen(home, other, arrival="at") == ["VR-AT-0001 1.0.0"]
    assert chosen(home, other, arrival="DE") == []


def test_a_region_has_its_own_rules() -> None:
    whole, part = rule(), rule(Identifier="VR-VN-0002", Region="Da Nang")
    assert chosen(whole, part) == ["VR-VN-0001 1.0.0"]
    assert chosen(whole, part, region=" da nang ") == ["VR-VN-0002 1.0.0"]


def test_rules_speak_of_one_kind_of_certificate_or_of_all() -> None:
    rules = [
        rule(Identifier=f"{prefix}-VN-0001", CertificateType=kind)
        for prefix, kind in (("GR", "General"), ("VR", "Vaccination"), ("TR", "Test"), ("RR", "Recovery"))
    ]
    assert chosen(*rules) == ["GR-VN-0001 1.0.0", "VR-VN-0001 1.0.0"]
    assert chosen(*rules, kind="test") == ["GR-VN-0001 1.0.0", "TR-VN-0001 1.0.0"]
    assert chosen(*rules, kind="recovery") == ["GR-VN-0001 1.0.0", "RR-VN-0001 1.0.0"]
    assert chosen(*rules, kind=None) == ["GR-VN-0001 1.0.0"]


def test_a_rule_is_valid_from_its_first_instant_to_its_last() -> None:
    one = rule(ValidFrom="2021-12-01T19:00:00+07:00", ValidTo="2021-12-02T00:00:00Z")
    moment = timedelta(microseconds=1)
    assert chosen(one, clock=NOW) == ["VR-VN-0001 1.0.0"]
    assert chosen(one, clock=NOW - moment) == []
    assert chosen(one, clock=datetime(2021, 12, 2, tzinfo=UTC)) == ["VR-VN-0001 1.0.0"]
    assert chosen(one, clock=datetime(2021, 12, 2, tzinfo=UTC) + moment) == []


def test_the_highest_version_counts_as_numbers_and_only_among_those_valid_now() -> None:
    versions = [rule(Version=version) for version in ("1.9.0", "1.10.0", "1.2.30")]
    assert chosen(*versions) == ["VR-VN-0001 1.10.0"]
    assert chosen(*reversed(versions)) == ["VR-VN-0001 1.10.0"]
    future = rule(Version="2.0.0", ValidFrom="2022-01-01T00:00:00Z")
    assert chosen(*versions, future) == ["VR-VN-0001 1.10.0"]


def test_the_issuers_invalidations_count_and_not_its_acceptance_rules() -> None:
    own = rule(**INVALIDATION)
    acceptance = rule(Country="AT", Identifier="VR-AT-0001")
    assert chosen(own, acceptance) == ["IR-AT-0001 1.0.0"]
    assert chosen(own, issuer="DE") == []
    assert chosen(own, issuer=None) == []
    assert chosen(rule(**INVALIDATION | {"Country": "VN"}), arrival="VN") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Logic": True}, Result.PASSED),
        ({"Logic": False}, Result.FAILED),
        ({**INVALIDATION, "Logic": True}, Result.FAILED),
        ({**INVALIDATION, "Logic": False}, Result.PASSED),
        ({"Logic": 1}, Result.OPEN),
        ({"Logic": {"var": "payload.absent"}}, Result.OPEN),
        ({"Logic": {"+": [1, "one"]}}, Result.OPEN),
        ({"Logic": {"magic": [1]}}, Result.OPEN),
        ({"Logic": None}, Result.OPEN),
        ({"Engine": "DROOLS"}, Result.OPEN),
        ({"EngineVersion": "1.3.3"}, Result.PASSED),
        ({"EngineVersion": "1.3.4"}, Result.OPEN),
        ({"EngineVersion": "1.10.0"}, Result.OPEN),
        ({"SchemaVersion": "1.3.0"}, Result.PASSED),
        ({"SchemaVersion": "1.3.1"}, Result.OPEN),  # the certificate says 1.3.0
        ({"SchemaVersion": "1.4.0"}, Result.OPEN),
        ({"SchemaVersion": "2.0.0"}, Result.OPEN),
    ],
)
def test_a_rule_passes_fails_or_stays_open(changes: dict[str, Any], expected: Result) -> None:
    (found,) = evaluate([rule(**changes)], DCC, build_external(clock=NOW, arrival="VN"))
    assert found.result is expected
    assert bool(found.why) is (expected is Result.OPEN)


@pytest.mark.parametrize("schema", ["0.9.0", "1.4.0", "2.0.0"])
def test_a_rule_for_a_schema_unknown_here_is_open_whatever_the_certificate(schema: str) -> None:
    for dcc in ({}, {"ver": schema}):
        (found,) = evaluate([rule(SchemaVersion=schema)], dcc, {})
        assert found.result is Result.OPEN


@pytest.mark.parametrize("version", ["1.3", "x", 13, None, "2.0.0", "0.9.0"])
def test_a_certificate_of_a_schema_the_rule_is_not_for_leaves_it_open(version: object) -> None:
    (found,) = evaluate([rule()], {"ver": version}, {})
    assert found.result is Result.OPEN


def test_rules_read_the_clock_the_certificates_times_and_the_value_sets() -> None:
    local = datetime(2021, 12, 1, 19, 0, 0, 250_900, tzinfo=timezone(timedelta(hours=7)))
    told = build_external(
        clock=local,
        arrival="vn",
        issuer="at",
        kid="2Rk3X8HntrI=",
        issued_at="2021-11-02T00:00:00+00:00",
        expires_at="2022-11-02T00:00:00+00:00",
    )
    assert told["validationClock"] == "2021-12-01T12:00:00.250Z"
    codes = told.pop("valueSets")
    assert "EU/1/20/1528" in codes["vaccines-covid-19-names"]
    assert told == {
        "validationClock": "2021-12-01T12:00:00.250Z",
        "countryCode": "VN",
        "exp": "2022-11-02T00:00:00+00:00",
        "iat": "2021-11-02T00:00:00+00:00",
        "issuerCountryCode": "AT",
        "kid": "2Rk3X8HntrI=",
        "region": "",
    }
    within = {
        "not-after": [
            {"plusTime": [{"var": "external.iat"}, 0, "day"]},
            {"plusTime": [{"var": "external.validationClock"}, 0, "day"]},
            {"plusTime": [{"var": "external.exp"}, 0, "day"]},
        ]
    }
    known = {"in": ["840539006", {"var": "external.valueSets.disease-agent-targeted"}]}
    results = evaluate([rule(Logic=within), rule(Logic=known)], DCC, told | {"valueSets": codes})
    assert [each.result for each in results] == [Result.PASSED, Result.PASSED]


def test_a_naive_clock_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        check(rule(), clock=NOW.replace(tzinfo=None))


def test_all_rules_passed_is_a_pass() -> None:
    assert check(rule(), rule(**INVALIDATION)) == Check(Stage.RULES, Status.PASS)


def test_an_invalidated_certificate_fails_by_the_rules_name() -> None:
    recalled = {"v": [{"ci": "URN:UVCI:01:AT:RECALLED"}]}
    found = check(rule(), rule(**INVALIDATION), dcc=recalled)
    assert found == Check(Stage.RULES, Status.FAIL, ("rule.IR-AT-0001",))


def test_one_failed_rule_outweighs_open_ones_and_an_open_one_outweighs_passes() -> None:
    passed, failed = rule(), rule(Identifier="VR-VN-0002", Logic=False)
    opened = rule(Identifier="VR-VN-0003", Engine="DROOLS")
    assert check(passed, opened, failed) == Check(Stage.RULES, Status.FAIL, ("rule.VR-VN-0002",))
    assert check(passed, opened) == Check(Stage.RULES, Status.UNKNOWN, ("rule.open.VR-VN-0003",))


def test_without_any_rule_nothing_was_checked() -> None:
    assert check(rule(), arrival="DE") == Check(Stage.RULES, Status.NOT_RUN, ("rule.none",))


def test_an_unreadable_rule_of_either_country_is_open_and_one_of_a_third_is_not() -> None:
    good, bad = rule(), HEAD | {"ValidTo": "never"}
    _, rejected = parse_rules([bad])
    assert check(good, rejected=rejected).reasons == ("rule.open.VR-VN-0001",)
    _, rejected = parse_rules([bad | {"Country": "AT", "Identifier": "IR-AT-0002", "Type": "Invalidation"}])
    assert check(good, rejected=rejected).reasons == ("rule.open.IR-AT-0002",)
    _, rejected = parse_rules([bad | {"Country": "DE", "Identifier": "VR-DE-0001"}])
    assert check(good, rejected=rejected).status is Status.PASS
    _, rejected = parse_rules([7])
    assert check(good, rejected=rejected).reasons == ("rule.open.unreadable",)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"Identifier": "XX-VN-0001"}, "Identifier"),
        ({"Identifier": "VR-VN-0001\n"}, "Identifier"),
        ({"Type": "Hint"}, "Type"),
        ({"Country": "Vietnam"}, "Country"),
        ({"Region": 7}, "Region"),
        ({"Version": "1.0"}, "Version"),
        ({"Version": "1.0.0-rc1"}, "Version"),
        ({"EngineVersion": None}, "EngineVersion"),
        ({"SchemaVersion": "1." + "9" * 5_000 + ".0"}, "SchemaVersion"),
        ({"CertificateType": "Passport"}, "CertificateType"),
        ({"ValidFrom": "2031-01-01T00:00:00Z"}, "ValidTo"),
        ({"ValidTo": 1_900_000_000}, "ValidTo"),
        ({"Description": [{"lang": "en"}]}, "desc"),
        ({"Description": [HEAD["Description"][0]] * 65}, "Description"),
        ({"AffectedFields": [1]}, "AffectedFields"),
        ({"Engine": "x" * 5_000}, "Engine"),
        ({"Identifier": "IR-VN-0001"}, "Invalidation"),
    ],
)
def test_a_rule_with_an_unreadable_head_is_rejected_and_told_why(changes: dict[str, Any], word: str) -> None:
    rules, (rejected,) = parse_rules([HEAD | changes])
    assert rules == ()
    assert word in rejected.reason
    assert len(rejected.reason) < 100


def test_one_bad_rule_does_not_take_the_others_with_it() -> None:
    rules, rejected = parse_rules([HEAD, {}, HEAD | {"Identifier": "VR-VN-0002"}])
    assert [each.identifier for each in rules] == ["VR-VN-0001", "VR-VN-0002"]
    assert [(each.place, each.identifier, each.country) for each in rejected] == [(1, None, None)]


@pytest.mark.parametrize("whole", [None, {}, "[]", [HEAD] * (MAX_RULES + 1)])
def test_a_list_that_is_none_or_too_long_is_refused_whole(whole: Any) -> None:
    with pytest.raises(RuleListError):
        parse_rules(whole)


def test_versions_are_three_numbers() -> None:
    assert parse_version("1.10.0") == (1, 10, 0)
    assert [parse_version(each) for each in ("1.1", "1.1.1.1", "a.b.c", "-1.0.0", "٢.0.0", 1.0, None)] == [
        None
    ] * 7
