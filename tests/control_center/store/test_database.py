from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from control_center.logbook.form import blank_form
from control_center.store import database, registry
from control_center.store import forms as form_store
from control_center.store.registry import Site

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_migrations_make_exactly_the_tables_that_the_code_declares(engine: Engine) -> None:
    command.check(database.alembic_config(engine))  # raises if a migration is missing


@pytest.mark.req("R11")
def test_verify_notices_a_form_that_was_tampered_with(engine: Engine) -> None:
    form_store.save_draft(engine, blank_form(), made_at=NOW)
    assert database.verify(engine) == []
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER form_versions_no_update"))
        connection.execute(text("UPDATE form_versions SET author = 'somebody else'"))
    assert database.verify(engine)[0].startswith("chain of forms: ")


def test_migrations_go_back_and_forth(engine: Engine) -> None:
    command.downgrade(database.alembic_config(engine), "base")
    command.upgrade(database.alembic_config(engine), "head")
    assert database.verify(engine) == []


def test_a_database_that_is_up_to_date_is_left_alone(engine: Engine, tmp_path: Path) -> None:
    assert database.upgrade(engine, tmp_path / "backups", NOW) is None
    assert not (tmp_path / "backups").exists()


def test_a_database_of_a_newer_version_is_refused_and_not_touched(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(database.StoreError, match=r"9999.*newer"):
        database.upgrade(engine, tmp_path, NOW)


def test_a_backup_is_a_whole_database_that_its_owner_alone_can_read(engine: Engine, tmp_path: Path) -> None:
    registry.save_sites(engine, [Site(id="quy-nhon", name="Quy Nhơn", ssid=0)])
    copy = database.backup(engine, tmp_path / "b" / "copy.sqlite")
    assert copy.stat().st_mode & 0o077 == 0
    with sqlite3.connect(copy) as opened:
        assert opened.execute("SELECT name FROM sites").fetchall() == [("Quy Nhơn",)]
    opened.close()


def test_verify_says_what_is_wrong(engine: Engine, tmp_path: Path) -> None:
    assert database.verify(engine) == []
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE contacts"))
    assert database.verify(engine) == ["table contacts is missing"]
    empty = database.open_store(tmp_path / "..", "sqlite://")
    assert database.verify(empty) == ["the database is empty; run `control-center db upgrade`"]
    empty.dispose()


@pytest.mark.req("R11")
@pytest.mark.parametrize("verb", ["UPDATE incident_log SET state = 'x'", "DELETE FROM incident_log"])
def test_the_log_of_incidents_is_only_added_to(engine: Engine, verb: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        connection.execute(text("INSERT INTO incident_log (incident, written_at, state, document) VALUES ('i', '2026', 'open', '{}')"))
    with pytest.raises(DatabaseError, match="only added to"), engine.begin() as connection:
        connection.execute(text(verb))
