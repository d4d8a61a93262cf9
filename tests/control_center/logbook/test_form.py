"""The document: one tick per pair, none without something to rest on, corrections with their author."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from contract.catalog import FormLine
from control_center.logbook.form import (
    Basis,
    FormDocument,
    FormRow,
    Line,
    Tick,
    UnknownSiteError,
    blank_form,
    corrected,
    empty_lines,
    keep_corrections,
    printable,
)


@pytest.mark.req("R39")
@pytest.mark.parametrize("tick", [Tick.NORMAL, Tick.WRONG])
def test_a_tick_that_rests_on_nothing_is_refused(tick: Tick) -> None:
    with pytest.raises(ValueError, match="evidence or its author"):
        Line(name=FormLine.CAMERA, tick=tick)
    with pytest.raises(ValueError, match="evidence or its author"):
        FormRow(site="a", name="A", lines=empty_lines(), tick=tick)
    assert Line(name=FormLine.CAMERA, tick=tick, basis=Basis(evidence=("a:b:1",))).tick is tick


@pytest.mark.req("R40")
def test_a_row_has_the_five_lines_of_the_regulation_in_its_order() -> None:
    camera, *others = empty_lines()
    with pytest.raises(ValueError, match="in this order"):
        FormRow(site="a", name="A", lines=(*others, camera))  # type: ignore[arg-type]


def test_a_form_comes_back_from_json_as_it_was(story: Any) -> None:
    for document in (blank_form(), story.document()):
        assert msgspec.json.decode(msgspec.json.encode(document), type=FormDocument) == document


@pytest.mark.req("R39")
def test_a_corrected_tick_keeps_its_evidence_and_names_author_and_reason(story: Any) -> None:
    document = story.document()
    fixed = corrected(
        document, "tinh", FormLine.MICROPHONE, Tick.NORMAL, author="Trần Văn B", reason="đã thay pin", at=story.at("10:20:00")
    )
    line = fixed.main[0].line(FormLine.MICROPHONE)
    assert line.tick is Tick.NORMAL
    assert line.basis.author == "Trần Văn B"
    assert line.basis.reason == "đã thay pin"
    assert line.basis.evidence == document.main[0].line(FormLine.MICROPHONE).basis.evidence
    assert fixed.branches == document.branches


def test_a_tick_taken_away_by_hand_prints_the_reason(story: Any) -> None:
    fixed = corrected(
        story.document(), "hoai-nhon", FormLine.CAMERA, Tick.NEITHER, author="B", reason="Camera đem đi sửa", at=story.at("10:20:00")
    )
    assert fixed.branches[0].line(FormLine.CAMERA).note == "Camera đem đi sửa"


@pytest.mark.parametrize(("author", "reason"), [("", "vì"), ("B", " ")])
def test_a_correction_without_author_or_reason_is_refused(story: Any, author: str, reason: str) -> None:
    with pytest.raises(ValueError, match="author and its reason"):
        corrected(story.document(), "tinh", None, Tick.NORMAL, author=author, reason=reason, at=story.at("10:20:00"))


def test_a_correction_of_a_site_that_took_no_part_is_refused(story: Any) -> None:
    with pytest.raises(UnknownSiteError):
        corrected(story.document(), "nowhere", None, Tick.NORMAL, author="B", reason="vì", at=story.at("10:20:00"))


def test_a_new_draft_keeps_what_a_person_had_set(story: Any) -> None:
    old = corrected(story.document(), "tinh", FormLine.CAMERA, Tick.WRONG, author="B", reason="vỡ kính", at=story.at("10:20:00"))
    old = corrected(
        old, "an-lao", None, Tick.WRONG, author="B", reason="báo qua điện thoại", at=story.at("10:21:00"), description=("Mất điện.",)
    )
    kept = keep_corrections(story.document(), old)
    assert kept.main[0].line(FormLine.CAMERA).tick is Tick.WRONG
    assert kept.branches[1].tick is Tick.WRONG
    assert kept.branches[1].description == ("Mất điện.",)
    assert kept.main[0].line(FormLine.CABLES) == story.document().main[0].line(FormLine.CABLES)


@pytest.mark.req("R55")
@pytest.mark.parametrize(
    ("typed", "printed"),
    [("Hoa\u0300i Nho\u031bn", "Hoài Nhơn"), ("a\x00b\x0bc", "a b c"), ("  hai  dòng\r\n", "hai dòng"), ("mất\u00a0gói", "mất\u00a0gói")],
)
def test_printable_text_is_composed_and_free_of_what_a_file_cannot_hold(typed: str, printed: str) -> None:
    assert printable(typed) == printed
