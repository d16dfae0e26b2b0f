from __future__ import annotations

import pglast
import psycopg
import pytest
from pglast import ast
from pglast.enums import ConstrType, ObjectType

from verifier_service.migrate import migrate, migration_sql
from verifier_service.schema_manifest import DISTRIBUTION_COLUMN, TABLES

IGNORED = {"alembic_version"}
FORBIDDEN = (
    ast.CreateTrigStmt, ast.RuleStmt, ast.CreateSeqStmt, ast.NotifyStmt, ast.ListenStmt, ast.LockStmt,
    ast.CreateExtensionStmt,
)  # fmt: skip


def faults(text: str) -> list[str]:
    """Every breach of the rules of sharding in a migration's text."""
    found: list[str] = []
    for raw in pglast.parse_sql(text):
        stmt = raw.stmt
        if isinstance(stmt, FORBIDDEN):
            found.append(f"{type(stmt).__name__} is not allowed")
        elif isinstance(stmt, ast.CreateStmt) and stmt.relation.relname not in IGNORED:
            found += _table(stmt)
        elif isinstance(stmt, ast.IndexStmt) and stmt.unique:
            keys = [part.name for part in stmt.indexParams]
            found += _key(stmt.relation.relname, keys)
        elif isinstance(stmt, ast.DropStmt) and stmt.removeType == ObjectType.OBJECT_TABLE:
            found.append("a table is dropped")
    return found


def _key(table: str, keys: list[str]) -> list[str]:
    column = DISTRIBUTION_COLUMN.get(TABLES.get(table, ""), None)
    return [f"{table}: a key must begin with {column}"] if column and keys[:1] != [column] else []


def _table(stmt: ast.CreateStmt) -> list[str]:
    name = stmt.relation.relname
    if name not in TABLES:
        return [f"{name}: not in the manifest"]
    column = DISTRIBUTION_COLUMN.get(TABLES[name])
    found: list[str] = []
    columns = [e for e in stmt.tableElts if isinstance(e, ast.ColumnDef)]
    for c in columns:
        kind = c.typeName.names[-1].sval
        if "serial" in kind:
            found.append(f"{name}.{c.colname}: serial")
        for k in c.constraints or ():
            if k.contype in (ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE):
                found += _key(name, [c.colname])
            if k.contype in (ConstrType.CONSTR_IDENTITY, ConstrType.CONSTR_DEFAULT):
                found.append(f"{name}.{c.colname}: values come from the application")
            if k.contype == ConstrType.CONSTR_FOREIGN:
                found += _reference(name, [c.colname], k)
    keys = [k for k in stmt.tableElts if isinstance(k, ast.Constraint)]
    for k in keys:
        if k.contype in (ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE):
            found += _key(name, [part.sval for part in k.keys])
        if k.contype == ConstrType.CONSTR_EXCLUSION:
            found.append(f"{name}: exclusion constraint")
        if k.contype == ConstrType.CONSTR_FOREIGN:
            found += _reference(name, [part.sval for part in k.fk_attrs], k)
    if column:
        mine = next((c for c in columns if c.colname == column), None)
        if mine is None or not any(k.contype == ConstrType.CONSTR_NOTNULL for k in mine.constraints or ()):
            found.append(f"{name}: {column} must be there and NOT NULL")
        elif mine.typeName.names[-1].sval != "uuid":
            found.append(f"{name}: {column} must be uuid everywhere")
        if not any(k.contype == ConstrType.CONSTR_PRIMARY for k in keys):
            found.append(f"{name}: no primary key")
    return found


def _reference(name: str, columns: list[str], key: ast.Constraint) -> list[str]:
    other = key.pktable.relname
    if TABLES.get(other) == "reference":
        return []
    column = DISTRIBUTION_COLUMN.get(TABLES[name])
    same = TABLES.get(other) == TABLES[name] and (column is None or column in columns)
    return [] if same else [f"{name}: a foreign key leaves its group"]


@pytest.mark.req("K04")
def test_the_migrations_keep_the_rules_of_sharding() -> None:
    assert faults(migration_sql()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TABLE scan_batch (device_id uuid NOT NULL, n bigint, PRIMARY KEY (n, device_id))",
        "CREATE TABLE scan_batch (device_id uuid, PRIMARY KEY (device_id))",
        "CREATE TABLE scan_batch (device_id text NOT NULL, PRIMARY KEY (device_id))",
        "CREATE TABLE scan_batch (device_id uuid NOT NULL, n bigint UNIQUE, PRIMARY KEY (device_id))",
        "CREATE TABLE scan_batch (device_id uuid NOT NULL, n bigserial, PRIMARY KEY (device_id))",
        "CREATE TABLE scan_batch (device_id uuid NOT NULL)",
        "CREATE TABLE device (device_id uuid NOT NULL, at date DEFAULT now(), PRIMARY KEY (device_id))",
        "CREATE TABLE device (device_id uuid NOT NULL, n int REFERENCES device (n), PRIMARY KEY (device_id))",
        "CREATE TABLE surprise (x int)",
        "CREATE UNIQUE INDEX u ON scan_batch (first_seq)",
        "CREATE SEQUENCE s",
        "CREATE EXTENSION pgcrypto",
        "CREATE TRIGGER t BEFORE INSERT ON device FOR EACH ROW EXECUTE FUNCTION f()",
        "NOTIFY x",
    ],
)
def test_a_planted_fault_is_found(planted: str) -> None:
    assert faults(planted)


@pytest.mark.db
def test_every_table_is_in_the_manifest_and_migrating_twice_is_nothing(owner_url: str) -> None:
    migrate(owner_url)
    with psycopg.connect(owner_url) as link:
        rows = link.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {name for (name,) in rows} == set(TABLES) | IGNORED
