"""`python -m healthcert certlogic`: one line in, one line out, whatever the line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest

from healthcert import __main__ as command
from healthcert.limits import MAX_LOGIC_LINE_BYTES

pytestmark = [pytest.mark.req("K16")]


def run(data: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert command.main(["certlogic"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def line(logic: Any, data: Any) -> bytes:
    return json.dumps({"logic": logic, "data": data}).encode()


def test_results_are_json_and_dates_are_texts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        line({"and": [{"var": "a"}, {"<": [1, {"var": "a"}]}]}, {"a": 2}),
        line({"plusTime": [{"var": ""}, 1, "year"]}, "2020-02-29"),
        line([{"dccDateOfBirth": ["2004"]}, {"var": "x"}], None),
        b'{"logic": {"!": [{"var": "x"}]}}',
        line({"var": ""}, {"name": "Nguyễn \ud83d\ude00"}),
    ]
    assert run(b"\n".join(lines), capsys, monkeypatch) == [
        {"result": True},
        {"result": "2021-03-01T00:00:00.000Z"},
        {"result": ["2004-12-31T00:00:00.000Z", None]},
        {"result": True},
        {"result": {"name": "Nguyễn 😀"}},
    ]


def test_every_bad_line_gets_one_error_and_the_next_line_is_still_served(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = line(True, None)
    bad = [
        (b"", "input.not_json"),
        (b"\xff\xfe", "input.not_json"),
        (b"[" * 100_000, "input.not_json"),
        (b"1" * 10_000, "input.not_json"),
        (b'{"logic": NaN}', "input.not_json"),
        (b'{"logic": {"var": ""}, "data": Infinity}', "input.not_json"),
        (b"7", "input.no_logic"),
        (b'{"data": 1}', "input.no_logic"),
        (b'{"logic": true, "data": "' + b"x" * MAX_LOGIC_LINE_BYTES * 2 + b'"}', "input.line_too_long"),
        (line(None, None), "invalid CertLogic expression"),
        (line({"+": [1, "1"]}, None), "an operand is not an integer"),
        (line({"var": ""}, "x" * 5_000), "a text of more than 1024 characters"),
        (line({"reduce": [{"var": ""}, {"var": "current"}, 0]}, [1] * 90_000), "more than 100000 steps"),
        (b'{"logic": {"var": ""}, "data": ' + b"[" * 500 + b"]" * 500 + b"}", "a result too large to give"),
        (b'{"logic": ' + b"[" * 900 + b"]" * 900 + b"}", "an expression nested more than 128 deep"),
        (b'{"logic": {"var": ""}, "data": 1e400}', "a result that JSON readers do not hold exactly"),
    ]
    answers = run(b"\n".join(each + b"\n" + good for each, _ in bad), capsys, monkeypatch)
    assert answers[::2] == [{"error": reason} for _, reason in bad]
    assert answers[1::2] == [{"result": True}] * len(bad)


def test_a_lone_surrogate_is_answered_like_any_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = run(b'{"logic": "\\ud800"}\n{"logic": {"\\ud800": []}}', capsys, monkeypatch)
    assert answers == [{"result": "\ud800"}, {"error": 'unrecognised operator: "\ud800"'}]


def test_the_command_runs_as_a_process_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "healthcert", "certlogic"],
        input=line({"in": ["a", ["a"]]}, None) + b"\n",
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b'{"result": true}\n', b"")
