"""The page of a month's lines and its files, over a real store."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import openpyxl
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from contract.messages import Figures, Rollup
from control_center.incidents.model import Incident, Place, Span
from control_center.store import incidents as incident_store
from control_center.store import registry
from control_center.store.journal import FiguresRow
from control_center.store.registry import Contact, ContactRole, Site

pytestmark = pytest.mark.req("R45")


@pytest.fixture
def filled(engine: Engine, now: datetime, incident: Callable[..., Incident]) -> None:
    registry.save_sites(
        engine, [Site(id="hoai-nhon", name="=Thị xã <b>Hoài Nhơn</b>", ssid=1), Site(id="an-lao", name="Huyện An Lão", ssid=2)]
    )
    provider = Contact(role=ContactRole.PROVIDER, name="Trực mạng", unit="VNPT Bình Định", site="hoai-nhon")
    registry.replace_contacts(engine, "hoai-nhon", [provider])
    begins_at = now - timedelta(hours=3)
    told = Figures(
        begins_at=begins_at,
        ends_at=begins_at + timedelta(hours=1),
        rollups=(Rollup(metric="link.rtt_ms", unit="ms", count=60, target="center", p50=7.5, p95=11.0),),
    )
    with Session(engine) as session, session.begin():
        row = FiguresRow(site="hoai-nhon", boot="b", seq=1, time=begins_at, begins_at=begins_at, ends_at=told.ends_at, received_at=now)
        row.data = msgspec.json.encode(told).decode()
        session.add(row)
    gone = Span(began_at=begins_at, ended_at=begins_at + timedelta(seconds=36))
    lost = incident(code="link.center_unreachable", began_at=gone.began_at, spans=(gone,), place=Place.TSLCD)
    incident_store.save(engine, [lost], now)


@pytest.mark.usefixtures("filled")
def test_the_page_shows_each_sites_line_by_provider_and_says_where_nothing_was_measured(client: Any) -> None:
    page = client.get("/statistics/lines?month=2026-11").text
    assert "VNPT Bình Định" in page
    assert "=Thị xã &lt;b&gt;Hoài Nhơn" in page
    assert '<td class="number">99,0</td><td class="number">1</td><td class="number">36,0</td>' in page
    assert "chưa khai báo" in page, "no provider is known of the other site"
    assert 'title="không có số liệu"' in page


@pytest.mark.usefixtures("filled")
def test_the_files_say_the_same_and_run_nothing(client: Any) -> None:
    rows = list(csv.reader(io.StringIO(client.get("/statistics/lines/2026-11.csv").content.decode("utf-8-sig"), newline="")))
    (line,) = [row for row in rows if "Hoài" in row[1]]
    assert line[:7] == ["VNPT Bình Định", "'=Thị xã <b>Hoài Nhơn</b>", "1.0", "99.0", "1", "36.0", "36.0"]
    (other,) = [row for row in rows if "An Lão" in row[1]]
    assert other[3] == "", "not measured is empty and no nought"
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/statistics/lines/2026-11.xlsx").content)).active
    assert sheet is not None
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}


@pytest.mark.parametrize("address", ["2026-13.csv", "2026-11.pdf", "x.csv"])
def test_what_is_no_month_or_no_file_is_not_found(client: Any, address: str) -> None:
    assert client.get(f"/statistics/lines/{address}").status_code == 404


def test_without_sites_or_with_a_wrong_month_the_page_still_stands(client: Any) -> None:
    assert "Chưa có điểm cầu nào" in client.get("/statistics/lines?month=abc").text


@pytest.mark.req("R5")
def test_the_inventory_is_shown_and_exported_and_says_of_whom_it_knows_nothing(client: Any, filled: None) -> None:
    assert filled is None
    page = client.get("/devices").text
    assert "Chưa có danh sách của: " in page
    assert "&lt;b&gt;Hoài Nhơn" in page
    assert client.get("/devices.csv").content.decode("utf-8-sig").startswith("Điểm cầu,Đơn vị")
    assert client.get("/devices.xlsx").content.startswith(b"PK")
    assert client.get("/devices.pdf").status_code == 404
