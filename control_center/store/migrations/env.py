"""Run by Alembic: connects the steps with the engine it was given and the tables of all store modules."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Engine

from control_center.store.base import Base, PlainText, UtcDateTime
from control_center.store.database import load_tables


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Migrations name plain SQL types, so that an old step does not change with our classes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, PlainText):
        return "sa.Text()"
    return False


def _run(engine: Engine) -> None:
    load_tables()
    with engine.connect() as connection, connection.begin():
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            render_item=_render,
            transaction_per_migration=False,
        )
        context.run_migrations()


_run(context.config.attributes["engine"])
