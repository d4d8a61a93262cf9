"""The year's statistics: chosen columns, whole letters, and no formula that somebody typed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState, Span
from control_center.meetings import sheets, statistics
from control_center.meetings.statistics import COLUMNS, Statistics
from control_center.store import incidents as incident_store
from control_center.store import registry
from control_center.store.registry import MeetingRecord

T = datetime(2026, 11, 16, 1, 30, tzinfo=UTC)
EVIL = ['=cmd|"/C calc"!A0', "+1", "-1+2", "@SUM(A1)", "\t=1", "  =1", "\r=1", "\n=1"]


def counted(*cells: Any) -> Statistics:
    return Statistics(year=2026, heads=("Nội dung",), rows=tuple((cell,) for cell in cells), by_site={}, by_component={}, names={})


def read_csv(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def incident(record: MeetingRecord, code: str) -> Incident:
    span = Span(began_at=T, ended_at=T + timedelta(seconds=9.5))
    return Incident(
        id=f"hoai-nhon-{code}",
        site="hoai-nhon",
        code=code,
        component=code.partition(".")[0],
        severity=Severity.CRITICAL,
        state=IncidentState.CLOSED,
        began_at=T,
        ended_at=span.ended_at,
        opened_at=T,
        spans=(span,),
        meeting=record.id,
    )


@pytest.mark.req("R42", "R44")
def test_columns_are_chosen_and_count_what_happened(engine: Engine, filled: MeetingRecord) -> None:
    incident_store.save(engine, [incident(filled, "link.down"), incident(filled, "camera.black")], T)
    wanted = ("title", "hours", "attendees", "incidents", "lost_s", "camera", "microphone", "link", "late")
    found = statistics.of_year(engine, 2026, wanted)
    assert found.heads == tuple(COLUMNS[name].head for name in wanted)
    assert found.rows == ((filled.title, 3.0, 12, 2, 9.5, 1, 0, 1, ""),)
    assert found.by_site == {"van-phong": (1, 0), "hoai-nhon": (1, 2), "an-lao": (1, 0)}
    assert found.by_component == {"camera": 1, "link": 1}
    assert len(statistics.of_year(engine, 2026, tuple(COLUMNS)).rows[0]) == len(COLUMNS)
    with pytest.raises(ValueError, match="no such columns: nothing"):
        statistics.of_year(engine, 2026, ("title", "nothing"))


@pytest.mark.req("R42")
def test_a_meeting_that_was_cancelled_is_not_counted(engine: Engine, filled: MeetingRecord) -> None:
    registry.save_meeting(engine, msgspec.structs.replace(filled, cancelled_at=T))
    assert statistics.of_year(engine, 2026).rows == ()


@pytest.mark.parametrize("text", EVIL)
def test_what_somebody_typed_is_no_formula_in_either_file(text: str) -> None:
    ((_,), (cell,)) = read_csv(sheets.as_csv(counted(text)))
    assert cell == f"'{text}"
    sheet = openpyxl.load_workbook(io.BytesIO(sheets.as_xlsx(counted(text))))["Cuộc họp"]
    assert sheet["A2"].data_type == "s"


def test_figures_stay_figures_even_below_zero() -> None:
    assert read_csv(sheets.as_csv(counted(-3, 2.5)))[1:] == [["-3"], ["2.5"]]
    sheet = openpyxl.load_workbook(io.BytesIO(sheets.as_xlsx(counted(-3, 2.5))))["Cuộc họp"]
    assert [sheet["A2"].value, sheet["A3"].value] == [-3, 2.5]


@pytest.mark.req("R55")
def test_vietnamese_letters_come_whole_through_both_files() -> None:
    words = "Họp giao ban – Thị xã Hoài Nhơn, đường Ỷ Lan"
    assert read_csv(sheets.as_csv(counted(words)))[1] == [words]
    assert openpyxl.load_workbook(io.BytesIO(sheets.as_xlsx(counted(words))))["Cuộc họp"]["A2"].value == words


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=50))
def test_any_text_gives_files_that_open(text: str) -> None:
    assert len(openpyxl.load_workbook(io.BytesIO(sheets.as_xlsx(counted(text))))["Cuộc họp"]["A"]) == 2
    cell = sheets.harmless(text)
    assert isinstance(cell, str)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.req("R42")
def test_more_text_than_a_cell_holds_is_cut_and_the_file_opens() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(sheets.as_xlsx(counted("a" * 40_000))))["Cuộc họp"]
    assert len(str(sheet["A2"].value)) == 32_767
