"""Who may say what, how many must agree, and how long it holds: one table for publisher and client.

Source: notes/distribution-and-fleet §6.1; TUF specification 1.0 §4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

ROOT, TARGETS, SNAPSHOT, TIMESTAMP = "root", "targets", "snapshot", "timestamp"
ANCHORS, TRUSTLIST, REVOCATION, RULES, FIRMWARE = "anchors", "trustlist", "revocation", "rules", "firmware"

ANCHORS_FILE = "anchors/anchors.json"
TRUSTLIST_FILE = "trustlist/dsc.json"


@dataclass(frozen=True, slots=True)
class Role:
    """One role: `threshold` of `keys` signatures; `lifetime` from signing to expiry.

    `paths` are what it may publish (empty: a role of the repository itself). `fetched`: part of every set a
    client holds. `max_files`, `max_bytes` (as sent) and `max_unpacked` bound each role, and so a set.
    """

    name: str
    keys: int
    threshold: int
    lifetime: timedelta
    paths: tuple[str, ...] = ()
    online: bool = False
    fetched: bool = True
    max_files: int = 0
    max_bytes: int = 0
    max_unpacked: int = 0


_MIB = 1 << 20
# A name is safe on every disk and in every address as it stands.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}\Z")

# Sizes: 2,000 keys are 0.43 MB bare and 2.7 MB with certificates; six times that. Anchors: 500 authorities of
# 2 KB in base64 are 1.4 MB. Rules: 600 rules of 5 KB are 3 MB. Revocation: a base of 5 M keys of 10 bytes is
# 50 MB and does not compress. Firmware: an image of 400 MB, never in a set.
ROLES = (
    Role(ROOT, 3, 2, timedelta(days=365)),
    Role(TARGETS, 3, 2, timedelta(days=180)),
    Role(ANCHORS, 3, 2, timedelta(days=90), ("anchors/*",), False, True, 4, 4 * _MIB, 8 * _MIB),
    Role(TRUSTLIST, 2, 2, timedelta(days=7), ("trustlist/*",), False, True, 4, 8 * _MIB, 16 * _MIB),
    Role(REVOCATION, 1, 1, timedelta(hours=72), ("revocation/*",), True, True, 6, 64 * _MIB, 64 * _MIB),
    Role(RULES, 3, 2, timedelta(days=90), ("rules/*",), False, True, 8, 8 * _MIB, 32 * _MIB),
    Role(FIRMWARE, 3, 2, timedelta(days=90), ("firmware/*",), False, False, 200, 1024 * _MIB, 1024 * _MIB),
    Role(SNAPSHOT, 1, 1, timedelta(days=7), online=True),
    Role(TIMESTAMP, 1, 1, timedelta(hours=24), online=True),
)
BY_NAME = {role.name: role for role in ROLES}
TOP = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)
DELEGATED = tuple(role.name for role in ROLES if role.paths)
FETCHED = tuple(role.name for role in ROLES if role.paths and role.fetched)


def role_of(path: str) -> Role | None:
    """The role that may publish a target path; None: nobody may."""
    folder, _, name = path.partition("/")
    role = BY_NAME.get(folder)
    if role is None or not role.paths or not _NAME.match(name):
        return None
    return role
