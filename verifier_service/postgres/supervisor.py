"""One PostgreSQL cluster of our own: made, started, found again and stopped.

A process id in a file proves nothing after a kill or a power cut, so "is it alive?" is only ever asked by
connecting. Several supervisors may use one cluster: each holds a shared lock while it does, and the last one
to leave stops the server. The operating system drops the locks of a killed process, so nothing stays behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg
from psycopg import sql

from verifier_service.postgres import binaries, config, files
from verifier_service.postgres.binaries import Account, PostgresError

OWNER_ROLE = "cong_xanh_owner"
APP_ROLE = "cong_xanh_app"
SUPERUSER = "postgres"
# Crash recovery replays at most max_wal_size (1 GB); a slow SD card reads that in well under ten minutes.
START_TIMEOUT_S = 600
STOP_TIMEOUT_S = 120
CONNECT_TIMEOUT_S = 5
# Linux never hands out a larger process id (PID_MAX_LIMIT, 4 * 1024 * 1024). Source: proc(5), pid_max.
IMPOSSIBLE_PID = 4 * 1024 * 1024 + 1
_FALLBACK_PARENT = Path("/var/tmp")  # noqa: S108 - survives a restart; made 0755 root, data inside 0700


class Cluster:
    """A cluster at home in `data_dir`: data in `pg`; locks, log and, where the path is short, socket beside.

    As root the server runs under an unprivileged account. Where that account cannot reach `data_dir`, the
    home lies under /var/tmp instead, see `home`; no existing directory's mode is ever changed.
    """

    def __init__(self, data_dir: Path, bin_dir: Path | None = None) -> None:
        self._asked = Path(data_dir).absolute()
        self._source_bin = binaries.find_bin_dir(bin_dir)
        self._home: Path | None = None
        self._bin: Path | None = None
        self._account = Account()
        self._use_lock: int | None = None

    # --- what callers ask ---------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """Where this cluster really lies."""
        if self._home is None:
            self._settle()
        if self._home is None:  # pragma: no cover - _settle sets it or raises
            message = "the cluster has no home"
            raise PostgresError(message)
        return self._home

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "pg"

    @property
    def socket_dir(self) -> Path:
        """The 0700 directory the server listens in."""
        beside = self.home / "sock"
        if config.fits_socket(beside):
            return beside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"cong-xanh-{digest}"

    def dsn(self, dbname: str = "postgres", user: str | None = None) -> str:
        """A connection URL that libpq and SQLAlchemy both read; `user` defaults to the superuser."""
        host = quote(str(self.socket_dir), safe="")
        name = quote(user or SUPERUSER, safe="")
        return f"postgresql://{name}@/{quote(dbname, safe='')}?host={host}&port={config.PORT}"

    def is_up(self) -> bool:
        """Whether *this* cluster accepts a connection now; a foreign server on the socket is not ours."""
        return self._connection_state() == "up"

    def start(self) -> Cluster:
        """Make the cluster if absent, start it if down, and hold it until `stop`. Safe to call twice.

        Errors: PostgresError with the end of the server's log.
        """
        if self._use_lock is not None and self.is_up():
            return self
        self._make_home()
        with self._operation():
            self._wait_out_recovery()
            if not self.is_up():
                self._create_data()
                self._write_settings()
                self._clear_stale_traces()
                self._pg_ctl("start", "-l", self.home / "server.log")
                if not self.is_up():
                    raise PostgresError(self._failure("the server started but takes no connection"))
            if self._use_lock is None:
                self._use_lock = files.locked(self.home / "users.lock", fcntl.LOCK_SH)
        return self

    def stop(self) -> None:
        """Let go; the last holder stops the server (fast: transactions in flight are rolled back)."""
        if self._use_lock is None:
            return
        with self._operation():
            os.close(self._use_lock)
            self._use_lock = None
            try:
                last = files.locked(self.home / "users.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            try:
                # Only a server that answered as ours is signalled: pg_ctl itself believes the pid file.
                if self.is_up():
                    self._pg_ctl("stop", "-m", "fast")
            finally:
                os.close(last)

    def __enter__(self) -> Cluster:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def ensure_database(self, name: str) -> str:
        """Create both roles and the database when absent; returns the owner's URL for the migrations.

        The application role owns nothing and may only connect; tables are granted by the migrations.
        """
        with self._operation(), psycopg.connect(self.dsn(), autocommit=True) as connection:
            for role in (OWNER_ROLE, APP_ROLE):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE").format(
                            sql.Identifier(role)
                        )
                    )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                database, owner, app = (sql.Identifier(word) for word in (name, OWNER_ROLE, APP_ROLE))
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, owner)
                )
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
                connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, app))
        return self.dsn(name, OWNER_ROLE)

    # --- where it lies ------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Choose account, home and programs: in place when the account can reach them, else /var/tmp."""
        self._account = binaries.server_account(self._asked / "pg")
        fallback = _FALLBACK_PARENT / f"cong-xanh-{hashlib.sha256(os.fsencode(self._asked)).hexdigest()[:16]}"
        self._asked.parent.mkdir(parents=True, exist_ok=True)
        if self._account.can_enter(self._asked.parent):
            self._home = self._asked
        elif (self._asked / "pg").exists():
            message = (
                f"{self._asked} holds data its server account cannot reach through the directories above"
            )
            raise PostgresError(message)
        else:
            self._home = files.root_directory(fallback) / "data"
            self._account = binaries.server_account(self._home / "pg")
        self._bin = self._source_bin
        if not self._account.can_execute(self._source_bin):
            self._bin = binaries.copy_programs(self._source_bin, files.root_directory(fallback))
            if not self._account.can_execute(self._bin):
                message = f"the programs in {self._bin} cannot be run by the server's account"
                raise PostgresError(message)

    def _make_home(self) -> None:
        """Home and socket directory, 0700 and the server account's own."""
        for directory in (self.home, self.socket_dir):
            files.private_directory(self._account, directory)

    def _create_data(self) -> None:
        """Run initdb beside the final place and rename: a half-made directory is never taken for data."""
        if (self.data / "PG_VERSION").exists():
            self._check_version()
            return
        half = self.home / "pg.half"
        self._account.run(["rm", "-rf", "--", half], timeout_s=STOP_TIMEOUT_S)
        done = self._account.run(
            [
                *(self._program("initdb"), "--pgdata", half, "--username", SUPERUSER),
                *("--encoding", "UTF8", "--locale", "C", "--data-checksums"),
                *("--auth-local", "trust", "--auth-host", "reject", "--no-instructions"),
            ],
            timeout_s=START_TIMEOUT_S,
        )
        if done.returncode != 0:
            message = f"initdb failed: {done.stderr.strip()[-2000:]}"
            raise PostgresError(message)
        half.rename(self.data)

    def _check_version(self) -> None:
        head = (files.read(self._account, self.data / "PG_VERSION") or "").split(".")[0].strip()
        made_by = int(head) if head.isdecimal() and len(head) < 4 else None
        ours = binaries.major_version(self._source_bin)
        if made_by != ours:
            told = "an unknown version" if made_by is None else f"PostgreSQL {made_by}"
            message = f"the data were made by {told}, the programs are {ours}"
            raise PostgresError(message)

    def _write_settings(self) -> None:
        for name, text in (
            ("postgresql.conf", config.server_conf(self.socket_dir)),
            ("pg_hba.conf", config.access_conf()),
        ):
            if files.read(self._account, self.data / name) != text:
                files.write(self._account, self.data / name, text)

    # --- alive, dead or stale -----------------------------------------------------------------------------

    def _connection_state(self) -> str:
        """`up`, `starting` (answers, but refuses for now) or `down`."""
        try:
            with psycopg.connect(
                self.dsn(), connect_timeout=CONNECT_TIMEOUT_S, autocommit=True
            ) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError as error:
            # 57P03 cannot_connect_now: starting up, recovering or shutting down.
            refused = (
                error.sqlstate == "57P03" or "starting up" in str(error) or "shutting down" in str(error)
            )
            return "starting" if refused else "down"
        return "up" if row and Path(row[0]).resolve() == self.data.resolve() else "down"

    def _wait_out_recovery(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._connection_state() == "starting" and time.monotonic() < deadline:
            time.sleep(0.1)

    def _clear_stale_traces(self) -> None:
        """Disarm what a dead server left, called only while nothing answers and the operation lock is held.

        PostgreSQL refuses to start while the id in postmaster.pid belongs to any live process of its account,
        however foreign. A process whose working directory is our data directory is a real remnant and gets
        time to leave. Otherwise only the id is replaced by an impossible one: the rest of the file lets
        PostgreSQL still check for shared memory in use.
        """
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._remnants():
            if time.monotonic() > deadline:
                raise PostgresError(self._failure("server processes run on the data but answer nobody"))
            time.sleep(0.05)
        pid_file, socket = self.data / "postmaster.pid", config.socket_path(self.socket_dir)
        left = [socket, Path(f"{socket}.lock")]
        text = files.read(self._account, pid_file)
        if text:
            lines = text.splitlines(keepends=True)
            files.write(self._account, pid_file, "".join([f"{IMPOSSIBLE_PID}\n", *lines[1:]]))
        elif text is not None:  # cut off before the first byte: nothing in it to check
            left.append(pid_file)
        files.remove(self._account, *left)

    def _remnants(self) -> bool:
        """Whether any process works inside the data directory, as every PostgreSQL process does."""
        for entry in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if entry.readlink() == self.data:
                    return True
        return False

    # --- small tools --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _operation(self) -> Iterator[None]:
        """One supervisor at a time starts, stops or makes databases."""
        lock = files.locked(self.home / "operation.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(lock)

    def _program(self, name: str) -> Path:
        return (self._bin or self._source_bin) / name

    def _pg_ctl(self, action: str, *options: str | Path) -> None:
        wait = START_TIMEOUT_S if action == "start" else STOP_TIMEOUT_S
        # -s keeps pg_ctl silent; its output pipes must not be handed to the server, hence -l at start.
        argv = [self._program("pg_ctl"), action, "-D", self.data, "-w", "-t", str(wait), "-s", *options]
        done = self._account.run(argv, timeout_s=wait + 30)
        if done.returncode != 0:
            raise PostgresError(self._failure(f"pg_ctl {action} failed: {done.stderr.strip()[-500:]}"))

    def _failure(self, what: str) -> str:
        log = files.read(self._account, self.home / "server.log", end=True)
        return f"{what}\n{log[-1500:] if log is not None else 'no log'}"
