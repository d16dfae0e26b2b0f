"""`sign` and `publish`: one person's signature laid beside a proposal, and the proposal made public."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from securesystemslib.signer import CryptoSigner

from .. import roles
from ..errors import TrustlistError
from . import proposals
from .publishing import publish
from .repository import Repository


def sign(repository: Repository, proposal: proposals.Proposal, signer: CryptoSigner) -> list[str]:
    """Sign every part of a proposal the key may sign; the roles signed. Raises TrustlistError `sign.key`."""
    keyid = signer.public_key.keyid
    signed = [name for name in sorted(proposal.metadata) if keyid in _allowed(repository, proposal, name)]
    if not signed:
        raise TrustlistError("sign.key", f"key {keyid[:16]} may sign nothing of {proposal.id}")
    for name in signed:
        signature = signer.sign(proposal.metadata[name].signed_bytes)
        proposals.add_signature(repository, proposal, name, signature)
    return signed


def release(
    repository: Repository,
    proposal: proposals.Proposal,
    online: Mapping[str, Sequence[CryptoSigner]],
    now: datetime,
) -> None:
    """Publish a proposal that enough people signed. Raises TrustlistError."""
    for name, metadata in proposal.metadata.items():
        newest = repository.newest(name)
        # a crash of an earlier try may have left this very version, which no timestamp speaks of
        expected = {newest.signed.version, newest.signed.version + 1} if newest else {1}
        if metadata.signed.version not in expected:
            raise TrustlistError("publish.version", f"{name} has moved on; propose it anew")
        may = _allowed(repository, proposal, name)
        for keyid in [one for one in metadata.signatures if one not in may]:
            del metadata.signatures[keyid]  # neither counted nor published
    publish(repository, proposal.metadata, proposal.files, online, now)
    proposals.remove(repository, proposal)


def _allowed(repository: Repository, proposal: proposals.Proposal, name: str) -> set[str]:
    """The keys whose signature counts: of who delegates now, and of who will by this proposal."""
    if name in (roles.ROOT, roles.TARGETS):
        delegators = [repository.root(), proposal.metadata.get(roles.ROOT)]
    else:
        delegators = [repository.targets_role(), proposal.metadata.get(roles.TARGETS)]
    found: set[str] = set()
    for delegator in delegators:
        if delegator is not None:
            found |= set(delegator.signed.get_delegated_role(name).keyids)
    return found
