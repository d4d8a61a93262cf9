"""Pages answer, say what is known, and never break."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from contract.findings import Finding, Severity, State, Verdict
from contract.meetings import Meeting, Phase, Role
from contract.messages import CheckDone, CheckReason, ComponentState, Rollup
from control_center.board.forms import file_name
from control_center.incidents.model import Incident, IncidentState, Place
from control_center.live import Live
from control_center.store import incidents as incident_store
from control_center.store import registry
from control_center.store.journal import EventRow
from control_center.store.registry import Contact, ContactRole, MeetingRecord, MeetingSite, Site

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def _register(engine: Engine, meeting: Meeting) -> None:
    registry.save_sites(engine, [Site(id="so-tttt", name="Sở TTTT", ssid=0), Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=0)])
    parts = (MeetingSite(site="so-tttt", role=Role.MAIN), MeetingSite(site="hoai-nhon", role=Role.BRANCH, attendees=12, contact="Bà Hoa"))
    record = MeetingRecord(
        id=meeting.id,
        title=meeting.title,
        organizer=meeting.organizer,
        plan=meeting.plan,
        sites=parts,
        registered_at=datetime.now().astimezone(),
    )
    registry.save_meeting(engine, record)


def test_idle_wall_shows_every_site(client: Any) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert len(re.findall(r'id="site-([^"]+)"', page.text)) == 3
    assert "Ngoài giờ họp" in page.text


@pytest.mark.req("R33")
def test_wall_of_a_meeting_shows_its_sites_with_their_roles_and_the_time_left(client: Any, live: Live, meeting: Meeting) -> None:
    live.tell_meeting(meeting, Phase.LIVE)
    text = client.get("/").text
    assert set(re.findall(r'id="site-([^"]+)"', text)) == {"so-tttt", "hoai-nhon"}
    assert "Điểm cầu chính" in text
    assert "Điểm cầu phụ" in text
    assert meeting.title in text
    assert "đến 15:43:05" in text


@pytest.mark.req("R2")
def test_wall_shows_each_component_with_figure_and_limit(client: Any, live: Live, component: Callable[..., ComponentState]) -> None:
    found = Finding(
        code="agent.probe_timeout", severity=Severity.WARNING, component="agent", target="camera", figure=12.5, limit=5, unit="s"
    )
    live.sites["an-lao"].components = {"camera": component("camera"), "agent": component("agent", State.WARNING, found)}
    text = client.get("/").text
    assert "không xong sau 12,5\u00a0s (giới hạn 5\u00a0s)" in text
    assert 'data-component="camera" data-tone="ok"' in text
    assert "Chưa kiểm tra" in text


@pytest.mark.req("R55")
def test_times_are_those_of_vietnam(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident())
    assert "từ 14:03:05" in client.get("/").text
    assert "14:03:05 23/11/2026" in client.get(f"/incidents/{incident().id}").text


@pytest.mark.req("R7")
def test_alert_names_whom_to_phone(client: Any, live: Live, engine: Engine, incident: Callable[..., Incident]) -> None:
    registry.save_sites(engine, [Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=0)])
    registry.replace_contacts(engine, "hoai-nhon", [Contact(role=ContactRole.SITE, name="Anh Bình", phone="0905 123 456")])
    registry.replace_contacts(engine, "", [Contact(role=ContactRole.PROVIDER, name="Trực VNPT", phone="0256 119")])
    live.tell_incident(incident(code="link.down", place=Place.TSLCD))
    text = client.get("/").text
    assert text.index("Trực VNPT") < text.index("Anh Bình")
    assert 'href="tel:0905123456"' in text
    assert "mạng truyền số liệu chuyên dùng (TSLCD)" in text


@pytest.mark.req("R7")
def test_whom_to_phone_stands_above_the_figures_of_a_site(client: Any, live: Live, engine: Engine, now: datetime) -> None:
    registry.save_sites(engine, [Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=0)])
    registry.replace_contacts(engine, "hoai-nhon", [Contact(role=ContactRole.SITE, name="Anh Bình", phone="0905 123 456")])
    rollup = Rollup(metric="link.rtt_ms", unit="ms", count=60, minimum=1.0, p50=2.0, p95=3.0, maximum=4.0)
    live.tell_site(msgspec.structs.replace(live.sites["hoai-nhon"], latest={"link.rtt_ms": rollup}))
    text = client.get("/site/hoai-nhon").text
    assert text.index("Anh Bình") < text.index("Số đo gần nhất")


def test_fault_of_a_device_is_no_business_of_the_line_provider(
    client: Any, live: Live, engine: Engine, incident: Callable[..., Incident]
) -> None:
    registry.save_sites(engine, [Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=0)])
    registry.replace_contacts(engine, "", [Contact(role=ContactRole.PROVIDER, name="Trực VNPT", phone="0256 119")])
    live.tell_incident(incident())
    assert "Trực VNPT" not in client.get("/").text


def test_suspicion_is_a_badge_and_no_alert(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident(state=IncidentState.SUSPECTED, opened_at=None))
    text = client.get("/").text
    assert 'class="badge"' in text
    assert 'class="alert"' not in text


@pytest.mark.req("R34")
def test_acknowledging_writes_the_store_and_the_live_state(
    client: Any, live: Live, engine: Engine, incident: Callable[..., Incident], now: datetime
) -> None:
    incident_store.save(engine, [incident()], now)
    live.tell_incident(incident())
    answer = client.post(f"/incidents/{incident().id}/ack", data={"by": "  Trần Văn A "}, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    stored = incident_store.incident(engine, incident().id)
    assert stored is not None
    assert (stored.state, stored.acknowledged_by, stored.acknowledged_at) == (IncidentState.ACKNOWLEDGED, "Trần Văn A", now)
    assert live.incidents[incident().id].state is IncidentState.ACKNOWLEDGED
    assert "Đã nhận: Trần Văn A" in client.get("/").text


def test_second_acknowledgement_leaves_the_first(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident())
    for name in ("A", "B"):
        client.post(f"/incidents/{incident().id}/ack", data={"by": name}, headers=SAME_ORIGIN | {"X-Requested-By": "board"})
    assert live.incidents[incident().id].acknowledged_by == "A"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
@pytest.mark.req("R9")
def test_acknowledging_from_elsewhere_is_refused(
    client: Any, live: Live, incident: Callable[..., Incident], headers: dict[str, str]
) -> None:
    live.tell_incident(incident())
    answer = client.post(f"/incidents/{incident().id}/ack", data={"by": "x"}, headers=headers)
    assert answer.status_code == 403
    assert live.incidents[incident().id].state is IncidentState.OPEN


def test_own_origin_is_enough_where_the_browser_says_no_more(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident())
    headers = {"Origin": "http://localhost", "X-Requested-By": "board"}
    assert client.post(f"/incidents/{incident().id}/ack", data={}, headers=headers).status_code == 204
    assert live.incidents[incident().id].acknowledged_by == "Trực ban"


def test_strange_body_of_an_acknowledgement_is_the_senders_fault(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident())
    address = f"/incidents/{incident().id}/ack"
    assert client.post(address, content=b"by=\xff\xfe", headers=SAME_ORIGIN).status_code == 400
    assert client.post(address, content=b"&".join([b"a=1"] * 50), headers=SAME_ORIGIN).status_code == 400
    assert client.post(address, content=b"by=" + b"x" * 9000, headers=SAME_ORIGIN).status_code == 413
    assert live.incidents[incident().id].state is IncidentState.OPEN


@pytest.mark.parametrize("host", ["evil.example", "", "localhost.evil.example", "[", "127.0.0.1@evil.example"])
def test_other_host_names_are_refused(client: Any, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST", "10.51.1.9:8080"])
def test_own_name_and_any_address_are_allowed(client: Any, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        *("/nothing", "/site/none", "/site/%00", "/site/..%2f..%2fetc", "/meeting/none", "/meeting/none/form", "/meeting/none/form.pdf"),
        *("/incidents/none", "/incidents/%ff", "/meeting/%F0%9F%98%80", "/events?site=none", "/static/none.js", "/static/../app.py"),
    ],
)
def test_bad_address_is_a_page_in_vietnamese(client: Any, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert "Không tìm thấy trang này" in answer.text


@pytest.mark.parametrize("address", ["/", "/meetings", "/incidents", "/nothing", "/static/board.css"])
def test_every_answer_says_what_a_browser_may_do(client: Any, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_no_page_has_inline_style_or_script_or_a_foreign_address(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident())
    for address in ("/", "/site/hoai-nhon", "/meetings", "/incidents", f"/incidents/{incident().id}"):
        text = client.get(address).text
        assert not re.search(r"\sstyle=|\son\w+=|<style|https?://", text), address
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), address


@pytest.mark.req("R9")
def test_markup_in_names_and_details_stays_text(
    client: Any, live: Live, engine: Engine, meeting: Meeting, incident: Callable[..., Incident]
) -> None:
    now = incident().began_at
    evil = "<img src=x onerror=alert(1)>\"'&"
    live.sites["hoai-nhon"].name = evil
    found = Finding(code="agent.probe_crashed", severity=Severity.WARNING, component="agent", target=evil, details={"error": evil})
    live.sites["hoai-nhon"].components = {
        evil: ComponentState(verdict=Verdict(component=evil, state=State.WARNING, at=now, findings=(found,)))
    }
    live.sites["hoai-nhon"].latest = {evil: Rollup(metric=evil, unit=evil, count=1, target=evil, p50=1.0)}
    dangerous = incident(code=evil, details={"error": evil}, target=evil, unit=evil, acknowledged_by=evil, id=f"hoai-nhon-{evil}")
    live.tell_incident(dangerous)
    _register(engine, meeting)
    incident_store.save(engine, [msg := incident(details={"error": evil}, target=evil, meeting=meeting.id)], now)
    for address in ("/", "/site/hoai-nhon", "/incidents", f"/meeting/{meeting.id}", f"/incidents/{msg.id}"):
        text = client.get(address).text
        assert "<img" not in text, address
    assert "&lt;img" in client.get("/").text


def test_site_page_tells_figures_and_findings(client: Any, live: Live, component: Callable[..., ComponentState], now: datetime) -> None:
    since = now - timedelta(minutes=5)
    found = Finding(code="agent.outbox_full", severity=Severity.WARNING, component="agent", figure=9000, limit=8000, since=since)
    live.sites["hoai-nhon"].components = {"agent": component("agent", State.WARNING, found)}
    live.sites["hoai-nhon"].latest = {"agent.outbox_rows": Rollup(metric="agent.outbox_rows", unit="", count=3, p50=2.5, p95=7.0)}
    text = client.get("/site/hoai-nhon").text
    assert "Hàng đợi có 9000" in text
    assert "(từ 13:58:05 23/11/2026)" in text
    assert "Số bản tin chờ gửi về trung tâm" in text
    assert "2,5" in text


def test_meeting_page_shows_checks_as_proof_and_says_when_there_are_none(
    client: Any, engine: Engine, meeting: Meeting, now: datetime
) -> None:
    _register(engine, meeting)
    assert "chưa kiểm tra không có nghĩa là bình thường" in client.get(f"/meeting/{meeting.id}").text
    verdict = Verdict(component="camera", state=State.OK, at=now)
    check = CheckDone(
        check="c1",
        phase=Phase.PRECHECK,
        reason=CheckReason.SCHEDULED,
        began_at=now,
        ended_at=now + timedelta(seconds=8),
        verdicts=(verdict,),
    )
    with Session(engine) as session, session.begin():
        session.add(
            EventRow(
                site="hoai-nhon",
                boot="b",
                seq=1,
                type="check",
                meeting=meeting.id,
                time=now,
                received_at=now,
                data=msgspec.json.encode(check).decode(),
            )
        )
    text = client.get(f"/meeting/{meeting.id}").text
    assert "Camera: Bình thường" in text
    assert "theo lịch, trong 8" in text
    assert "Bà Hoa" in text
    assert meeting.title in client.get("/meetings").text


def test_incident_of_a_newer_agent_is_shown_raw(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident(code="camera.upside_down", component="camera"))
    text = client.get("/").text
    assert "camera.upside_down: 30\u00a0s (giới hạn 10\u00a0s)" in text


def test_figures_that_are_no_numbers_break_nothing(client: Any, live: Live, incident: Callable[..., Incident]) -> None:
    live.tell_incident(incident(figure=float("nan"), limit=float("inf"), details={"x": float("nan")}))
    assert client.get("/").status_code == 200
    assert client.get(f"/incidents/{incident().id}").status_code == 200


@pytest.mark.req("R39")
def test_form_is_previewed_and_downloaded(client: Any, engine: Engine, meeting: Meeting) -> None:
    _register(engine, meeting)
    page = client.get(f"/meeting/{meeting.id}/form").text
    assert "Bản nháp" in page
    assert f"/meeting/{meeting.id}/form.docx" in page
    preview = client.get(f"/meeting/{meeting.id}/form.html")
    assert "MẪU NHẬT KÝ" in preview.text.upper()
    assert "sandbox" in preview.headers["content-security-policy"]
    assert "script-src" not in preview.headers["content-security-policy"]
    for kind, begin in (("docx", b"PK"), ("pdf", b"%PDF")):
        answer = client.get(f"/meeting/{meeting.id}/form.{kind}")
        assert answer.content.startswith(begin)
        assert answer.headers["content-disposition"] == f'attachment; filename="nhat-ky-{meeting.id}.{kind}"'
    assert client.get(f"/meeting/{meeting.id}/form.exe").status_code == 404


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    page=st.sampled_from(["site", "meeting", "incidents", "static", "events", ""]),
    name=st.text(max_size=30),
    rest=st.sampled_from(["", "/form", "/form.pdf", "/ack", "/form."]),
    method=st.sampled_from(["get", "post"]),
)
def test_no_address_breaks_the_board(client: Any, page: str, name: str, rest: str, method: str) -> None:
    address = f"/{page}/{quote(name, safe='')}{rest}"
    answer = client.get(address) if method == "get" else client.post(address, headers=SAME_ORIGIN, content=name.encode("utf-8", "replace"))
    assert answer.status_code < 500


def test_file_name_holds_no_path() -> None:
    assert file_name("../../etc/passwd\r\n", "pdf") == "nhat-ky-etc-passwd.pdf"
    assert file_name("họp", "pdf") == "nhat-ky-h-p.pdf"
    assert file_name("…", "pdf") == "nhat-ky-cuoc-hop.pdf"
