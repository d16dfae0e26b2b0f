"""The commands of `python -m healthcert`: one line in, one line out, whatever the line."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from healthcert import __main__ as command
from healthcert.limits import MAX_LINE_BYTES

SAMPLE = Path(__file__).resolve().parents[2] / "vectors" / "sample"
STAGES = [
    "prefix",
    "base45",
    "zlib",
    "cose",
    "signature",
    "key_usage",
    "time",
    "schema",
    "revocation",
    "rules",
]
KEYS = ["outcome", "reasons", "format", "kind", "issuer", "stages", "claims"]


def _vector(name: str = "at-1-vaccination") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SAMPLE / f"{name}.json").read_text("utf-8"))
    return loaded


def _request(**more: Any) -> dict[str, Any]:
    vector = _vector()
    trust = {"keys": [{"kid": None, "x5c": [vector["TESTCTX"]["CERTIFICATE"]], "formats": ["eu-dcc"]}]}
    return {"text": vector["PREFIX"], "at": vector["TESTCTX"]["VALIDATIONCLOCK"], "trust": trust} | more


def _run(
    data: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *more: str
) -> list[Any]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert command.main(["verify", *more]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.req("K16")
def test_a_good_certificate_prints_the_agreed_shape(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (answer,) = _run(json.dumps(_request()).encode(), capsys, monkeypatch)
    assert list(answer) == KEYS
    assert list(answer["stages"]) == STAGES
    assert answer["outcome"] == "valid"
    assert answer["reasons"] == []
    assert (answer["format"], answer["kind"], answer["issuer"]) == ("eu-dcc", "vaccination", "AT")
    assert [s for s, status in answer["stages"].items() if status != "pass"] == ["revocation", "rules"]
    claims = ["holder", "vaccinations", "tests", "recoveries", "issued_at", "expires_at", "dcc"]
    assert list(answer["claims"]) == claims
    assert answer["claims"]["dcc"] == _vector()["JSON"]


@pytest.mark.req("K16")
def test_every_bad_line_gets_one_answer_and_the_next_line_is_still_served(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = json.dumps(_request()).encode()
    cases = [
        (b"", "input.not_json"),
        (b"\xff\xfe", "input.not_json"),
        (b"[" * 100_000, "input.not_json"),
        (b"1" * 10_000, "input.not_json"),
        (b"[]", "input.no_text"),
        (b'{"text":7}', "input.no_text"),
        (json.dumps(_request(at="noon")).encode(), "input.at"),
        (json.dumps(_request(at=[])).encode(), "input.at"),
        (json.dumps(_request(at=1e308)).encode(), "input.at"),
        (json.dumps(_request(trust=7)).encode(), "input.trust"),
        (json.dumps(_request(trust={"keys": {}})).encode(), "input.trust"),
        (json.dumps(_request(policy={"unheard_of": 1})).encode(), "input.policy"),
        (json.dumps(_request(policy={"require": ["magic"]})).encode(), "input.policy"),
        (b'{"text":"\\ud800"}', "format.unsupported"),
        (b'{"text":"HC1:\\ud800"}', "decode.base45_character"),
        (b'{"text":"HC1:' + b"A" * MAX_LINE_BYTES * 2 + b'"}', "decode.too_long"),
        (b'{"trust":[' + b"1," * MAX_LINE_BYTES + b"1]}", "input.line_too_long"),
        (json.dumps(_request(trust={"keys": []})).encode(), "trust.unknown_kid"),
        (json.dumps(_request(trust=None)).encode(), "trust.missing"),
    ]
    lines = b"\n".join(line + b"\n" + good for line, _ in cases)
    answers = _run(lines, capsys, monkeypatch)
    assert [answer["reasons"] for answer in answers[::2]] == [[reason] for _, reason in cases]
    assert {answer["outcome"] for answer in answers[1::2]} == {"valid"}
    assert all(list(answer) == KEYS and list(answer["stages"]) == STAGES for answer in answers)


@pytest.mark.req("K16")
def test_trust_and_time_may_come_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _request()
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(request["trust"]), "utf-8")
    line = json.dumps({"text": request["text"]}).encode()
    (answer,) = _run(line, capsys, monkeypatch, "--trust", str(trust), "--at", request["at"])
    assert answer["outcome"] == "valid"


@pytest.mark.req("K16")
def test_wrong_use_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["verify", "--trust", str(tmp_path / "absent.json")]) == 2
    assert command.main(["verify", "--at", "noon"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.split(":")[0] for line in shown.err.splitlines()] == ["healthcert", "healthcert"]


@pytest.mark.req("K16")
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "holds no usable key"),
        ('{"keys": [{"spki": "AAAA"}]}', "holds no usable key"),
        ("", "Expecting value"),
        ("7", "a trust object is a JSON object"),
        ("[" * 100_000, "recursion"),
    ],
    ids=range(5),
)
def test_a_trust_file_that_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, told: str
) -> None:
    (tmp_path / "trust.json").write_text(content)
    assert command.main(["explain", "HC1:", "--trust", str(tmp_path / "trust.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"healthcert: {tmp_path / 'trust.json'}: ")
    assert told in line


@pytest.mark.req("K16")
@pytest.mark.parametrize("at", ["yesterday", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_names_its_option(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["verify", "--at", at]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"healthcert: --at: '{at}' is no RFC 3339 time")


@pytest.mark.req("K16")
def test_explain_shows_a_person_what_was_checked(tmp_path: Path) -> None:
    request = _request()
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(request["trust"]), "utf-8")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "healthcert",
            "explain",
            request["text"],
            "--trust",
            str(trust),
            "--at",
            request["at"],
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert ran.stdout.startswith("VALID\n")
    assert re.search(r"Signature +passed", ran.stdout)
    assert ran.stderr == ""


@pytest.mark.req("K16")
def test_explain_shows_nothing_of_the_holder_while_unsigned(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["explain", _vector()["PREFIX"]]) == 0
    shown = capsys.readouterr().out
    assert "There is no trust list" in shown
    assert "Musterfrau" not in shown
