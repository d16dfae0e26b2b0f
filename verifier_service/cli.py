"""The commands of the service: migrate, serve, device add, device list.

Without DATABASE_URL the service runs its own PostgreSQL under DATA_DIR for as long as the command lasts.
"""

from __future__ import annotations

import argparse
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from psycopg.conninfo import conninfo_to_dict

from verifier_service.bind import why_taken
from verifier_service.fleet import ingest
from verifier_service.fleet.models import Device
from verifier_service.migrate import migrate
from verifier_service.postgres.binaries import PostgresError
from verifier_service.schema_manifest import APP_ROLE
from verifier_service.settings import Settings, SettingsError, load_settings

DATABASE = "cong_xanh"
MAX_LABEL = 60


def main(argv: Sequence[str], tell: Callable[[str], None]) -> int:
    """Run one command; 0 when it worked. `tell` takes the lines for the person."""
    options = _parser().parse_args(argv)
    try:
        return _run(options, load_settings(os.environ), tell)
    except (SettingsError, PostgresError, psycopg.Error, ValueError, OSError) as error:
        tell(f"error: {_first_line(error)}")
        return 1


def _first_line(error: Exception) -> str:
    if isinstance(error, PostgresError):
        return str(error)  # of our own server: several lines that say what to do
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"the database cannot be used: {line}" if isinstance(error, psycopg.OperationalError) else line


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """Settings whose database is there.

    The one named, or our own server, started and stopped around the block.
    """
    if settings.database_url:
        yield settings
        return
    from verifier_service.postgres.supervisor import Cluster

    cluster, here = Cluster(settings.data_dir / "postgres"), os.getpid()
    cluster.start()
    try:
        owner = cluster.ensure_database(DATABASE)
        yield replace(
            settings,
            database_url=cluster.dsn(DATABASE, APP_ROLE),
            owner_database_url=owner,
        )
    finally:
        if os.getpid() == here:  # a forked worker leaves through here as well
            cluster.stop()


def register_device(owner_dsn: str, device_id: uuid.UUID, public_key_pem: bytes, label: str) -> bool:
    """Register a kiosk by its public key; False if the id is taken.

    Raises ValueError for another kind of key.
    """
    try:
        key = load_pem_public_key(public_key_pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the public key must be a P-256 key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the public key must be a P-256 key in PEM")
    if not 1 <= len(label) <= MAX_LABEL:
        raise ValueError(f"a label has 1 to {MAX_LABEL} characters")
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with psycopg.connect(owner_dsn, autocommit=True) as link:
        return ingest.add_device(link, Device(device_id, spki, label, "active", datetime.now(UTC)))


def _run(options: argparse.Namespace, settings: Settings, tell: Callable[[str], None]) -> int:
    if options.command == "serve" and (why := why_taken(settings.bind)) is not None:
        raise SettingsError(f"BIND: nothing can listen on {settings.bind}: {why}")
    _check_address("DATABASE_URL", settings.database_url)
    _check_address("OWNER_DATABASE_URL", settings.owner_database_url)
    with with_database(settings) as ready:
        owner = ready.owner_database_url
        if options.command == "serve":
            if not settings.database_url:
                migrate(owner)
            return _serve(ready, tell)
        if not owner:
            raise SettingsError("OWNER_DATABASE_URL must name the role that owns the tables")
        if options.command == "migrate":
            migrate(owner)
            tell("the schema is the newest")
        elif options.action == "add":
            return _add_device(options, owner, tell)
        else:
            with psycopg.connect(owner, autocommit=True) as link:
                for device in ingest.all_devices(link):
                    tell(f"{device.device_id}\t{device.state}\t{device.added_at:%Y-%m-%d}\t{device.label}")
    return 0


def _check_address(key: str, url: str) -> None:
    """Its text stays out of the message: there may be a password in it."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise SettingsError(f"{key} must be such as postgresql://role@host/database") from None


def _add_device(options: argparse.Namespace, owner: str, tell: Callable[[str], None]) -> int:
    try:
        device_id = uuid.UUID(options.id)
    except ValueError:
        raise ValueError(
            "--id must be 32 hexadecimal digits, as `python -m scanner identity` prints"
        ) from None
    try:
        pem = Path(options.public_key).read_bytes()
    except OSError as error:
        raise ValueError(f"--public-key: {options.public_key}: {error.strerror}") from None
    if not register_device(owner, device_id, pem, options.label):
        tell("error: this id is registered already")
        return 1
    tell(f"registered {device_id}")
    return 0


def _serve(settings: Settings, tell: Callable[[str], None]) -> int:
    from verifier_service.server import Server

    if not settings.operator_token and not settings.demo:
        tell("note: OPERATOR_TOKEN_FILE is not set, so the board stays closed")
    tell(f"serving on http://{settings.bind} ({settings.workers} x {settings.threads} threads)")
    try:
        Server(settings).run()
    except SystemExit as done:
        return int(done.code or 0) if not isinstance(done.code, str) else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m verifier_service")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database to the newest schema")
    commands.add_parser("serve", help="run the service until it is told to stop")
    device = commands.add_parser("device", help="the kiosks that may report")
    actions = device.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="register a kiosk")
    add.add_argument("--id", required=True, help="device id (32 hexadecimal digits)")
    add.add_argument("--public-key", required=True, metavar="FILE", help="file with its public key, PEM")
    add.add_argument("--label", required=True, help="the name the board shows")
    actions.add_parser("list", help="every registered kiosk")
    return parser
