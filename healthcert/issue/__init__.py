"""Making certificates that independent verifiers read: `prepare`, then `redeem` with a signer."""

from ..errors import IssueError
from .making import prepare, redeem
from .request import CertificateRequest, Prepared
from .signers import LocalSigner, Signer
from .uvci import with_check

__all__ = [
    "CertificateRequest",
    "IssueError",
    "LocalSigner",
    "Prepared",
    "Signer",
    "prepare",
    "redeem",
    "with_check",
]
