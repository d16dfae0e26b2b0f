"""`python -m trustlist`: publish whom we believe, from the first key to the stick. Reads the clock."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from . import roles
from .errors import TrustlistError
from .files import read_bounded, write_whole
from .publish import ceremony, diff, proposals
from .publish.approve import release, sign
from .publish.keys import load_key, load_public
from .publish.publishing import publish_online
from .publish.repository import Repository
from .publish.rotate import propose_rotation
from .publish.usb import export_usb

PASSPHRASE = "TRUSTLIST_PASSPHRASE"  # noqa: S105 (its name)
MAX_ROOT_FILE = 512_000


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it was done, 1 when it was refused, 2 when it was called wrongly."""
    options = _options(arguments)
    now = datetime.now(UTC).replace(microsecond=0)
    run: Callable[[argparse.Namespace, Repository, datetime], None] = options.run
    try:
        run(options, Repository(options.repository), now)
    except TrustlistError as fault:
        print(f"trustlist: {fault}", file=sys.stderr)
        return 1
    except OSError as fault:
        print(f"trustlist: {fault.filename or ''}: {fault.strerror}", file=sys.stderr)
        return 1
    return 0


def _ceremony(options: argparse.Namespace, repository: Repository, now: datetime) -> None:
    if repository.newest(roles.ROOT) is not None:
        raise TrustlistError("repository.exists", "a root is published here already")
    keys = ceremony.make_keys(options.keys, small=options.small)
    root = ceremony.hold(repository, keys, now)
    write_whole(options.root, root)
    for name, signers in keys.items():
        for number, signer in enumerate(signers, 1):
            print(f"{name}-{number}\t{signer.public_key.keyid}")
    print(f"root 1 for the image: {options.root}")


def _propose(options: argparse.Namespace, repository: Repository, now: datetime) -> None:
    limit = roles.BY_NAME[options.role].max_unpacked
    files = {}
    for pair in options.file:
        path, equals, source = pair.partition("=")
        if not equals:
            raise TrustlistError("propose.path", f"write --file {options.role}/NAME=FILE, not {pair!r}")
        files[path] = read_bounded(Path(source), limit)
    custom = _object(options.custom) if options.custom else None
    remove = tuple(options.remove)
    print(proposals.propose_files(repository, options.role, files, now, remove=remove, custom=custom))


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError as fault:
        raise TrustlistError("propose.custom", "--custom is a JSON object") from fault
    if not isinstance(value, dict):
        raise TrustlistError("propose.custom", "--custom is a JSON object")
    return value


def _review(options: argparse.Namespace, repository: Repository, now: datetime) -> None:
    proposal = proposals.load(repository, options.id, now)
    for line in _reviewed(options, repository, proposal, now):
        print(line)
    print(f"digest {diff.digest(proposal)}")


def _reviewed(
    options: argparse.Namespace, repository: Repository, proposal: proposals.Proposal, now: datetime
) -> list[str]:
    root = read_bounded(options.root, MAX_ROOT_FILE)
    return diff.review(repository, proposal, root, datetime(1970, 1, 1, tzinfo=UTC), now)


def _sign(options: argparse.Namespace, repository: Repository, now: datetime) -> None:
    proposal = proposals.load(repository, options.id, now)
    lines = _reviewed(
        options, repository, proposal, now
    )  # refused here, it is refused before the key is read
    if options.digest != diff.digest(proposal):
        raise TrustlistError("sign.digest", "this is not what was reviewed; run review again")
    signer = load_key(options.key, _passphrase())
    signed = sign(repository, proposal, signer)
    for line in lines:
        print(line)
    print(f"signed {', '.join(signed)} with key {signer.public_key.keyid}")


def _publish(options: argparse.Namespace, repository: Repository, now: datetime) -> None:
    online = {
        roles.SNAPSHOT: [_online(options.snapshot_key)],
        roles.TIMESTAMP: [_online(options.timestamp_key)],
    }
    if options.id is None:
        publish_online(repository, online[roles.SNAPSHOT], online[roles.TIMESTAMP], now)
        repository.prune(now)
    else:
        release(repository, proposals.load(repository, options.id, now), online, now)
    timestamp = repository.timestamp().signed
    print(f"published: timestamp {timestamp.version}, snapshot {timestamp.snapshot_meta.version}")


def _rotate(options: argparse.Namespace, repository: Repository, now: datetime) -> None:
    key = load_public(options.new) if options.new else None
    if (key is None) != (options.old is None):
        raise TrustlistError("rotate.key", "--old and --new belong together; without both, root is renewed")
    if key is None and options.role not in (roles.ROOT, roles.TARGETS):
        raise TrustlistError("rotate.key", f"{options.role}: name --old and --new")
    print(propose_rotation(repository, options.role, options.old or "", key, now))


def _export(options: argparse.Namespace, repository: Repository, now: datetime) -> None:
    print(f"{export_usb(repository, options.folder, firmware=options.firmware)} files")


def _online(path: Path) -> CryptoSigner:
    return load_key(path, _passphrase())


def _passphrase() -> bytes | None:
    told = os.environ.get(PASSPHRASE)
    return told.encode() if told else None


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m trustlist", description="Publish whom kiosks believe.")
    parser.add_argument("--repository", type=Path, required=True, help="folder of the repository")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., None], words: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=words, description=words)
        one.set_defaults(run=run)
        return one

    def reads_root(one: argparse.ArgumentParser) -> None:
        one.add_argument("id", help="the proposal")
        one.add_argument("--root", type=Path, required=True, help="your own copy of root 1")

    one = command("ceremony", _ceremony, "make all keys (laboratory), root 1 and an empty repository")
    one.add_argument("--keys", type=Path, required=True, help="folder for the private keys")
    one.add_argument("--root", type=Path, required=True, help="where root 1 for the image is written")
    one.add_argument("--small", action="store_true", help="one key and threshold 1 for every role")
    one = command("propose", _propose, "propose new files of a role; prints the proposal's id")
    one.add_argument("role", choices=roles.DELEGATED)
    one.add_argument(
        "--file", action="append", default=[], metavar="ROLE/NAME=FILE", help="publish FILE there"
    )
    one.add_argument(
        "--remove", action="append", default=[], metavar="ROLE/NAME", help="publish it no longer"
    )
    one.add_argument("--custom", metavar="JSON", help="signed facts about the files (firmware)")
    reads_root(command("review", _review, "recompute what a proposal changes; prints the digest to sign by"))
    one = command("sign", _sign, "sign a reviewed proposal with one key")
    reads_root(one)
    one.add_argument("--digest", required=True, help="as review printed it")
    one.add_argument("--key", type=Path, required=True, help=f"private key, PEM; passphrase in {PASSPHRASE}")
    one = command("publish", _publish, "publish a signed proposal, or without one a fresh timestamp")
    one.add_argument("id", nargs="?", help="the proposal")
    one.add_argument("--snapshot-key", type=Path, required=True)
    one.add_argument("--timestamp-key", type=Path, required=True)
    one = command("rotate", _rotate, "propose to replace a key, or to renew root; prints the proposal's id")
    one.add_argument("role", choices=[role.name for role in roles.ROLES])
    one.add_argument("--old", metavar="KEYID", help="the key that goes (its first digits)")
    one.add_argument("--new", type=Path, metavar="PEM", help="the key that comes")
    one = command("export-usb", _export, "copy the current state to a folder, say a stick")
    one.add_argument("folder", type=Path)
    one.add_argument("--firmware", action="store_true", help="firmware too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
