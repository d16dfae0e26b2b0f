"""A stick for a device without network: what one update needs, and a page that says what is on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .. import roles
from ..errors import TrustlistError
from ..files import flush_tree, write_whole
from .repository import Repository


def export_usb(repository: Repository, folder: Path, *, firmware: bool = False) -> int:
    """Copy the current state to `folder` (empty or an earlier export); the number of files."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "metadata" / "timestamp.json").exists():
        raise TrustlistError("usb.folder", f"{folder.name} holds other things")
    names = repository.referenced()
    if not firmware:
        names = {one for one in names if not one.startswith(f"targets/{roles.FIRMWARE}/")}
    public = repository.home / "public"
    names |= {f"metadata/{path.name}" for path in repository.metadata.glob("*.root.json")}
    for name in ("metadata", "targets"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in sorted(names, key=lambda one: (one.endswith("/timestamp.json"), one)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(public / name, folder / name)
    timestamp = repository.timestamp().signed
    manifest = {
        "what": "Cong Xanh trust data; devices verify every byte, this page is only for people",
        "issued": timestamp.unrecognized_fields.get("x-issued"),
        "until": f"{repository.snapshot().signed.expires:%Y-%m-%dT%H:%M:%SZ}",
        "files": len(names),
    }
    write_whole(folder / "manifest.json", json.dumps(manifest, indent=1).encode())
    flush_tree(folder)
    return len(names)
