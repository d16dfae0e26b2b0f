"""Signing what was prepared, beside the raw signature of the same bytes, on one core."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.measure import Figure, figure, interleaved, median_ratio, rate
from healthcert.issue import CertificateRequest, LocalSigner, prepare, redeem, with_check

CERTIFICATES = 64
ROUNDS, SECONDS = 21, 0.3
NOW = datetime(2022, 4, 15, 2, 30, tzinfo=UTC)


def figures() -> list[Figure]:
    """issue.ratio_raw_sign, and in its text what `redeem` and `prepare` reach and where the time goes."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer, algorithm = LocalSigner(key), ec.ECDSA(SHA256())
    requests = [_request(signer, number) for number in range(CERTIFICATES)]
    prepared = [prepare(request) for request in requests]
    signed = [(key.sign(each.to_be_signed, algorithm), each.to_be_signed) for each in prepared]
    public = key.public_key()
    works: dict[str, Callable[[int], object]] = {
        "redeem": lambda i: redeem(prepared[i % CERTIFICATES], signer),
        "sign": lambda i: key.sign(prepared[i % CERTIFICATES].to_be_signed, algorithm),
        "verify": lambda i: public.verify(*signed[i % CERTIFICATES], algorithm),
        "prepare": lambda i: prepare(requests[i % CERTIFICATES]),
    }
    found = interleaved(
        {name: (lambda work=work: rate(work, SECONDS)) for name, work in works.items()},  # type: ignore[misc]
        ROUNDS,
    )
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    beside = f"raw ES256 sign {medians['sign']:.0f}/s, verify {medians['verify']:.0f}/s"
    how = (
        f"{CERTIFICATES} vaccination certificates, one core, medians of {ROUNDS} rounds of {SECONDS:g} s in "
        f"turn; redeem {medians['redeem']:.0f}/s (sign, verify once, deflate, base45), "
        f"prepare {medians['prepare']:.0f}/s"
    )
    return [figure("issue.ratio_raw_sign", median_ratio(found["redeem"], found["sign"]), "", beside, how)]


def _request(signer: LocalSigner, number: int) -> CertificateRequest:
    dose = {
        "tg": "840539006",
        "vp": "1119349007",
        "mp": "EU/1/20/1528",
        "ma": "ORG-100030215",
        "dn": 2,
        "sd": 2,
        "dt": "2021-12-01",
        "co": "VN",
        "is": "Cục Y tế dự phòng",
        "ci": with_check(f"URN:UVCI:01:VN:7A3K9/{number:012d}"),
    }
    name = {"fn": "Nguyễn", "gn": "Thị Đào"}
    dcc = {"ver": "1.3.0", "nam": name, "dob": f"19{number % 80 + 10}-02-03", "v": [dose]}
    return CertificateRequest(dcc, "VN", signer.alg, signer.kid, NOW, kind="passport", nationality="VNM")
