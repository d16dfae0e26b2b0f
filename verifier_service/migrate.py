"""Bring a database to the newest schema, as the owner role.

The two roles and the database are made by whoever administers the server; for our own server
`Cluster.ensure_database` does it.
"""

from __future__ import annotations

import io
from importlib.resources import as_file, files

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool


def migrate(owner_dsn: str) -> None:
    """Run what is missing of the migrations; nothing when all is there. Raises psycopg.Error unwrapped."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(owner_dsn), poolclass=NullPool
    )
    try:
        _upgrade(engine)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from None
        raise


def _upgrade(engine: Engine) -> None:
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
