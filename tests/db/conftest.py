"""One real PostgreSQL for the whole run, shared by all workers; every test gets a database of its own."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from verifier_service.postgres.supervisor import APP_ROLE, OWNER_ROLE, Cluster

ROOT = Path(__file__).resolve().parents[2]
_count = itertools.count()


@pytest.fixture(scope="session")
def pg_cluster() -> Iterator[Cluster]:
    """The shared cluster under var/; the worker that leaves last stops it (its locks see to it)."""
    flavour = hashlib.sha256(os.environ.get("PG_BIN", "wheel").encode()).hexdigest()[:8]
    (ROOT / "var").mkdir(exist_ok=True)
    with Cluster(ROOT / "var" / f"test-db-{flavour}") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def template_database(pg_cluster: Cluster) -> Iterator[str]:
    """A migrated database per worker that the tests' databases are copied from."""
    from verifier_service.migrate import migrate

    name = f"template_{os.getpid()}"
    _drop(pg_cluster, name)
    migrate(pg_cluster.ensure_database(name))
    yield name
    _drop(pg_cluster, name)


@pytest.fixture
def database_name(pg_cluster: Cluster, template_database: str) -> Iterator[str]:
    """A fresh copy of the migrated database, dropped afterwards."""
    name = f"test_{os.getpid()}_{next(_count)}"
    with psycopg.connect(pg_cluster.dsn(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                *(sql.Identifier(word) for word in (name, OWNER_ROLE, template_database))
            )
        )
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(name), sql.Identifier(APP_ROLE)
            )
        )
    yield name
    _drop(pg_cluster, name)


@pytest.fixture
def database_url(pg_cluster: Cluster, database_name: str) -> str:
    """The application role's URL of a fresh migrated database."""
    return pg_cluster.dsn(database_name, APP_ROLE)


@pytest.fixture
def owner_url(pg_cluster: Cluster, database_name: str) -> str:
    """The owner role's URL of the same database."""
    return pg_cluster.dsn(database_name, OWNER_ROLE)


def _drop(cluster: Cluster, name: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
