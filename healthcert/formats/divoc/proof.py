"""Canonical form of a document and the bytes a linked-data proof signs. The one module that knows PyLD.

Signed are header "." SHA-256(proof options) SHA-256(document), each over URDNA2015 N-Quads.
Source: W3C RDF Dataset Canonicalization (URDNA2015); Linked Data Proofs draft, RsaSignature2018 and
Ed25519Signature2018 as in jsonld-signatures 5; RFC 7797 §3.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any

from . import contexts
from .envelope import Envelope

_PROOF_STATEMENTS = 4  # type, created, purpose and method
# PyLD keeps parsed contexts in caches that are not made for several threads.
_ONE_AT_A_TIME = threading.Lock()


class CanonicalError(Exception):
    """The document has no canonical form we could sign or check."""


def canonical(document: Mapping[str, Any]) -> str:
    """N-Quads of a document with known contexts and checked shape. Raises CanonicalError; never fetches."""
    from pyld import jsonld  # 80 ms and an HTML parser that no other format needs

    options = {
        "algorithm": "URDNA2015",
        "format": "application/n-quads",
        # As the signers do: a relative IRI stays one and is dropped. With "" PyLD 3 invents a base for it.
        "base": None,
        "documentLoader": _load,
    }
    try:
        with _ONE_AT_A_TIME:
            text = jsonld.normalize(dict(document), options)
    except (jsonld.JsonLdError, contexts.UnknownContextError, ValueError, TypeError, RecursionError) as fault:
        raise CanonicalError from fault
    if not isinstance(text, str):
        raise CanonicalError
    return text


def _load(address: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """PyLD's way to a context: the pinned copy or an error."""
    return {
        "contextUrl": None,
        "documentUrl": address,
        "contentType": "application/ld+json",
        "document": contexts.load(address),
        "tag": "static",
    }


def signed_bytes(envelope: Envelope) -> tuple[bytes, str]:
    """What the issuer signed, and the canonical form of the document in it. Raises CanonicalError."""
    options = canonical({"@context": contexts.SECURITY, **envelope.proof})
    if options.count("\n") != _PROOF_STATEMENTS:
        raise CanonicalError
    document = canonical(envelope.document)
    hashes = hashlib.sha256(options.encode()).digest() + hashlib.sha256(document.encode()).digest()
    return envelope.header + b"." + hashes, document
