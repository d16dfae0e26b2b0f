"""Bring a database to the newest schema, as the owner role.

The two roles and the database are made by whoever administers the server (`provision` does it for our own).
"""

from __future__ import annotations

import io
from importlib.resources import as_file, files

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from verifier_service.schema_manifest import APP_ROLE, OWNER_ROLE


def provision(admin_dsn: str, database: str) -> None:
    """Make the two roles and `database`, owned by the owner role, where they are missing."""
    with psycopg.connect(admin_dsn, autocommit=True) as link:
        for role in (OWNER_ROLE, APP_ROLE):
            if link.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                link.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        if link.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
            link.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    sql.Identifier(database), sql.Identifier(OWNER_ROLE)
                )
            )


def migrate(owner_dsn: str) -> None:
    """Run what is missing of the migrations; nothing when all is there."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(owner_dsn), poolclass=NullPool
    )
    with as_file(files("verifier_service") / "migrations") as scripts, engine.connect() as link:
        config = _config(str(scripts))
        config.attributes["connection"] = link
        command.upgrade(config, "head")
        link.commit()


def migration_sql() -> str:
    """The text of all migrations, for the schema linter."""
    text = io.StringIO()
    with as_file(files("verifier_service") / "migrations") as scripts:
        config = _config(str(scripts))
        config.output_buffer = text
        command.upgrade(config, "head", sql=True)
    return text.getvalue()


def _config(scripts: str) -> Config:
    config = Config()
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    return config
