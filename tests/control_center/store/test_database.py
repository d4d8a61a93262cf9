from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState
from control_center.logbook.form import blank_form
from control_center.store import database, incidents, registry
from control_center.store import forms as form_store
from control_center.store.registry import Contact, ContactRole

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
INCIDENT = Incident(
    id="a-1-camera.black",
    site="a",
    code="camera.black",
    component="camera",
    severity=Severity.CRITICAL,
    state=IncidentState.OPEN,
    began_at=NOW,
    opened_at=NOW,
)


def test_migrations_make_exactly_the_tables_that_the_code_declares(engine: Engine) -> None:
    command.check(database.alembic_config(engine))  # raises if a migration is missing


@pytest.mark.req("R11")
def test_verify_notices_a_form_that_was_tampered_with(engine: Engine) -> None:
    form_store.save_draft(engine, blank_form(), made_at=NOW)
    assert database.verify(engine) == []
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE form_versions DISABLE TRIGGER USER"))
        else:
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


def test_verify_says_what_is_wrong(engine: Engine, tmp_path: Path) -> None:
    assert database.verify(engine) == []
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE contacts"))
    assert database.verify(engine) == ["table contacts is missing"]
    empty = database.open_store(tmp_path / "..", "sqlite://")
    assert database.verify(empty) == ["the database is empty; run `control-center db upgrade`"]
    empty.dispose()


@pytest.mark.req("R11")
@pytest.mark.parametrize("statement", ["UPDATE incident_log SET state = 'x'", "DELETE FROM incident_log"])
def test_the_log_of_incidents_is_only_added_to(engine: Engine, statement: str) -> None:
    incidents.save(engine, [INCIDENT], NOW)
    with pytest.raises(DatabaseError, match="only added to"), engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.req("R11")
def test_the_log_of_incidents_is_not_emptied_at_once_either(postgresql_url: str) -> None:
    engine = database.open_store(Path(), postgresql_url)
    with pytest.raises(DatabaseError, match="only added to"), engine.begin() as connection:
        connection.execute(text("TRUNCATE incident_log"))
    engine.dispose()


def test_long_words_and_bytes_that_no_database_holds_are_no_reason_to_lose_an_incident(engine: Engine) -> None:
    odd = msgspec.structs.replace(INCIDENT, code="camera." + "x" * 300, unit="đơn vị " * 9, target="cam\0era", meeting="m" * 200)
    incidents.save(engine, [odd], NOW)
    incidents.save(engine, [odd], NOW)
    assert incidents.lasting(engine) == [msgspec.structs.replace(odd, target="camera")]


def test_every_change_of_the_register_is_counted_though_several_are_made_at_once(engine: Engine) -> None:
    def change(_: int) -> None:
        with Session(engine) as session, session.begin():
            registry.bump(session)

    change(0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(20)))
    assert registry.revision(engine) == 21


def test_a_phone_number_may_have_words_beside_it(engine: Engine) -> None:
    odd = Contact(role=ContactRole.CENTER, name="Người trực", phone="0256 3822 000, máy lẻ 123, gọi sau 7 giờ 30 sáng")
    registry.replace_contacts(engine, "", [odd])
    assert registry.contacts(engine) == [odd]
