"""Text of a DIVOC code to the JSON-LD document and its proof, nothing of it believed yet.

Three carriers: `B64:` and a zip archive in base64, the archive's own bytes as Latin-1 text, the bare JSON.
Source: DIVOC (github.com/egovernments/DIVOC, MIT) certificate signer and verification page; W3C Verifiable
Credentials 1.1; RFC 7797 (detached JWS, b64=false); notes/certificates-other-formats-and-vietnam §1.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ... import keys
from ...errors import DecodeError
from ...limits import MAX_INFLATED_BYTES
from ...model import DIVOC, Decoded
from ...transport import base64url, strict_json, zipped
from ...verdict import Check, Stage, Status

MEMBER = "certificate.json"
DECODE_STAGES = (Stage.PREFIX, Stage.BASE45, Stage.ZLIB, Stage.COSE)
_BASE64_PREFIX = "B64:"
# The type of a proof fixes its algorithm; the words of the JWS header must say the same.
PROOF_ALGORITHMS = {"RsaSignature2018": keys.PS256, "Ed25519Signature2018": keys.EDDSA}
JWS_ALGORITHMS = {"PS256": keys.PS256, "EdDSA": keys.EDDSA}
_PROOF_MEMBERS = {"type", "created", "verificationMethod", "proofPurpose", "jws"}
# An RSA signature of 8192 bits is 1,366 characters, the usual header 58.
_MAX_JWS_CHARS = 2_048
_MAX_METHOD_CHARS = 256
# Absolute, so that the proof covers it (a relative IRI is dropped before hashing), and of a scheme that is no
# prefix of a pinned context.
_METHOD = re.compile(r"(?:did|https):[!#-;=?-\[\]_a-z~]+", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Envelope(NamedTuple):
    """The document without its proof, and the proof without its signature."""

    document: Mapping[str, Any]
    proof: Mapping[str, str]
    algorithm: int | None  # COSE number of what the JWS header names; None: nothing we know
    header: bytes  # the protected JWS header as it was signed: base64url text
    signature: bytes

    @property
    def method(self) -> str:
        """The key the proof names: a DID, perhaps with a fragment."""
        return self.proof["verificationMethod"]

    def __repr__(self) -> str:
        """Without the document: a repr ends in logs and tracebacks."""
        return f"Envelope({self.method!r}, algorithm={self.algorithm})"


def decode(text: str) -> Decoded:
    """The envelope in `text`. Raises DecodeError at one of DECODE_STAGES."""
    stages: tuple[Stage, ...] = DECODE_STAGES
    if text.startswith(_BASE64_PREFIX):
        archive = zipped.decode_base64(text[len(_BASE64_PREFIX) :])
        content = zipped.only_member(archive, MEMBER)
    elif text.startswith("PK"):
        try:
            archive = text.encode("latin-1")
        except UnicodeEncodeError:  # the reader took the bytes for another character set
            raise DecodeError(Stage.BASE45, "decode.divoc_bytes") from None
        content = zipped.only_member(archive, MEMBER)
    else:
        try:
            stages, content = (Stage.PREFIX, Stage.COSE), text.encode("utf-8")
        except UnicodeEncodeError:
            raise _fault("decode.divoc_json") from None
    return Decoded(DIVOC, tuple(Check(stage, Status.PASS) for stage in stages), _parse(content))


def is_moment(value: object) -> bool:
    """Is it an XML Schema dateTime with a time zone?"""
    return isinstance(value, str) and _MOMENT.fullmatch(value) is not None


def _parse(content: bytes) -> Envelope:
    document = _read_json(content)
    proof = document.pop("proof", None)
    if not isinstance(proof, dict) or set(proof) != _PROOF_MEMBERS:
        raise _fault("decode.divoc_proof")
    if not all(isinstance(value, str) and len(value) <= _MAX_JWS_CHARS for value in proof.values()):
        raise _fault("decode.divoc_proof")
    method = proof["verificationMethod"]
    if (
        proof["type"] not in PROOF_ALGORITHMS
        or proof["proofPurpose"] != "assertionMethod"
        or not is_moment(proof["created"])
        or len(method) > _MAX_METHOD_CHARS
        or not _METHOD.fullmatch(method)
    ):
        raise _fault("decode.divoc_proof")
    algorithm, header, signature = _read_jws(proof.pop("jws"))
    return Envelope(document, proof, algorithm, header, signature)


def _read_json(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_INFLATED_BYTES:
        raise _fault("decode.divoc_too_long")
    try:
        document = strict_json.loads(content.decode("utf-8"))
    except ValueError:  # JsonError and UnicodeDecodeError are both
        raise _fault("decode.divoc_json") from None
    if not isinstance(document, dict):
        raise _fault("decode.divoc_json")
    return document


def _read_jws(jws: str) -> tuple[int | None, bytes, bytes]:
    """(algorithm, header as signed, signature) of a detached JWS whose payload is not base64url."""
    parts = jws.split(".")
    if len(parts) != 3 or parts[1]:
        raise _fault("decode.jws")
    try:
        header = strict_json.loads(_base64url(parts[0]).decode("utf-8"))
        signature = _base64url(parts[2])
    except ValueError:
        raise _fault("decode.jws") from None
    if not isinstance(header, dict) or set(header) != {"alg", "b64", "crit"}:
        raise _fault("decode.jws")
    if header["b64"] is not False or header["crit"] != ["b64"]:
        raise _fault("decode.jws")
    name = header["alg"]
    return JWS_ALGORITHMS.get(name) if isinstance(name, str) else None, parts[0].encode(), signature


def _base64url(text: str) -> bytes:
    data = base64url.decode(text.encode("utf-8"))
    if data is None:
        raise ValueError("not base64url")
    return data


def _fault(code: str) -> DecodeError:
    return DecodeError(Stage.COSE, code)
