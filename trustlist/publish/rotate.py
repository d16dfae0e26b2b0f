"""One key gives way to another: of root and its own roles by a new root, of others by a new delegation.

What the old key had signed must stay believable, so the rotated role is proposed again in the same breath,
for its remaining and its new signers. A new root states the time anew (`signed_time`).
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Any

from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Metadata

from .. import roles
from ..errors import TrustlistError
from . import proposals
from .repository import Repository, stamped


def propose_rotation(
    repository: Repository, name: str, old_keyid: str, new_key: SSlibKey | None, now: datetime
) -> str:
    """Propose to replace a key of a role (`new_key` None: only renew root). Returns the proposal's id."""
    changed: dict[str, Metadata[Any]] = {}
    delegator_name = roles.ROOT if name in roles.TOP else roles.TARGETS
    delegator = _again(repository, delegator_name, now)
    changed[delegator_name] = delegator
    if new_key is not None:
        role = delegator.signed.get_delegated_role(name)
        matching = [keyid for keyid in role.keyids if keyid.startswith(old_keyid)] if old_keyid else []
        if len(matching) != 1:
            raise TrustlistError("rotate.key", f"{name} has no single key {old_keyid[:16]!r}")
        if new_key.keyid in role.keyids:
            raise TrustlistError("rotate.key", "the new key is listed already")
        delegator.signed.revoke_key(matching[0], name)
        delegator.signed.add_key(new_key, name)
        if name == roles.TARGETS or name in roles.DELEGATED:
            changed[name] = _again(repository, name, now)
    version = delegator.signed.version
    return proposals.store(repository, f"{delegator_name}-{version}", changed, {}, now)


def _again(repository: Repository, name: str, now: datetime) -> Metadata[Any]:
    current = repository.newest(name)
    if current is None:
        raise TrustlistError("repository.absent", name)
    fresh: Metadata[Any] = Metadata(deepcopy(current.signed))
    fresh.signed.version += 1
    stamped(fresh.signed, name, now)
    return fresh
