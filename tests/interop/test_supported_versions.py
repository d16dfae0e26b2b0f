"""The oldest and the newest libraries that setup.cfg allows judge alike, each in an environment of its own.

What broke, and how it is held together without asking for a version:

- cbor2 5.6.0 and 5.6.1 corrupt the heap over texts of more than 65,536 bytes, so that the process dies
  (CVE-2024-26134); up to 5.7.0 such a text with a letter across that border is misread (CVE-2025-64076).
  Our limits keep such texts away from it, but nothing above the library could mend that, and limits move:
  the floor is 5.7.1.
- cbor2 5 takes a reserved simple value or a stray break for a value, 6.0.0 gives other types under tags, and
  all take a name said twice. Now `cbor2` is believed only where its values, written again, are the bytes
  received, or a usual certificate holds no tag that makes a value; else the strict reader is asked.
- cryptography 42 takes RSA keys in DER with e = 1 or an even e, curves over binary fields, and an EC point
  with unused bits, and fails with an error of no usual family over a short Ed448 key; later versions refuse
  them all. Now `healthcert.spki` refuses them itself, by their own numbers.

The locks are made anew with `LOCKING`, which stands in their heads.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.interop import hostile
from tests.interop.environments import ROOT, environment, locked

LOCKS = {name: Path(__file__).with_name("versions") / f"{name}.lock" for name in ("oldest", "newest")}
LOCKING = (
    "uv pip compile --universal --python-version 3.11 --generate-hashes"
    " --resolution {resolution} setup.cfg tests/interop/versions/tools.in -o {lock}"
)
FOLDERS = ("tests/vectors", "tests/faults", "tests/properties")
FILES = ("tests/unit/healthcert/test_healthcert_trust.py", "tests/unit/healthcert/test_issue.py")
OTHER_ROOMS = (
    "tests/faults/test_full_outbox_disk.py",
    "tests/properties/test_revocation_histories.py",
    "tests/faults/trustlist",
)
QUICK = "not db and not e2e and not slow and not night"
SUITE_LIMIT_S = 500  # 40 s on a free core
NOT_OURS = {"pip", "setuptools", "cong-xanh"}  # of the environment, and what stands in the repository
_PIN = re.compile(r"^([a-z0-9][a-z0-9-]*)==([^ ;\\]+)(?: *; *([^\\]+?))? *\\?$", re.MULTILINE)
_NOTHING_TO_READ = "test data is absent"


def _pins(lock: Path) -> dict[str, Version]:
    """Distribution -> version, of those meant for this machine."""
    found = [
        Requirement(f"{n}=={v}" + (f" ; {m}" if m else "")) for n, v, m in _PIN.findall(lock.read_text())
    ]
    meant = [each for each in found if each.marker is None or each.marker.evaluate()]
    return {each.name: Version(next(iter(each.specifier)).version) for each in meant}


def _wanted() -> dict[str, Version]:
    """Distribution -> lowest version, by setup.cfg."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = map(Requirement, config["options"]["install_requires"].split())
    return {each.name: Version(next(iter(each.specifier)).version) for each in lines}


@pytest.mark.req("C20")
def test_the_locks_hold_the_lowest_and_the_highest_of_what_setup_cfg_asks_for() -> None:
    lowest, oldest, newest = _wanted(), _pins(LOCKS["oldest"]), _pins(LOCKS["newest"])
    product = _pins(ROOT / "requirements.lock")
    assert lowest
    assert {name: oldest.get(name) for name in lowest} == lowest, LOCKING
    behind = {name for name in lowest if newest[name] < product[name]}
    assert not behind, LOCKING


def _said(command: list[str], given: str = "") -> str:
    """What a command answers to `given`; it must end well."""
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _installed(python: str) -> Mapping[str, Version]:
    code = (
        "import importlib.metadata as m, json, cbor2, cryptography, pyld, asn1crypto;"
        "print(json.dumps({d.name.lower().replace('_', '-'): d.version for d in m.distributions()}))"
    )
    return {name: Version(version) for name, version in json.loads(_said([python, "-c", code])).items()}


@pytest.fixture(scope="module")
def pythons() -> dict[str, str]:
    """The interpreter of each environment."""
    return {name: locked(f"versions-{name}", LOCKS[name], sys.executable) for name in LOCKS}


@pytest.fixture(scope="module")
def suites(
    pythons: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[tuple[str, list[ET.Element]]]]]:
    """The suites in each environment, running side by side: (pytest's words, its test cases)."""
    folder = tmp_path_factory.mktemp("versions")

    def run(name: str) -> tuple[str, list[ET.Element]]:
        report = folder / f"{name}.xml"
        command = [pythons[name], "-m", "pytest", "-q", "-m", QUICK, "-p", "no:cacheprovider"]
        command += [f"--junitxml={report}", *FOLDERS, *FILES, *(f"--ignore={path}" for path in OTHER_ROOMS)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment(),
            timeout=SUITE_LIMIT_S,
            check=False,
        )
        words = done.stdout[-6000:] + done.stderr[-2000:]
        assert report.exists(), words
        return words, list(ET.parse(report).iter("testcase"))

    with ThreadPoolExecutor(len(LOCKS)) as pool:
        yield {name: pool.submit(run, name) for name in LOCKS}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.req("C20")
@pytest.mark.parametrize("name", LOCKS)
def test_an_environment_holds_what_its_lock_says_and_no_other_library(
    pythons: dict[str, str], name: str
) -> None:
    installed = {each: v for each, v in _installed(pythons[name]).items() if each not in NOT_OURS}
    assert installed == _pins(LOCKS[name])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.req("C20", "K14")
@pytest.mark.parametrize("name", LOCKS)
def test_the_suites_of_healthcert_pass(
    suites: dict[str, Future[tuple[str, list[ET.Element]]]], name: str
) -> None:
    words, cases = suites[name].result()
    ends = Counter(child.tag for case in cases for child in case if child.tag in ("failure", "error"))
    skips = [each.get("message", "") for case in cases for each in case.iter("skipped")]
    assert not ends, words
    assert [why for why in skips if _NOTHING_TO_READ not in why] == []
    modules = [case.get("classname") or "" for case in cases]
    for place in (*FOLDERS, *FILES):
        assert any(module.startswith(place.removesuffix(".py").replace("/", ".")) for module in modules)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.req("C20", "K14", "K16")
def test_hostile_inputs_get_the_same_answer_from_every_version(pythons: dict[str, str]) -> None:
    asked = hostile.inputs()
    here = hostile.answers(asked)
    kinds = Counter((kind, said.split()[0]) for (kind, _), said in zip(asked, here, strict=True))
    assert {kind for kind, word in kinds if word in ("valid", "True")} == {"text", "certificate"}
    assert not [said for said in here if said.startswith("raised") or "internal.error" in said]
    for name, python in (*pythons.items(), *_others()):
        there = json.loads(_said([python, "-m", "tests.interop.hostile"], json.dumps(asked)))
        differ = [(name, *each) for each in zip(asked, here, there, strict=True) if each[1] != each[2]]
        assert differ == []


def _others() -> Iterator[tuple[str, str]]:
    """The newest libraries under each other Python that works on this machine."""
    for minor in (12, 13, 14):
        path = shutil.which(f"python3.{minor}")
        if path is None or sys.version_info[:2] == (3, minor):
            continue
        works = subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True, check=False)
        if works.returncode == 0:
            yield f"3.{minor}", locked(f"versions-3.{minor}", LOCKS["newest"], os.path.realpath(path))
