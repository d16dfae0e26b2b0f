"""Reads [{text, pem, alg, kid}] with `cwt` and `base45`; prints for each the verified EU payload or null.

Runs in its own environment. `cwt` checks the signature and the times of the CWT.
"""

import json
import sys
import zlib

import base45
import cwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate


def read(case: dict) -> dict | None:
    """The payload, or None when the reader refuses the text."""
    public = load_pem_x509_certificate(case["pem"].encode()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = cwt.COSEKey.from_pem(pem, alg=case["alg"], kid=bytes.fromhex(case["kid"]))
    try:
        claims = cwt.decode(zlib.decompress(base45.b45decode(case["text"][4:])), keys=key)
    except Exception:  # whatever a reader raises, it did not accept the text
        return None
    return claims[-260][1]


json.dump([read(case) for case in json.load(sys.stdin)], sys.stdout)
