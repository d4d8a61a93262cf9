"""A real browser walks the form from a draft to a locked paper: an operator corrects, the leader confirms and locks, both download."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from control_center.store import accounts, forms, registry
from control_center.store.accounts import Account, Role
from control_center.store.forms import FormState
from control_center.store.registry import MeetingRecord, MeetingSite, Site
from tests.control_center.board.test_correcting import shifted
from tests.integration.browser.conftest import SITES
from tests.integration.browser.test_looks import _FAINT, _NAMELESS

pytestmark = [pytest.mark.timeout(240), pytest.mark.req("R11", "R38", "R39", "R40")]

PASSWORD = "một mật khẩu dài"
REASON = "Micro rè từ giữa buổi, đã thay micro dự phòng"


@pytest.fixture
def meeting(hall: Any) -> str:
    """A meeting in the store, and two people who may do something about its form."""
    held = hall.meet()
    registry.save_sites(hall.engine, [Site(id=site, name=name, ssid=number) for number, (site, name) in enumerate(SITES, 1)])
    parts = tuple(MeetingSite(site=part.site, role=part.role) for part in held.participations)
    plan = shifted(held.plan, -timedelta(hours=3))
    record = MeetingRecord(id=held.id, title=held.title, organizer=held.organizer, plan=plan, sites=parts, registered_at=hall.now())
    registry.save_meeting(hall.engine, record)
    for name, shown, role in (("truc", "Trần Văn Trực", Role.OPERATOR), ("lanhdao", "Lê Thị Lãnh Đạo", Role.LEADER)):
        accounts.add(hall.engine, Account(name=name, shown=shown, role=role), PASSWORD, hall.now())
    return str(held.id)


def enter(page: Page, name: str) -> None:
    page.get_by_label("Tên đăng nhập").fill(name)
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Vào").click()


def downloaded(page: Page, label: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("link", name=label).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_form_is_corrected_confirmed_locked_and_downloaded(
    open_page: Callable[..., Page], hall: Any, meeting: str, tmp_path: Path
) -> None:
    page = open_page(f"/meeting/{meeting}/form")
    enter(page, "truc")
    expect(page.get_by_role("heading", name="Nhật ký triển khai họp trực tuyến")).to_be_visible()
    assert page.get_by_role("button", name="Xác nhận").count() == 0
    page.get_by_role("row", name="Thị xã Hoài Nhơn").get_by_role("link", name="Sửa").click()
    page.get_by_label("Mục cần sửa").select_option("Micro")
    page.get_by_label("Sự cố / hư hỏng").check()
    page.get_by_label("Lý do").fill(REASON)
    page.get_by_role("button", name="Ghi").click()
    expect(page.get_by_role("region", name="Đã sửa bằng tay")).to_contain_text(REASON)
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("Thị xã Hoài Nhơn")

    leader = open_page(f"/meeting/{meeting}/form")
    enter(leader, "lanhdao")
    leader.get_by_role("button", name="Xác nhận").click()
    expect(leader.get_by_text("Đã được xác nhận.")).to_be_visible()
    leader.get_by_role("button", name="Khóa").click()
    expect(leader.get_by_text("Đã khóa, không sửa được nữa.")).to_be_visible()
    assert leader.get_by_role("link", name="Sửa").count() == 0

    pdf, docx = downloaded(leader, "PDF", tmp_path), downloaded(leader, "DOCX", tmp_path)
    printed = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    assert "Thị xã Hoài Nhơn" in printed
    (line,) = [line for line in printed.splitlines() if "Micro:" in line and "☒ hư hỏng" in line]
    assert "☐ Bình thường" in line
    with zipfile.ZipFile(io.BytesIO(docx.read_bytes())) as packed:
        assert "Hoài Nhơn" in packed.read("word/document.xml").decode()
    report = forms.verify_chain(hall.engine)
    assert (report.whole, report.links) == (True, 3)
    assert [one.state for one in forms.history(hall.engine, meeting)] == [FormState.DRAFT, FormState.CONFIRMED, FormState.LOCKED]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_the_page_can_be_read_and_operated(open_page: Callable[..., Page], meeting: str, scheme: str, width: int) -> None:
    page = open_page(f"/meeting/{meeting}/form?site=hoai-nhon", color_scheme=scheme, viewport={"width": width, "height": 768})
    enter(page, "lanhdao")
    page.goto(page.url.split("/login")[0].split("/meeting")[0] + f"/meeting/{meeting}/form?site=hoai-nhon")
    expect(page.get_by_role("button", name="Ghi")).to_be_visible()
    assert page.evaluate(_FAINT) == []
    assert page.evaluate(_NAMELESS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
