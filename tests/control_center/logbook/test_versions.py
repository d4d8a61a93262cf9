"""Versions of the form: only added to, chained, final once locked."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from contract.catalog import FormLine
from control_center.logbook.form import Tick, corrected
from control_center.store import forms
from control_center.store.forms import FormLockedError, FormState


@pytest.fixture
def engine(each_engine: Engine) -> Engine:
    return each_engine


def fixed(story: Any, reason: str = "đã thay pin") -> Any:
    return corrected(story.document(), "tinh", FormLine.MICROPHONE, Tick.NORMAL, author="B", reason=reason, at=story.at("10:20:00"))


@pytest.mark.req("R11", "R39")
def test_a_form_goes_from_draft_over_correction_and_confirmation_to_lock(engine: Engine, story: Any) -> None:
    forms.save_draft(engine, story.document(), made_at=story.at("10:16:00"))
    forms.save_draft(engine, fixed(story), made_at=story.at("10:20:00"), author="B")
    forms.confirm(engine, "hop-1", author="Chánh Văn phòng", made_at=story.at("11:00:00"))
    locked = forms.lock(engine, "hop-1", author="Chánh Văn phòng", made_at=story.at("11:01:00"))
    versions = forms.history(engine, "hop-1")
    assert [one.version for one in versions] == [1, 2, 3, 4]
    assert [one.state for one in versions] == [FormState.DRAFT, FormState.DRAFT, FormState.CONFIRMED, FormState.LOCKED]
    assert versions[-1] == locked == forms.latest(engine, "hop-1")
    assert versions[0].document == story.document()
    assert locked.document == fixed(story)
    assert locked.made_at == story.at("11:01:00")
    report = forms.verify_chain(engine)
    assert (report.whole, report.links, report.head) == (True, 4, locked.sha256)


def test_the_same_words_drafted_again_add_no_version(engine: Engine, story: Any) -> None:
    first = forms.save_draft(engine, story.document(), made_at=story.at("10:16:00"))
    later = msgspec.structs.replace(story.document(), drafted_at=story.at("10:30:00"))
    assert forms.save_draft(engine, later, made_at=story.at("10:30:00")) == first


def test_a_form_that_was_never_drafted_has_no_history(engine: Engine) -> None:
    assert forms.history(engine, "hop-1") == []
    assert forms.latest(engine, "hop-1") is None
    assert forms.verify_chain(engine) == forms.ChainReport(links=0, head=forms.GENESIS, broken=())


def test_steps_out_of_order_are_refused(engine: Engine, story: Any) -> None:
    at = story.at("11:00:00")
    with pytest.raises(FormLockedError, match="missing"):
        forms.confirm(engine, "hop-1", author="L", made_at=at)
    forms.save_draft(engine, story.document(), made_at=at)
    with pytest.raises(FormLockedError, match="draft, not confirmed"):
        forms.lock(engine, "hop-1", author="L", made_at=at)
    with pytest.raises(ValueError, match="author"):
        forms.confirm(engine, "hop-1", author=" ", made_at=at)
    forms.confirm(engine, "hop-1", author="L", made_at=at)
    with pytest.raises(FormLockedError, match="confirmed by L"):
        forms.save_draft(engine, fixed(story), made_at=at)
    forms.lock(engine, "hop-1", author="L", made_at=at)
    with pytest.raises(FormLockedError, match="is locked"):
        forms.save_draft(engine, fixed(story), made_at=at, author="B")
    assert len(forms.history(engine, "hop-1")) == 3


def test_a_persons_correction_makes_a_confirmed_form_a_draft_again(engine: Engine, story: Any) -> None:
    at = story.at("11:00:00")
    forms.save_draft(engine, story.document(), made_at=at)
    forms.confirm(engine, "hop-1", author="L", made_at=at)
    assert forms.save_draft(engine, fixed(story), made_at=at, author="B").state is FormState.DRAFT


@pytest.mark.req("R11")
@pytest.mark.parametrize("statement", ["UPDATE form_versions SET author = 'x'", "DELETE FROM form_versions"])
def test_the_database_refuses_to_change_or_delete_a_version(engine: Engine, story: Any, statement: str) -> None:
    forms.save_draft(engine, story.document(), made_at=story.at("10:16:00"))
    with pytest.raises(DatabaseError, match="only added to"), engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.req("R11")
@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE form_versions SET document = replace(document, 'tỉnh', 'tinh') WHERE id = 2", "form hop-1 version 2: was changed"),
        ("UPDATE form_versions SET author = 'ai đó' WHERE id = 3", "form hop-1 version 3: was changed"),
        ("UPDATE form_versions SET made_at = '2020-01-01 00:00:00.000000' WHERE id = 1", "form hop-1 version 1: was changed"),
        ("UPDATE form_versions SET state = 'draft' WHERE id = 3", "form hop-1 version 3: was changed"),
        ("DELETE FROM form_versions WHERE id = 2", "form hop-1 version 3: does not follow"),
        ("DELETE FROM form_versions WHERE id = 1", "form hop-1 version 2: does not follow"),
    ],
)
def test_tampering_by_somebody_with_the_file_is_noticed(engine: Engine, story: Any, tampering: str, told: str) -> None:
    at = story.at("11:00:00")
    forms.save_draft(engine, story.document(), made_at=at)
    forms.save_draft(engine, fixed(story), made_at=at, author="B")
    forms.confirm(engine, "hop-1", author="L", made_at=at)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE form_versions DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER form_versions_no_update"))
            connection.execute(text("DROP TRIGGER form_versions_no_delete"))
        connection.execute(text(tampering))
    report = forms.verify_chain(engine)
    assert not report.whole
    assert any(sentence.startswith(told) for sentence in report.broken)


def test_writers_at_once_make_one_chain(engine: Engine, story: Any) -> None:
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(5):
                document = msgspec.structs.replace(story.document(), meeting=f"hop-{writer % 2}")
                document = corrected(document, "tinh", None, Tick.WRONG, author=f"{writer}", reason=f"{number}", at=story.at("10:20:00"))
                forms.save_draft(engine, document, made_at=story.at("10:20:00"), author=f"{writer}")
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    assert failures == []
    assert forms.verify_chain(engine).whole
    assert len(forms.history(engine, "hop-0")) + len(forms.history(engine, "hop-1")) == forms.verify_chain(engine).links == 20
