"""The peer `dcc-utils`: parse and check the signature of each certificate; runs in its own environment."""

import base64
import json
import sys
import time

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from dcc_utils.dcc import from_raw

cases = []
for case in json.loads(sys.stdin.readline()):
    pem = load_der_x509_certificate(base64.b64decode(case["signer"])).public_bytes(Encoding.PEM)
    try:
        good = from_raw(case["text"]).check_signature(pem)
    except Exception:  # noqa: S112 - what the peer cannot read, it is not timed on
        continue
    if good:
        cases.append((case["text"], pem))
print("ready" if cases else "none", flush=True)
for line in sys.stdin:
    count, begun = 0, time.process_time()
    while time.process_time() < begun + float(line):
        text, pem = cases[count % len(cases)]
        from_raw(text).check_signature(pem)
        count += 1
    print(count / (time.process_time() - begun), flush=True)
