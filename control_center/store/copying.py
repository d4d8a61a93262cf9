"""All rows from one database into another, of whatever kind: SQLite to PostgreSQL, or back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, func, insert, select, text

from control_center.store import database
from control_center.store.base import Base
from control_center.store.database import StoreError

ROWS = 1000
"""How many rows travel at once."""


def copy(source: Engine, target: Engine, at: datetime) -> dict[str, int]:
    """Copy every row of every table, as of one moment; the source may be in use meanwhile, the target must not.

    Args:
        source: A database of this version.
        target: One without rows; its tables are made.
        at: Now, UTC.

    Returns:
        How many rows each table has, counted on both sides.

    Raises:
        StoreError: and then the target has no rows.
    """
    present, wanted = database.revisions(source)
    if present != wanted:
        raise StoreError(f"the database is of migration {present}, this version wants {wanted}: run `control-center db upgrade`")
    database.upgrade(target, Path(), at)
    with _snapshot(source) as reading, target.begin() as writing:
        return {table.name: _copy_table(reading, writing, table) for table in Base.metadata.sorted_tables}


@contextlib.contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """All that is read is of one moment."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # sqlite3 itself begins only before it writes
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _copy_table(reading: Connection, writing: Connection, table: Table) -> int:
    if _count(writing, table):
        raise StoreError(f"the target has rows already (table {table.name}); give an empty database")
    rows = reading.execution_options(yield_per=ROWS).execute(select(table)).mappings()
    for chunk in rows.partitions():
        writing.execute(insert(table), [dict(row) for row in chunk])
    _count_on(writing, table)
    there, here = _count(reading, table), _count(writing, table)
    if there != here:
        raise StoreError(f"table {table.name} has {there} rows, of which {here} arrived; nothing was copied")
    return here


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _count_on(connection: Connection, table: Table) -> None:
    """PostgreSQL gives numbers from a counter beside the table, which must go on after what was copied."""
    column = table.autoincrement_column
    if column is not None and connection.dialect.name == "postgresql":
        highest = connection.execute(select(func.max(column))).scalar()
        if highest is not None:
            words = {"table": table.name, "column": column.name, "highest": highest}
            connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)"), words)
