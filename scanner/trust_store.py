"""The trust data of the kiosk: read from a trust file, kept on disk for a start without it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from healthcert.errors import HealthCertError
from trustlist.snapshot import TrustSnapshot, told_issued_at

log = logging.getLogger(__name__)

MAX_TRUST_BYTES = 64 * 1024 * 1024  # the EU list has about 1 MB; all countries with room to grow


class TrustUnavailable(Exception):
    """Neither the trust file nor its last good copy can be used; the message says why for each."""


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_TRUST_BYTES:
        raise ValueError(f"larger than {MAX_TRUST_BYTES} bytes")
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    return content


def _issued(content: Mapping[str, Any], path: Path) -> datetime:
    """When the data was issued: its own word, else the age of the file."""
    return told_issued_at(content) or datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _keep(cache: Path, content: Mapping[str, Any], issued: datetime) -> None:
    """Replace the copy in one step: a power cut leaves the old or the new one, never half."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    fresh = cache.with_name(f".{cache.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({**content, "issued_at": issued.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(cache)


def load_trust(file: Path, cache: Path) -> TrustSnapshot:
    """The snapshot from `file`, else from `cache`. Raises TrustUnavailable."""
    faults = []
    for path in (file, cache):
        try:
            content = _read(path)
            issued = _issued(content, path)
            snapshot = TrustSnapshot.from_trust_object(content, issued_at=issued)
            if snapshot.is_empty:
                raise ValueError("holds no usable key")
        except FileNotFoundError:
            faults.append(f"{path.name}: is missing")
            continue
        except (
            OSError,
            ValueError,
            TypeError,
            KeyError,
            OverflowError,
            RecursionError,
            HealthCertError,
        ) as error:
            faults.append(f"{path.name}: {type(error).__name__}: {error}")
            continue
        if path == file:
            try:
                _keep(cache, content, issued)
            except OSError as error:
                log.warning("trust data not kept on disk: %s", error.strerror)
        else:
            log.warning("trust data comes from the copy kept on disk; %s", faults[0])
        return snapshot
    raise TrustUnavailable("; ".join(faults))
