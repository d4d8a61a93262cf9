"""One meeting in a real browser, from its registration to its locked and verified paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from contract.findings import Component, State, Verdict
from contract.meetings import Phase
from contract.messages import CheckDone, CheckReason
from control_center.incidents.model import IncidentState, Span
from control_center.meetings.working_days import VIETNAM
from control_center.store import accounts, forms, registry
from control_center.store import incidents as incident_store
from control_center.store.accounts import Account, Role
from control_center.store.journal import EventRow
from control_center.store.registry import MeetingRecord, Site
from tests.integration.browser.conftest import SITES
from tests.integration.browser.test_form_walk import PASSWORD, downloaded, enter

pytestmark = [pytest.mark.timeout(300), pytest.mark.req("R6", "R20", "R33", "R39")]

REASON = "Camera mờ ở nửa sau buổi họp"


@pytest.fixture
def people(hall: Any) -> None:
    registry.save_sites(hall.engine, [Site(id=site, name=name, ssid=number) for number, (site, name) in enumerate(SITES, 1)])
    for name, shown, role in (("truc", "Trần Văn Trực", Role.OPERATOR), ("lanhdao", "Lê Thị Lãnh Đạo", Role.LEADER)):
        accounts.add(hall.engine, Account(name=name, shown=shown, role=role), PASSWORD, hall.now())


def register(page: Page, hall: Any) -> MeetingRecord:
    begins = (hall.now() + timedelta(hours=5)).astimezone(VIETNAM)
    page.get_by_label("Nội dung cuộc họp").fill("Giao ban tháng 12")
    page.get_by_label("Đơn vị chủ trì").fill("Văn phòng UBND tỉnh")
    page.get_by_label("Bắt đầu").fill(f"{begins:%Y-%m-%dT%H:%M}")
    page.get_by_label("Kết thúc").fill(f"{begins + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    page.get_by_label("Họp đột xuất").check()
    page.locator("select[name=main]").select_option("so-tttt")
    page.locator("input[name=branch][value=hoai-nhon]").check()
    page.get_by_role("button", name="Đăng ký").click()
    expect(page.get_by_role("heading", name="Giao ban tháng 12")).to_be_visible()
    (record,) = registry.meetings(hall.engine)
    return record


def check_ran(hall: Any, record: MeetingRecord) -> None:
    """What an agent writes when its check before the meeting is done."""
    at = record.plan.precheck.begins_at
    verdict = Verdict(component=Component.CAMERA, state=State.OK, at=at)
    done = CheckDone(
        check="c",
        phase=Phase.PRECHECK,
        reason=CheckReason.SCHEDULED,
        began_at=at,
        ended_at=at + timedelta(seconds=9),
        verdicts=(verdict,),
        meeting=record.id,
    )
    with Session(hall.engine) as session, session.begin():
        row = EventRow(site="hoai-nhon", boot="b", seq=1, type="check", meeting=record.id, time=done.ended_at, received_at=done.ended_at)
        row.data = msgspec.json.encode(done).decode()
        session.add(row)


def alert_and_acknowledge(page: Page, hall: Any, record: MeetingRecord) -> None:
    """The link of a site is lost in the meeting: the open wall shows and sounds it, and somebody puts a name to it."""
    at = hall.now() + hall.ahead
    lost = hall.incident(began_at=at, opened_at=at, meeting=record.id, spans=(Span(began_at=at),))
    incident_store.save(hall.engine, [lost], at)
    page.click("#sound")
    tones = page.evaluate("window.tones")
    hall.tell_incident(lost)
    card = page.locator(".alert")
    expect(card).to_contain_text("Thị xã Hoài Nhơn")
    page.wait_for_function("before => window.tones > before", arg=tones)
    card.get_by_role("button", name="Đã nhận").click()
    expect(page.locator(".acked")).to_contain_text("Trần Văn Trực")
    over = at + timedelta(seconds=70)
    seen = incident_store.incident(hall.engine, lost.id)
    assert seen is not None
    ended = msgspec.structs.replace(seen, state=IncidentState.CLOSED, ended_at=over, spans=(Span(began_at=at, ended_at=over),))
    incident_store.save(hall.engine, [ended], over)
    hall.tell_incident(ended)
    expect(page.locator(".alert")).to_have_count(0)


@pytest.mark.usefixtures("people")
def test_a_meeting_from_its_registration_to_its_locked_paper(open_page: Callable[..., Page], hall: Any, tmp_path: Path) -> None:
    page = open_page("/meetings/new")
    enter(page, "truc")
    record = register(page, hall)
    check_ran(hall, record)
    hall.ahead = record.plan.live.begins_at - hall.now() + timedelta(minutes=1)
    page.goto(f"{hall.url}/meeting/{record.id}")
    expect(page.get_by_role("region", name="Các lần kiểm tra").first).to_contain_text("Thị xã Hoài Nhơn")

    hall.tell(lambda: hall.live.tell_meeting(record.as_meeting(), Phase.LIVE))
    page.goto(hall.url)
    page.wait_for_selector("body[data-stream=open]")
    alert_and_acknowledge(page, hall, record)

    hall.ahead = record.plan.wrap_up.ends_at - hall.now() + timedelta(minutes=1)
    page.goto(f"{hall.url}/meeting/{record.id}/form?site=hoai-nhon")
    page.get_by_label("Mục cần sửa").select_option("Camera")
    page.get_by_label("Sự cố / hư hỏng").check()
    page.get_by_label("Lý do").fill(REASON)
    page.get_by_role("button", name="Ghi").click()
    expect(page.get_by_role("region", name="Đã sửa bằng tay")).to_contain_text(REASON)
    assert page.get_by_role("button", name="Xác nhận").count() == 0, "an operator does not confirm"

    leader = open_page(f"/meeting/{record.id}/form")
    enter(leader, "lanhdao")
    for step in ("Xác nhận", "Khóa"):
        leader.get_by_role("button", name=step).click()
    expect(leader.get_by_text("Đã khóa, không sửa được nữa.")).to_be_visible()
    assert downloaded(leader, "PDF", tmp_path).read_bytes().startswith(b"%PDF")
    assert downloaded(leader, "DOCX", tmp_path).read_bytes().startswith(b"PK")
    told = leader.frame_locator("iframe").locator("body")
    expect(told).to_contain_text("Mất kết nối")
    assert forms.verify_chain(hall.engine).whole
