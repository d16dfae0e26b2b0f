"""Events of EU certificates that lie in the future of whoever checks them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from healthcert import Outcome, Stage, Status, judge

pytestmark = [pytest.mark.req("K01"), pytest.mark.req("K16")]
COMMON = {"tg": "840539006", "co": "AT", "is": "Ministry", "ci": "URN:UVCI:01:AT:1#A"}


def certificate(dcc: Any, kind: str, day: str, **more: Any) -> dict[str, Any]:
    entry = {
        "v": {**dcc()["v"][0], "dt": day},
        "t": {**COMMON, "tt": "LP6464-4", "nm": "x", "sc": f"{day}T08:00:00Z", "tr": "260415000", "tc": "c"},
        "r": {**COMMON, "fr": day, "df": "2022-01-01", "du": "2022-06-01"},
    }[kind]
    return {name: value for name, value in dcc().items() if name != "v"} | {kind: [entry | more]}


@pytest.mark.parametrize("kind", ["v", "t", "r"])
@pytest.mark.parametrize("spelled", [{}, {"ma": None}], ids=["read fast", "read strictly"])
@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        ("2022-01-15", Outcome.VALID),
        ("2022-01-16", Outcome.VALID),  # it is tomorrow already at UTC+14
        ("2022-01-17", Outcome.INVALID),
        ("2022-12-31", Outcome.INVALID),
        ("2099-12-31", Outcome.INVALID),
    ],
)
def test_what_happened_later_than_tomorrow_has_not_happened(
    issuer: Any, noon: datetime, dcc: Any, kind: str, spelled: dict[str, Any], day: str, outcome: Outcome
) -> None:
    content = certificate(dcc, kind, day, **({} if kind == "v" else spelled))
    verdict = judge(issuer.text(dcc=content), issuer.trust(), now=noon)
    assert verdict.outcome is outcome
    assert verdict.reasons == (() if outcome is Outcome.VALID else ("time.not_yet",))


def test_the_validity_of_a_recovery_may_begin_later(issuer: Any, noon: datetime, dcc: Any) -> None:
    content = certificate(dcc, "r", "2022-01-10", df="2022-01-21", du="2022-07-10")
    assert judge(issuer.text(dcc=content), issuer.trust(), now=noon).outcome is Outcome.VALID


@pytest.mark.parametrize("day", ["9999-12-31", "soon", ""])
def test_a_day_far_off_or_none_is_refused_without_an_error(
    issuer: Any, noon: datetime, dcc: Any, day: str
) -> None:
    verdict = judge(issuer.text(dcc=certificate(dcc, "v", day)), issuer.trust(), now=noon)
    assert verdict.outcome is Outcome.INVALID
    assert "internal.error" not in verdict.reasons


def test_at_the_end_of_the_calendar_there_is_no_tomorrow(issuer: Any, dcc: Any) -> None:
    last = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    verdict = judge(issuer.text(dcc=certificate(dcc, "v", "9999-12-31")), issuer.trust(), now=last)
    assert "internal.error" not in verdict.reasons
    assert verdict.status(Stage.SIGNATURE) is Status.PASS
