"""Full verdicts per second on one core, beside the raw signature check and the peers."""

from __future__ import annotations

import base64
import hashlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks import stages
from benchmarks.measure import Figure, cpu_rate, figure, interleaved, median_ratio
from healthcert import DEFAULT_POLICY, decode, judge
from healthcert.keys import algorithm_of, from_certificate, verifier_of
from healthcert.model import EU_DCC
from healthcert.transport.cose import signed_bytes
from healthcert.trust import parse_trust_object

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "demo"))

from scenes import DEMO_NOW, load_vectors, testdata, trust_object  # noqa: E402

PEERS = {"cwt": "cwt", "sdk": "dcc_utils"}
MAX_TEXTS = 80
ROUNDS, SECONDS = 63, 0.1
ES256 = -7


def figures() -> list[Figure]:
    """verify.per_s, the ratios, and verify.beside_signature_us with where that time goes."""
    vectors = load_vectors(testdata())
    trust = parse_trust_object(trust_object(vectors))
    chosen = [
        vector
        for vector in vectors
        if not judge(vector.text, trust, DEFAULT_POLICY, DEMO_NOW).reasons
        and algorithm_of(from_certificate(base64.b64decode(vector.signer)).public_key) == ES256
    ][:MAX_TEXTS]
    texts = [vector.text for vector in chosen]
    raw_cases, bare_keys = [], []
    for vector in chosen:
        envelope = decode(vector.text).envelope
        if envelope is None:
            continue
        key = from_certificate(base64.b64decode(vector.signer)).public_key
        r, s = (int.from_bytes(envelope.signature[at : at + 32], "big") for at in (0, 32))
        raw_cases.append((key, encode_dss_signature(r, s), signed_bytes(envelope)))
        bare_keys.append(verifier_of(key))
    total, algorithm = len(texts), ec.ECDSA(SHA256())

    def full(i: int) -> object:
        return judge(texts[i % total], trust, DEFAULT_POLICY, DEMO_NOW)

    def bare(i: int) -> object:
        envelope = decode(texts[i % total]).envelope
        if envelope is None or not trust.signers(EU_DCC, envelope.kid or b""):
            raise AssertionError
        return bare_keys[i % total](envelope.signature, signed_bytes(envelope))

    def raw(i: int) -> object:
        key, signature, data = raw_cases[i % total]
        return key.verify(signature, data, algorithm)

    works: dict[str, Callable[[], float]] = {
        name: (lambda work=work: cpu_rate(work, SECONDS))  # type: ignore[misc]
        for name, work in (("full", full), ("bare", bare), ("raw", raw))
    }
    peers = {name: peer for name, folder in PEERS.items() if (peer := _peer(name, folder, chosen))}
    works |= {name: peer.measure for name, peer in peers.items()}
    try:
        found = interleaved(works, ROUNDS)
    finally:
        for peer in peers.values():
            peer.close()
    how = (
        f"{total} official ES256 certificates, one core, medians of {ROUNDS} rounds of {SECONDS:g} s in turn,"
        " counted in core time"
    )
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    per_s = figure("verify.per_s", medians["full"], "1/s", f"raw ES256 {medians['raw']:.0f}/s", how)
    lines = [
        per_s,
        figure("verify.ratio_raw", median_ratio(found["full"], found["raw"]), "", ">= 0.6 of raw", how),
        figure("verify.ratio_bare", median_ratio(found["bare"], found["raw"]), "", ">= 0.65 of raw", how),
    ]
    spent = stages.stages(texts, trust, DEMO_NOW)
    beyond = spent["whole"] - spent[stages.SIGNATURE]
    lines.append(figure("verify.beside_signature_us", beyond, "us", "-", stages.told(spent)))
    for name, label in (("cwt", "cwt + base45"), ("sdk", "dcc-utils 0.2.1")):
        value = median_ratio(found["full"], found[name]) if name in found else None
        beside = f"{label} {medians[name]:.0f}/s" if name in found else f"{label}: could not be installed"
        lines.append(figure(f"verify.ratio_{name}", value, "", beside, how))
    return lines


class _Peer:
    """A peer in its own environment, spoken to line by line."""

    def __init__(self, python: Path, script: Path, cases: list[dict[str, str]]) -> None:
        self._process = subprocess.Popen(
            [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._say(json.dumps(cases))
        self.ready = self._hear() == "ready"

    def measure(self) -> float:
        """Certificates per second over SECONDS."""
        self._say(str(SECONDS))
        return float(self._hear())

    def close(self) -> None:
        """End it."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(10)

    def _say(self, line: str) -> None:
        if self._process.stdin:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _hear(self) -> str:
        return self._process.stdout.readline().strip() if self._process.stdout else ""


def _peer(name: str, folder: str, chosen: list[Any]) -> _Peer | None:
    home = ROOT / "var" / "bench" / f"peer-{folder}"
    lock = ROOT / "benchmarks" / "peers" / f"{folder}.lock"
    mark = home / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if not mark.exists():
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [str(home / "bin/pip"), "install", "-qq", "--no-deps", "--require-hashes", "-r", str(lock)],
        )
        for command in commands:
            if subprocess.run(command, check=False, capture_output=True).returncode:
                return None
        mark.touch()
    cases = [{"text": vector.text, "signer": vector.signer} for vector in chosen]
    peer = _Peer(home / "bin/python", ROOT / "benchmarks" / "peers" / f"peer_{name}.py", cases)
    return peer if peer.ready else None
