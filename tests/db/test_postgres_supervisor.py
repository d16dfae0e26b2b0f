"""The cluster survives what a power cut, a kill and a second supervisor do to it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from verifier_service.postgres import config
from verifier_service.postgres.binaries import PostgresError, find_bin_dir, major_version
from verifier_service.postgres.supervisor import APP_ROLE, Cluster

pytestmark = [pytest.mark.db, pytest.mark.req("K06")]
DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")


def wheel_bin() -> Path:
    remembered = os.environ.pop("PG_BIN", None)
    try:
        return find_bin_dir()
    finally:
        if remembered is not None:
            os.environ["PG_BIN"] = remembered


@pytest.fixture(params=["wheel", "debian-15"])
def bin_dir(request: pytest.FixtureRequest) -> Path:
    if request.param == "wheel":
        return wheel_bin()
    if not DEBIAN_BIN.is_dir():
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    return DEBIAN_BIN


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path of our own that a lent account can reach (pytest's own directories are closed to it)."""
    path = Path("/var/tmp") / f"cx-test-{os.getpid()}-{time.monotonic_ns() % 10**9}"  # noqa: S108
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def cluster(home: Path, bin_dir: Path) -> Iterator[Cluster]:
    made = Cluster(home / "db", bin_dir)
    yield made
    made.stop()


def postmaster_pid(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return
        if state == "Z":  # dead, and its adopter has not looked yet
            return
        time.sleep(0.01)
    pytest.fail("the killed server is still there")


def remember(cluster: Cluster, value: int) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def remembered(cluster: Cluster) -> list[int]:
    with psycopg.connect(cluster.dsn()) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY value")]


def test_a_cluster_starts_twice_and_stops(cluster: Cluster) -> None:
    cluster.start()
    remember(cluster, 1)
    first = postmaster_pid(cluster)
    cluster.start()
    assert postmaster_pid(cluster) == first
    cluster.stop()
    assert not cluster.is_up()
    cluster.start()
    assert remembered(cluster) == [1]


def test_after_a_kill_of_the_server_a_start_finds_everything_committed(cluster: Cluster) -> None:
    cluster.start()
    for value in range(3):
        remember(cluster, value)
        pid = postmaster_pid(cluster)
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid)
        assert not cluster.is_up()
        cluster.start()
    assert remembered(cluster) == [0, 1, 2]


def test_a_copied_directory_with_a_stale_pid_file_starts(home: Path, bin_dir: Path, cluster: Cluster) -> None:
    cluster.start()
    remember(cluster, 7)
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    os.kill(postmaster_pid(cluster), signal.SIGSTOP)  # the copy is of one moment, as after a power cut
    try:
        copy = home / "copy"
        subprocess.run(["cp", "-a", cluster.home, copy], check=True)
    finally:
        os.kill(postmaster_pid(cluster), signal.SIGCONT)
    assert (copy / "pg" / "postmaster.pid").exists()
    with Cluster(copy, bin_dir) as second:
        assert remembered(second) == [7]
        assert remembered(cluster) == [7], "the original is left alone"


def test_a_pid_recycled_by_a_foreign_process_does_not_keep_the_server_down(cluster: Cluster) -> None:
    cluster.start()
    remember(cluster, 5)
    pid = postmaster_pid(cluster)
    os.kill(pid, signal.SIGKILL)
    wait_gone(pid)
    owner = cluster.data.stat()
    lend = {} if os.geteuid() else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    with subprocess.Popen(["sleep", "600"], cwd="/", **lend) as foreign:
        pid_file = cluster.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines(keepends=True)
        pid_file.write_text("".join([f"{foreign.pid}\n", *lines[1:]]))
        cluster.start()
        assert remembered(cluster) == [5]
        assert foreign.poll() is None, "the foreign process was not touched"
        foreign.kill()


def test_an_empty_pid_file_does_not_keep_the_server_down(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "postmaster.pid").touch()
    cluster.start()
    assert cluster.is_up()


def test_a_foreign_server_on_the_socket_is_not_taken_for_ours(
    home: Path, bin_dir: Path, cluster: Cluster
) -> None:
    cluster.start()
    other = Cluster(home / "other", bin_dir)
    (home / "other").mkdir(mode=0o700)
    (home / "other" / "sock").symlink_to(cluster.socket_dir)
    assert not other.is_up()


def test_no_parent_directory_changes_its_mode(home: Path, cluster: Cluster) -> None:
    parents = (home, *home.parents)
    before = [path.stat().st_mode for path in parents]
    cluster.start()
    assert [path.stat().st_mode for path in parents] == before
    for private in (cluster.home, cluster.data, cluster.socket_dir):
        assert private.stat().st_mode & 0o777 == 0o700


def test_the_last_of_several_supervisors_stops_the_server(
    home: Path, bin_dir: Path, cluster: Cluster
) -> None:
    second = Cluster(home / "db", bin_dir)
    cluster.start()
    second.start()
    cluster.stop()
    assert second.is_up()
    second.stop()
    assert not second.is_up()


def test_two_processes_starting_at_once_share_one_server(home: Path, bin_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from verifier_service.postgres.supervisor import Cluster\n"
        "c = Cluster(Path(sys.argv[1]), Path(sys.argv[2])); c.start()\n"
        "sys.stdout.write((c.data / 'postmaster.pid').read_text().splitlines()[0] + '\\n')\n"
        "sys.stdout.flush(); sys.stdin.readline(); c.stop()\n"
    )
    argv = [sys.executable, "-c", script, str(home / "db"), str(bin_dir)]
    children = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    pids = [child.stdout.readline() for child in children if child.stdout]
    assert len(set(pids)) == 1
    assert pids[0].strip().isdigit()
    for child in children:
        child.communicate("\n", timeout=60)
        assert child.returncode == 0
    assert not Cluster(home / "db", bin_dir).is_up()


def test_many_that_make_the_home_at_the_same_moment_all_find_it_whole(home: Path) -> None:
    for turn in range(40):
        clusters = [Cluster(home / f"db{turn}", wheel_bin()) for _ in range(6)]
        together = threading.Barrier(len(clusters))

        def make(cluster: Cluster, together: threading.Barrier = together) -> None:
            assert cluster.home  # settled before the race
            together.wait(10)
            cluster._make_home()

        with ThreadPoolExecutor(len(clusters)) as pool:
            list(pool.map(make, clusters))
        assert sorted(path.name for path in home.iterdir() if path.name.startswith(".")) == []


def test_the_server_listens_on_no_network_and_keeps_what_it_commits(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.dsn()) as connection:
        told = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in (
                "listen_addresses",
                "fsync",
                "synchronous_commit",
                "data_checksums",
                "server_encoding",
            )
        }
    assert told == {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
    }


def test_the_application_role_owns_nothing(cluster: Cluster) -> None:
    cluster.start()
    cluster.ensure_database("gate")
    cluster.ensure_database("gate")
    with psycopg.connect(cluster.dsn("gate", APP_ROLE), autocommit=True) as connection:
        for forbidden in ("CREATE TABLE t (i int)", "CREATE TEMP TABLE t (i int)", "CREATE ROLE r"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


def test_a_long_path_gets_a_short_socket_directory(home: Path, bin_dir: Path) -> None:
    deep = home.joinpath(*["a-directory-with-a-long-name"] * 4)
    with Cluster(deep / "db", bin_dir) as cluster:
        socket = config.socket_path(cluster.socket_dir)
        assert len(os.fsencode(socket)) <= config.MAX_SOCKET_PATH
        assert socket.exists()
        assert cluster.socket_dir.stat().st_mode & 0o777 == 0o700
    cluster.socket_dir.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account")
def test_where_the_account_cannot_pass_the_home_moves_and_the_door_stays_shut(
    home: Path, bin_dir: Path
) -> None:
    shut = home / "shut"
    shut.mkdir(mode=0o700)
    cluster = Cluster(shut / "db", bin_dir)
    try:
        with cluster:
            assert cluster.is_up()
            assert cluster.home.is_relative_to("/var/tmp")  # noqa: S108
            assert not cluster.home.is_relative_to(home)
            assert shut.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(cluster.home.parent)


SECRET = "for root alone\n"
PLANT = {  # what the account may put into its own home while the server is down: each leads to `$1`
    "half-written settings": 'ln -s "$1" pg/postgresql.half; ln -s "$1" pg/postgresql.conf.half',
    "settings": 'ln -sf "$1" pg/postgresql.conf; ln -sf "$1" pg/pg_hba.conf',
    "process id": 'ln -sf "$1" pg/postmaster.pid',
}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account")
@pytest.mark.parametrize("trick", PLANT)
def test_what_the_lent_account_plants_makes_root_write_to_no_other_file(home: Path, trick: str) -> None:
    victim = home / "victim"
    victim.write_text(SECRET)
    victim.chmod(0o600)
    before = victim.stat()
    with Cluster(home / "db", wheel_bin()) as cluster:
        account = cluster._account
        assert account.uid
    script = f'cd "$2" && echo "#" >>pg/postgresql.conf && {PLANT[trick]}'
    assert account.run(["sh", "-c", script, "sh", victim, cluster.home], timeout_s=5).returncode == 0
    with contextlib.suppress(PostgresError), Cluster(home / "db", wheel_bin()):
        pass  # the account may spoil its own server, nothing else
    after = victim.stat()
    assert victim.read_text() == SECRET
    assert (after.st_uid, after.st_mode, after.st_ino) == (before.st_uid, before.st_mode, before.st_ino)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account")
@pytest.mark.parametrize("name", ["server.log", "pg/PG_VERSION"])
def test_no_error_text_tells_the_lent_account_what_root_can_read(home: Path, name: str) -> None:
    victim = home / "victim"
    victim.write_text(SECRET)
    victim.chmod(0o600)
    with Cluster(home / "db", wheel_bin()) as cluster:
        account = cluster._account
    plant = f'cd "$2" && ln -sf "$1" {name} && echo broken >pg/global/pg_control'
    assert account.run(["sh", "-c", plant, "sh", victim, cluster.home], timeout_s=5).returncode == 0
    with pytest.raises(PostgresError) as refused:
        Cluster(home / "db", wheel_bin()).start()
    assert SECRET.strip() not in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account")
def test_root_gives_the_account_no_directory_that_was_put_in_the_way(home: Path) -> None:
    cluster = Cluster(home / "db", wheel_bin())
    treasure = home / "treasure"
    treasure.mkdir(mode=0o700)
    cluster.home.mkdir(mode=0o700)
    account = cluster._account
    os.chown(cluster.home, account.uid or 0, account.gid or 0)
    account.run(["ln", "-s", treasure, cluster.home / "sock"], timeout_s=5)
    with pytest.raises(PostgresError, match="not a directory of the server's account"):
        cluster.start()
    assert treasure.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends an account")
def test_the_socket_directory_is_made_by_the_account_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr(os, "chown", lambda path, *_: given.append(path))
    cluster = Cluster(home / "db", wheel_bin())
    with cluster:
        assert cluster.socket_dir.is_relative_to(cluster.home)
        assert cluster.socket_dir.stat().st_uid == cluster.home.stat().st_uid != 0
    assert given == [], "a name in a directory of the account's may lead anywhere by now"


def test_data_of_another_major_version_are_refused_and_kept(home: Path) -> None:
    if not DEBIAN_BIN.is_dir():
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    assert major_version(wheel_bin()) != major_version(DEBIAN_BIN)
    with Cluster(home / "db", DEBIAN_BIN) as old:
        remember(old, 1)
    with pytest.raises(PostgresError, match="made by PostgreSQL 15"):
        Cluster(home / "db", wheel_bin()).start()
    with Cluster(home / "db", DEBIAN_BIN) as old:
        assert remembered(old) == [1]


def test_missing_programs_are_named(home: Path) -> None:
    with pytest.raises(PostgresError, match="no initdb"):
        find_bin_dir(home)
