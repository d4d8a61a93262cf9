"""Open, upgrade, copy and verify the database."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from alembic import command, script
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import ArgumentError

import control_center.store
from control_center.store import forms
from control_center.store.base import Base, open_engine

MIGRATIONS = Path(__file__).with_name("migrations")
FILE = "center.sqlite"


class StoreError(RuntimeError):
    """The database cannot be used; the text says why, in one sentence."""


def load_tables() -> None:
    """Import every module of tables, so that `Base.metadata` knows them all."""
    for module in pkgutil.iter_modules(control_center.store.__path__, "control_center.store."):
        if not module.ispkg:
            importlib.import_module(module.name)


def open_store(directory: Path, url: str = "") -> Engine:
    """Engine of the center's database: a file in its directory unless a URL is configured; nothing is created yet.

    Raises:
        StoreError: if there can be no such database here.
    """
    load_tables()
    try:
        return open_engine(url or f"sqlite:///{directory / FILE}")
    except ArgumentError:
        raise StoreError("the database's URL cannot be read, use one like postgresql+psycopg:///diemcau?host=/run/postgresql") from None
    except ModuleNotFoundError as error:
        raise StoreError(f"the database needs the Python package {error.name}, which is not installed here") from None


def alembic_config(engine: Engine) -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def revisions(engine: Engine) -> tuple[str | None, str | None]:
    """Migration that the database has, and the one that this version wants."""
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    return present, script.ScriptDirectory.from_config(alembic_config(engine)).get_current_head()


def upgrade(engine: Engine, backups: Path, at: datetime) -> Path | None:
    """Bring the database to this version, after a backup when there is something to lose.

    Args:
        engine: From `open_store`.
        backups: Directory for the backup.
        at: Names the backup.

    Returns:
        The backup that was made, None if none was needed.

    Raises:
        StoreError: if the database comes from a newer version.
    """
    present, wanted = revisions(engine)
    if present == wanted:
        return None
    known = {step.revision for step in script.ScriptDirectory.from_config(alembic_config(engine)).walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(f"the database is of migration {present}, which this version does not know: it was written by a newer one")
    made = None
    if present is not None and engine.dialect.name == "sqlite":
        made = backup(engine, backups / f"center-{at:%Y%m%dT%H%M%S}-{present}.sqlite")
    command.upgrade(alembic_config(engine), "head")
    return made


def backup(engine: Engine, target: Path) -> Path:
    """Copy the database while it is in use; the copy appears whole or not at all.

    Raises:
        StoreError: on a database that is not SQLite; see `control_center.store.archive` for any.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = target.with_name(target.name + ".part")
    unfinished.unlink(missing_ok=True)
    with _sqlite(engine) as source, contextlib.closing(sqlite3.connect(unfinished)) as copy:
        unfinished.chmod(0o600)
        source.backup(copy)
    unfinished.replace(target)
    return target


@contextlib.contextmanager
def _sqlite(engine: Engine) -> Iterator[sqlite3.Connection]:
    raw = engine.raw_connection()
    try:
        connection = raw.driver_connection
        if not isinstance(connection, sqlite3.Connection):
            raise StoreError("not an SQLite database")
        yield connection
    finally:
        raw.close()


def verify(engine: Engine) -> list[str]:
    """What is wrong with the database, in sentences; empty if nothing is."""
    present, wanted = revisions(engine)
    if present is None:
        return ["the database is empty; run `control-center db upgrade`"]
    faults = [] if present == wanted else [f"the database is of migration {present}, this version wants {wanted}"]
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            faults += [f"integrity: {row[0]}" for row in connection.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
            faults += [f"foreign key: {tuple(row)}" for row in connection.execute(text("PRAGMA foreign_key_check"))]
    with engine.connect() as connection:
        tables = set(engine.dialect.get_table_names(connection))
    missing = sorted(set(Base.metadata.tables) - tables)
    faults += [f"table {name} is missing" for name in missing]
    if forms.FormVersionRow.__tablename__ not in missing:
        faults += [f"chain of forms: {sentence}" for sentence in forms.verify_chain(engine).broken]
    return faults
