"""The formats we verify: one row each, a way to read and a way to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from ..model import DIVOC, EU_DCC, SHC, VDS_NC, WHO_DDCC, Decoded, Finding
from ..policy import Policy
from ..trust import TrustView
from ..verdict import Check, Stage
from . import ddcc, eu_dcc, hcert, shc, vdsnc
from .divoc import envelope as divoc_envelope
from .divoc import verdict as divoc


class Clean(NamedTuple):
    """The checks of a certificate nothing is wrong with, as the very tuples `decode` and `verify` return.

    The usual result is then told by identity, and nothing is put together or counted for it.
    """

    decoded: tuple[Check, ...]
    verified: tuple[Check, ...]
    all: tuple[Check, ...]


class Format(NamedTuple):
    """`decode` raises DecodeError at one of `stages`; `verify` returns what it found, whatever was signed.

    The stages carry the names of the first format: base45 is the text encoding, zlib the compression, cose
    the envelope. A format that lacks one leaves it out.
    """

    stages: tuple[Stage, ...]
    decode: Callable[[str], Decoded]
    verify: Callable[[Decoded, TrustView, Policy, datetime], Finding]
    clean: Clean | None = None


def _clean(decoded: tuple[Check, ...], verified: tuple[Check, ...]) -> Clean:
    return Clean(decoded, verified, decoded + verified)


FORMATS: Mapping[str, Format] = {
    EU_DCC: Format(hcert.DECODE_STAGES, hcert.decode, eu_dcc.verify, _clean(hcert.PASSED, eu_dcc.CLEAN)),
    WHO_DDCC: Format(hcert.DECODE_STAGES, hcert.decode, ddcc.verify),
    SHC: Format(shc.DECODE_STAGES, shc.decode, shc.verify),
    VDS_NC: Format(vdsnc.DECODE_STAGES, vdsnc.decode, vdsnc.verify),
    DIVOC: Format(divoc_envelope.DECODE_STAGES, divoc_envelope.decode, divoc.verify),
}
