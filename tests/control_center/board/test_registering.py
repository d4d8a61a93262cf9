"""A meeting is registered by page, its papers come out, its duties are put down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from contract.meetings import Role
from control_center.store import registry
from control_center.store.registry import MeetingRecord, Need, Site

OWN = {"Sec-Fetch-Site": "same-origin"}
FILLED = {
    "title": "Họp <script>alert(1)</script>",
    "organizer": "UBND tỉnh",
    "basis": "Công văn 1",
    "place": "Phòng A",
    "chair": "Ông A",
    "chair_position": "Chủ tịch",
    "technician": "Bà B",
    "phone": "0905",
    "begins": "2026-12-07T08:00",
    "ends": "2026-12-07T11:00",
    "main": "so-tttt",
    "branch": "hoai-nhon",
    "people-hoai-nhon": "12",
    "contact-hoai-nhon": "Bà Hoa",
    "need-video": "1",
}


@pytest.fixture(autouse=True)
def sites(engine: Engine) -> None:
    registry.save_sites(engine, [Site(id="so-tttt", name="Sở TTTT", ssid=0), Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=0)])


@pytest.fixture
def post(client: Any) -> Callable[..., Any]:
    def send(address: str, **changes: str) -> Any:
        return client.post(address, headers=OWN, data=changes)

    return send


def registered(engine: Engine) -> MeetingRecord:
    (record,) = registry.meetings(engine)
    return record


@pytest.mark.req("R20")
def test_every_field_of_phu_luc_i_is_taken_from_the_page(client: Any, post: Callable[..., Any], engine: Engine) -> None:
    answer = post("/meetings/new", **FILLED)
    record = registered(engine)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/meeting/{record.id}")
    for name in ("title", "organizer", "basis", "place", "chair", "chair_position", "technician", "phone"):
        assert getattr(record, name) == FILLED[name]
    assert record.needs == (Need.VIDEO,)
    branch = record.sites[1]
    assert (branch.site, branch.role, branch.attendees, branch.contact) == ("hoai-nhon", Role.BRANCH, 12, "Bà Hoa")
    assert f"{record.plan.live.begins_at:%H:%M}" == "01:00"
    page = client.get(f"/meeting/{record.id}").text
    assert "<script>alert" not in page
    assert "Phát Video." in page
    for kind, start in (("docx", b"PK"), ("pdf", b"%PDF"), ("ics", b"BEGIN:VCALENDAR")):
        paper = client.get(f"/meeting/{record.id}/registration.{kind}")
        assert paper.content.startswith(start)
        assert "attachment" in paper.headers["content-disposition"]
    assert client.get(f"/meeting/{record.id}/registration.exe").status_code == 404


@pytest.mark.req("R20")
def test_a_late_one_is_registered_and_said_to_be_late(client: Any, post: Callable[..., Any], engine: Engine) -> None:
    post("/meetings/new", **(FILLED | {"begins": "2026-11-24T08:00", "ends": "2026-11-24T09:00"}))
    assert "Điều 8.1" in registered(engine).late
    assert "Đăng ký muộn" in client.get("/meetings").text


@pytest.mark.req("R21")
def test_an_emergency_has_no_rehearsal_and_is_checked_at_once(post: Callable[..., Any], engine: Engine, now: datetime) -> None:
    post("/meetings/new", **(FILLED | {"begins": "2026-11-23T20:00", "ends": "2026-11-23T21:00", "emergency": "1"}))
    record = registered(engine)
    assert (record.emergency, record.late, record.plan.rehearsal) == (True, "", None)
    assert record.plan.precheck is not None
    assert record.plan.precheck.begins_at == now


@pytest.mark.req("R23")
def test_what_cannot_be_held_is_refused_with_its_reason_and_nothing_typed_is_lost(post: Callable[..., Any], engine: Engine) -> None:
    post("/meetings/new", **FILLED)
    answer = post("/meetings/new", **(FILLED | {"title": "Họp khác", "need-recording": "1"}))
    assert answer.status_code == 422
    assert "đã có cuộc họp «Họp &lt;script&gt;" in answer.text
    assert 'value="Họp khác"' in answer.text
    assert 'name="branch" value="hoai-nhon" checked' in answer.text
    assert 'value="12"' in answer.text
    assert 'name="need-recording" value="1" checked' in answer.text
    assert len(registry.meetings(engine)) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"begins": ""}, "Thời gian bắt đầu chưa ghi"),
        ({"ends": "2026-12-07T07:00"}, "kết thúc trước khi bắt đầu"),
        ({"main": "none"}, "chưa có trong danh bạ"),
        ({"people-hoai-nhon": "mười"}, "không phải số"),
        ({"title": "  "}, "cần có nội dung"),
    ],
)
def test_what_is_missing_is_named(post: Callable[..., Any], engine: Engine, changes: dict[str, str], why: str) -> None:
    answer = post("/meetings/new", **(FILLED | changes))
    assert answer.status_code == 422
    assert why.lower() in answer.text.lower()
    assert registry.meetings(engine) == []


def test_a_calendar_fills_the_form_in_and_registers_nothing(client: Any, post: Callable[..., Any], engine: Engine) -> None:
    post("/meetings/new", **FILLED)
    record = registered(engine)
    calendar = client.get(f"/meeting/{record.id}/registration.ics").text
    answer = post("/meetings/new", step="calendar", calendar=calendar)
    assert answer.status_code == 200
    assert 'value="2026-12-07T08:00"' in answer.text
    assert 'value="so-tttt" selected' in answer.text
    assert 'value="hoai-nhon" checked' in answer.text
    assert len(registry.meetings(engine)) == 1
    assert "không phải lịch" in post("/meetings/new", step="calendar", calendar="nothing").text


@pytest.mark.req("R22")
def test_duties_are_listed_with_their_letters_and_put_down(client: Any, post: Callable[..., Any], engine: Engine, now: datetime) -> None:
    post("/meetings/new", **FILLED)
    record = registered(engine)
    assert "Xác nhận phiếu đăng ký" in client.get("/meetings/duties").text
    assert "Sở Thông tin và Truyền thông xác nhận" in client.get(f"/meeting/{record.id}/duties").text
    assert post(f"/meeting/{record.id}/duties/power").status_code == 422
    assert post(f"/meeting/{record.id}/duties/confirm", by="Ông Nam").status_code == 303
    assert registered(engine).confirmed_at == now
    assert "Thông báo điện lực" in client.get("/meetings/duties").text
    assert post(f"/meeting/{record.id}/duties/power").status_code == 303
    assert "Không còn việc nào" in client.get("/meetings/duties").text
    assert post(f"/meeting/{record.id}/duties/none").status_code == 404
    assert post("/meeting/none/duties/power").status_code == 404


def test_only_a_page_of_ours_registers(client: Any, engine: Engine) -> None:
    assert client.post("/meetings/new", headers={"Sec-Fetch-Site": "cross-site"}, data=FILLED).status_code == 403
    assert registry.meetings(engine) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([*FILLED, "step", "calendar", "emergency"]),
        st.text(max_size=40) | st.sampled_from(["calendar", "9999-12-31T23:59", "0001-01-01T00:00"]),
    )
)
def test_no_form_breaks_the_page(client: Any, changes: dict[str, str]) -> None:
    fields = "&".join(f"{name}={quote(text.encode('utf-8', 'surrogatepass'))}" for name, text in (FILLED | changes).items())
    headers = OWN | {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/meetings/new", headers=headers, content=fields).status_code in {303, 400, 422}


@pytest.mark.req("R42")
def test_statistics_are_shown_and_given_out_in_the_columns_that_were_ticked(client: Any, post: Callable[..., Any]) -> None:
    post("/meetings/new", **FILLED)
    page = client.get("/statistics?year=2026&column=title&column=attendees&column=nonsense").text
    assert "1 cuộc họp" in page
    assert "<script>alert" not in page
    assert "/statistics/2026.xlsx?column=title&amp;column=attendees" in page
    csv = client.get("/statistics/2026.csv?column=title&column=attendees").content.decode("utf-8-sig")
    assert csv.splitlines() == ["Nội dung,Số người dự", "Họp <script>alert(1)</script>,12"]
    assert client.get("/statistics/2026.xlsx").content.startswith(b"PK")
    assert "không có cuộc họp nào" in client.get("/statistics?year=1999").text
    assert [client.get(f"/statistics/{name}").status_code for name in ("2026.exe", "99999.csv", "x.csv")] == [404, 404, 404]
