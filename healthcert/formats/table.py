"""The formats we verify: one row each, a way to read and a way to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from ..model import DIVOC, EU_DCC, SHC, VDS_NC, WHO_DDCC, Decoded, Finding
from ..policy import Policy
from ..trust import TrustView
from ..verdict import Stage
from . import ddcc, eu_dcc, hcert, shc, vdsnc
from .divoc import envelope as divoc_envelope
from .divoc import verdict as divoc


class Format(NamedTuple):
    """`decode` raises DecodeError at one of `stages`; `verify` returns what it found, whatever was signed.

    The stages carry the names of the first format: base45 is the text encoding, zlib the compression, cose
    the envelope. A format that lacks one leaves it out.
    """

    stages: tuple[Stage, ...]
    decode: Callable[[str], Decoded]
    verify: Callable[[Decoded, TrustView, Policy, datetime], Finding]


FORMATS: Mapping[str, Format] = {
    EU_DCC: Format(hcert.DECODE_STAGES, hcert.decode, eu_dcc.verify),
    WHO_DDCC: Format(hcert.DECODE_STAGES, hcert.decode, ddcc.verify),
    SHC: Format(shc.DECODE_STAGES, shc.decode, shc.verify),
    VDS_NC: Format(vdsnc.DECODE_STAGES, vdsnc.decode, vdsnc.verify),
    DIVOC: Format(divoc_envelope.DECODE_STAGES, divoc_envelope.decode, divoc.verify),
}
