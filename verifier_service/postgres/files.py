"""Files in a home that the server's account owns, touched with no more rights than that account has.

Whoever owns a directory decides what a name in it leads to. So root never opens, writes or hands over a file
there by its name: a small program under the account does. Only directories above are made by root itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from verifier_service.postgres.binaries import Account, PostgresError

MAX_TEXT_BYTES = 65_536  # of a settings file, a pid file, the end of a log: all below 2 KiB
TIMEOUT_S = 30  # a kilobyte on a slow SD card; the account could also make any name a pipe


def read(account: Account, path: Path, *, end: bool = False) -> str | None:
    """The first (or last) MAX_TEXT_BYTES of a file as the account sees it, None if it sees none."""
    program = "tail" if end else "head"
    done = account.run([program, "-c", str(MAX_TEXT_BYTES), "--", path], timeout_s=TIMEOUT_S)
    return done.stdout if done.returncode == 0 else None


def write(account: Account, path: Path, text: str) -> None:
    """Replace a file (0600, the account's own) in one step. Raises PostgresError."""
    script = 'rm -f -- "$1.half" && cat > "$1.half" && mv -fT -- "$1.half" "$1"'
    _need(account, ["sh", "-c", script, "sh", path], f"cannot write {path}", text)


def remove(account: Account, *paths: Path) -> None:
    """Remove files that may be there. Raises PostgresError."""
    _need(account, ["rm", "-f", "--", *paths], "cannot remove what a dead server left")


def private_directory(account: Account, directory: Path) -> None:
    """Make a directory of the account, 0700, if it is not there; an existing one must be just that.

    One at a time, by a lock on the parent: of several starting at once none meets a half-made one. Raises
    PostgresError.
    """
    wanted = os.geteuid() if account.uid is None else account.uid
    parent = os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        if os.path.lexists(directory):
            pass
        elif os.fstat(parent).st_uid == wanted:
            account.run(["mkdir", "-m", "0700", "--", directory], timeout_s=TIMEOUT_S)
        else:
            _make_and_give(account, directory.name, parent)
    finally:
        os.close(parent)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != wanted:
        message = f"{directory} is not a directory of the server's account"
        raise PostgresError(message)
    if stat.S_IMODE(status.st_mode) != 0o700:
        message = f"{directory} must have mode 0700"
        raise PostgresError(message)


def root_directory(path: Path) -> Path:
    """A directory of our own in a place everybody may write to; a squatter's is refused."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o755)
        path.chmod(0o755)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        message = f"{path} exists and is not ours"
        raise PostgresError(message)
    return path


def locked(path: Path, how: int) -> int:
    """Open (0600) and flock a file; returns the descriptor, closed on exec and released with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _make_and_give(account: Account, name: str, parent: int) -> None:
    """mkdir, then chown of the very directory made: what stands there before is left alone."""
    try:
        os.mkdir(name, mode=0o700, dir_fd=parent)
    except FileExistsError:
        return
    if account.uid is None:
        return
    made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        if os.fstat(made).st_uid == os.geteuid():
            os.fchown(made, account.uid, account.gid or 0)
    finally:
        os.close(made)


def _need(account: Account, argv: list[str | Path], what: str, text: str | None = None) -> None:
    done = account.run(argv, timeout_s=TIMEOUT_S, text=text)
    if done.returncode != 0:
        message = f"{what}: {done.stderr.strip()[-500:]}"
        raise PostgresError(message)
