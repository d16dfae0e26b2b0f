"""Implementations of other people read and verify what we issue, each in a locked environment of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from healthcert import decode
from healthcert.issue import CertificateRequest, LocalSigner, prepare, redeem, with_check
from healthcert.keys import ES256
from healthcert.transport import base45, cose

pytestmark = [pytest.mark.slow, pytest.mark.req("C20"), pytest.mark.timeout(600)]
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOME = ROOT / "var" / "interop"
INSTALL_LIMIT_S = 240
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)  # one reader looks at its own clock


# --- the readers --------------------------------------------------------------------------------------


def _run(command: list[str], folder: Path) -> None:
    """Run one step of an installation; a registry out of reach skips the test and says why."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"not installed within {INSTALL_LIMIT_S} s: {command[0]}")
    said = done.stderr or done.stdout
    if done.returncode:
        # the registry answered and the package is not the locked one: no excuse
        assert "hash" not in said.lower()
        assert "EINTEGRITY" not in said
        lines = said.strip().splitlines()
        pytest.skip("could not be installed: " + " / ".join(lines[:1] + lines[-1:]))


def _once(home: Path, lock: Path, steps: list[list[str]]) -> None:
    """The environment in `home`, made anew when `lock` changed."""
    mark = home / f"made-from-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    if mark.exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for step in steps:
        _run(step, home)
    mark.touch()


def _python(name: str) -> list[str]:
    home, lock = HOME / name, ROOT / "benchmarks" / "peers" / f"{name}.lock"
    python = str(home / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-qq", "--no-deps", "--require-hashes", "-r", str(lock)]
    _once(home, lock, [[sys.executable, "-m", "venv", str(home)], pip])
    return [python, str(HERE / f"read_{name}.py")]


def _javascript() -> list[str]:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("no npm on this machine")
    home, source = HOME / "dcc_utils_js", HERE / "dcc_utils_js"
    copy = ["cp", str(source / "package.json"), str(source / "package-lock.json"), "."]
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _once(home, source / "package-lock.json", [copy, install])
    shutil.copy(source / "read.js", home / "read.js")  # beside what it requires
    return [node, str(home / "read.js")]


READERS: dict[str, Callable[[], list[str]]] = {
    "python cwt + base45": lambda: _python("cwt"),
    "python dcc-utils": lambda: _python("dcc_utils"),
    "node dcc-utils": _javascript,
}


# --- what they are given ------------------------------------------------------------------------------


def _signer(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> LocalSigner:
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")])
    life = (NOW - timedelta(days=1), NOW + timedelta(days=731))
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, *life)
    return LocalSigner(key, builder.sign(key, SHA256()).public_bytes(Encoding.DER))


SIGNERS = (
    _signer(ec.generate_private_key(ec.SECP256R1())),
    _signer(rsa.generate_private_key(public_exponent=65_537, key_size=2048)),
)
EVENT = {
    "tg": "840539006",
    "co": "VN",
    "is": "Cục Y tế dự phòng",
    "ci": with_check("URN:UVCI:01:VN:7A3K9/PQ1"),
}
ENTRIES: dict[str, dict[str, Any]] = {
    "v": EVENT
    | {"vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 3, "sd": 3, "dt": "2021-12-01"},
    "t": EVENT
    | {"tt": "LP6464-4", "sc": "2022-04-14T08:00:00+07:00", "tr": "260415000", "tc": "Bệnh viện Bạch Mai"},
    "r": EVENT | {"fr": "2022-01-03", "df": "2022-01-14", "du": "2022-07-02"},
}
NAMES = (
    {"fn": "Nguyễn", "gn": "Thị Ánh Tuyết", "fnt": "NGUYEN", "gnt": "THI<ANH<TUYET"},
    {"fn": "Đặng", "gn": "Hữu Phước", "fnt": "DANG", "gnt": "HUU<PHUOC"},
)
CLAIMS = ({}, {"kind": "passport", "nationality": "VNM"}, {"kind": "domestic"})


def _cases() -> list[tuple[dict[str, str], dict[str, Any]]]:
    """(what the reader is given, the payload it must give back): 3 kinds, 2 algorithms, 3 private claims."""
    cases = []
    for signer in SIGNERS:
        certificate = x509.load_der_x509_certificate(signer.certificate or b"")
        pem = certificate.public_bytes(Encoding.PEM).decode("ascii")
        for kind, entry in ENTRIES.items():
            for number, claims in enumerate(CLAIMS):
                dcc = {"ver": "1.3.0", "nam": NAMES[number % 2], "dob": "1985-02-03", kind: [entry]}
                request = CertificateRequest(dcc, "VN", signer.alg, signer.kid, NOW, **claims)
                alg = "ES256" if signer.alg == ES256 else "PS256"
                text = redeem(prepare(request), signer)
                cases.append(({"text": text, "pem": pem, "alg": alg, "kid": signer.kid.hex()}, dcc))
    return cases


def _tampered(text: str) -> list[str]:
    """The same certificate with another year of birth, another name, and a broken signature."""
    envelope = decode(text).envelope
    payload, signature = envelope.unverified_payload, envelope.signature
    changed = (
        envelope._replace(unverified_payload=payload.replace(b"1985", b"1986")),
        envelope._replace(unverified_payload=payload.replace(b"NGUYEN", b"NGUYET").replace(b"DANG", b"DENG")),
        envelope._replace(signature=signature[:-1] + bytes([signature[-1] ^ 1])),
    )
    assert envelope not in changed
    return ["HC1:" + base45.encode(zlib.compress(cose.write(each))) for each in changed]


@pytest.mark.parametrize("reader", READERS, ids=str)
def test_an_independent_implementation_verifies_what_we_issue_and_refuses_it_when_changed(
    reader: str,
) -> None:
    command = READERS[reader]()
    cases = _cases()
    changed = [given | {"text": text} for given, _ in cases for text in _tampered(given["text"])]
    asked = json.dumps([given for given, _ in cases] + changed)
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers[: len(cases)] == [dcc for _, dcc in cases]
    assert answers[len(cases) :] == [None] * len(changed)
