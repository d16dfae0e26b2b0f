"""The first day of a repository: keys for every role, root 1, empty lists, and the first timestamp.

Laboratories make all keys at once; in production each holder makes their own and hands over the public half.
Source: notes/distribution-and-fleet §6.5 (key ceremony).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, Targets

from .. import roles
from ..errors import TrustlistError
from .keys import make_key
from .publishing import publish_online
from .repository import Repository, stamped, to_bytes


def make_keys(folder: Path, *, small: bool = False) -> dict[str, list[CryptoSigner]]:
    """Keys of every role as `<role>-<n>.pem`. `small`: one each, for a site that starts with threshold 1."""
    return {
        role.name: [
            make_key(folder / f"{role.name}-{n}.pem") for n in range(1, (1 if small else role.keys) + 1)
        ]
        for role in roles.ROLES
    }


def hold(repository: Repository, keys: Mapping[str, Sequence[CryptoSigner]], now: datetime) -> bytes:
    """Publish the first state, signed; returns root 1, which goes into images. Raises TrustlistError."""
    if repository.newest(roles.ROOT) is not None:
        raise TrustlistError("repository.exists", "a root is published here already")
    root = Root(consistent_snapshot=True)
    for name in roles.TOP:
        for signer in keys[name]:
            root.add_key(signer.public_key, name)
        root.roles[name].threshold = min(roles.BY_NAME[name].threshold, len(keys[name]))
    stamped(root, roles.ROOT, now)

    delegated = {
        name: DelegatedRole(
            name,
            [],
            min(roles.BY_NAME[name].threshold, len(keys[name])),
            terminating=True,
            paths=list(roles.BY_NAME[name].paths),
        )
        for name in roles.DELEGATED
    }
    targets = Targets(delegations=Delegations({}, delegated))
    for name in roles.DELEGATED:
        for signer in keys[name]:
            targets.add_key(signer.public_key, name)
    stamped(targets, roles.TARGETS, now)
    repository.put(roles.ROOT, _signed(Metadata(root), keys[roles.ROOT]))
    repository.put(roles.TARGETS, _signed(Metadata(targets), keys[roles.TARGETS]))
    for name in roles.DELEGATED:
        empty = Targets()
        stamped(empty, name, now)
        repository.put(name, _signed(Metadata(empty), keys[name]))
    publish_online(repository, keys[roles.SNAPSHOT], keys[roles.TIMESTAMP], now)
    return to_bytes(repository.root())


def _signed(metadata: Metadata, signers: Sequence[CryptoSigner]) -> Metadata:  # type: ignore[type-arg]
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata
