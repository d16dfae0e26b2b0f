"""Is this card on the revocation list of its key?

A list that cannot be believed clears nobody: the check has then not run (`revocation.list_bad`), and a policy
may demand that it does. A card such a list names all the same is refused: an issuer's own word against its
card counts, however badly written.
Source: SMART Health Cards Framework 1.4.0, "Revocation".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..revocation import NOT_CHECKABLE
from ..rid_list import RidList
from ..verdict import Check, Stage, Status

_CLEAR = Check(Stage.REVOCATION, Status.PASS)
_LIST_BAD = Check(Stage.REVOCATION, Status.NOT_RUN, ("revocation.list_bad",))


def check_revocation(
    published: Mapping[str, Any] | None,
    kid: str,
    crl_version: int | None,
    rid: str | None,
    signed_at: float | None,
) -> Check:
    """The card `rid` (None: it cannot be listed), signed by `kid` at `signed_at`, against the list.

    `crl_version` is what the key announces; `signed_at` in seconds since 1970, None when unreadable.
    """
    if published is None:
        return NOT_CHECKABLE
    listed = published if isinstance(published, RidList) else RidList(published)
    bad = bool(listed.faults(kid, crl_version))
    if rid is not None and listed.revokes(rid, signed_at):
        reasons = ("revocation.revoked", "revocation.list_bad") if bad else ("revocation.revoked",)
        return Check(Stage.REVOCATION, Status.FAIL, reasons)
    if bad:
        return _LIST_BAD
    return NOT_CHECKABLE if rid is None else _CLEAR
