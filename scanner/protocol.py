"""Messages between kiosk and central service: pure, versioned, nothing personal.

A report is a COSE_Sign1 (ES256, kid = device id, 16 bytes) whose payload is one CBOR map:

    {1: version, 2: device (bytes 16), 3: epoch (uint), 4: first_seq (uint), 5: [entry, ...], 6: gap?, 7: status?}

`gap` is the number of sequence numbers before the first entry that the kiosk no longer holds (an alarm at the
service, never a stop): the entries then start at first_seq + gap. An entry is an array, see `ENTRY_FIELDS`.
Each (device, epoch) is a stream of its own; the service names a new epoch when a stream forks.
The reply is a CBOR map, see `Reply`.
Source: requirement K04; RFC 8949, RFC 9052 §4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

VERSION = 1
CONTENT_TYPE = "application/cose; cose-type=cose-sign1"
MAX_BATCH_ENTRIES = 1_000
MAX_BATCH_BYTES = 256 * 1024  # 1,000 entries of at most ~200 bytes and the envelope
