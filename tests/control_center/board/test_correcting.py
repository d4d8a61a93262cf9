"""The form's page: who may correct, confirm and lock what, on what he looked at; nothing that is typed is markup."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from contract.catalog import FormLine
from contract.meetings import Plan, Window
from control_center.logbook import files
from control_center.logbook.form import Tick
from control_center.store import accounts, forms, registry
from control_center.store.accounts import Account, Role
from control_center.store.forms import FormState
from control_center.store.registry import MeetingRecord, MeetingSite, Site
from tests.control_center.board.test_entering import PASSWORD, Browser

pytestmark = pytest.mark.req("R11", "R39")

MEETING = "giao-ban-11"
PAGE = f"/meeting/{MEETING}/form"


def shifted(plan: Plan, by: timedelta) -> Plan:
    """The same plan at another time."""
    spans = {name: getattr(plan, name) for name in ("rehearsal", "precheck", "live", "wrap_up")}
    moved = {name: span and Window(begins_at=span.begins_at + by, ends_at=span.ends_at + by) for name, span in spans.items()}
    return Plan(**moved)


@pytest.fixture
def record(engine: Engine, meeting: Any, now: Any) -> MeetingRecord:
    sites = [
        Site(id="so-tttt", name="Sở Thông tin và Truyền thông", ssid=1, unit="Sở TTTT"),
        Site(id="hoai-nhon", name="Thị xã <b>Hoài Nhơn</b>", ssid=2, unit="UBND thị xã"),
    ]
    registry.save_sites(engine, sites)
    made = MeetingRecord(
        id=meeting.id,
        title=meeting.title,
        organizer=meeting.organizer,
        plan=shifted(meeting.plan, -timedelta(hours=3)),
        sites=tuple(MeetingSite(site=part.site, role=part.role) for part in meeting.participations),
        registered_at=now,
    )
    registry.save_meeting(engine, made)
    return made


@pytest.fixture
def people(engine: Engine, now: Any, record: MeetingRecord) -> MeetingRecord:
    for name, role, unit in (
        ("xem", Role.VIEWER, ""),
        ("truc", Role.OPERATOR, ""),
        ("thixa", Role.OPERATOR, "UBND thị xã"),
        ("lanhdao", Role.LEADER, ""),
        ("ld-thixa", Role.LEADER, "UBND thị xã"),
    ):
        accounts.add(engine, Account(name=name, shown=f"Cô {name}", role=role, unit=unit), PASSWORD, now)
    return record


@pytest.fixture
def enter(app: Starlette, people: MeetingRecord) -> Any:
    assert people.id == MEETING

    def enter(name: str) -> Browser:
        browser = Browser(app)
        assert browser.enter(name).status_code == 303
        return browser

    return enter


def hidden(page: str, name: str, after: str = "") -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page[page.index(after) :] if after else page)
    assert found is not None, f"the page has no field {name}"
    return found.group(1)


def correct(browser: Browser, site: str = "hoai-nhon", **given: str) -> Any:
    page = browser.get(f"{PAGE}?site={site}").text
    seen = hidden(page, "seen", 'id="sua"') if 'id="sua"' in page else "x"
    words = {"site": site, "pair": "Micro", "tick": "wrong", "reason": "micro rè, đã thay", "seen": seen, "description": ""} | given
    return browser.post(f"{PAGE}/correct", **words)


def test_an_operator_corrects_one_pair_with_a_reason_and_it_stays_with_his_name(enter: Any, engine: Engine) -> None:
    browser = enter("truc")
    assert correct(browser).status_code == 303
    page = browser.get(PAGE).text
    assert "Đã sửa bằng tay" in page
    assert "micro rè, đã thay" in page
    assert "sửa bởi Cô truc" in page
    version = forms.latest(engine, MEETING)
    assert version is not None
    line = next(row for row in version.document.rows if row.site == "hoai-nhon").line(FormLine.MICROPHONE)
    assert (line.tick, line.basis.author, line.basis.reason) == (Tick.WRONG, "Cô truc", "micro rè, đã thay")
    assert "hư hỏng" in browser.get(f"{PAGE}.html").text
    assert forms.verify_chain(engine).whole


def test_the_sites_own_pair_takes_new_sentences_too(enter: Any, engine: Engine) -> None:
    browser = enter("truc")
    sentences = "Mất điện 5 phút.\n\n Đã chạy máy phát. "
    assert correct(browser, pair="site", tick="wrong", description=sentences).status_code == 303
    version = forms.latest(engine, MEETING)
    assert version is not None
    row = next(row for row in version.document.rows if row.site == "hoai-nhon")
    assert (row.tick, row.description) == (Tick.WRONG, ("Mất điện 5 phút.", "Đã chạy máy phát."))


def test_without_a_reason_nothing_is_written_and_what_was_typed_is_kept(enter: Any, engine: Engine) -> None:
    answer = correct(enter("truc"), reason=" ", description="câu đã gõ")
    assert answer.status_code == 422
    assert "Cần ghi lý do sửa." in answer.text
    assert "câu đã gõ" in answer.text
    assert forms.latest(engine, MEETING) is None


@pytest.mark.parametrize("given", [{"tick": "maybe"}, {"pair": "Loa"}, {"tick": ""}, {"pair": ""}])
def test_what_the_page_does_not_offer_is_refused(enter: Any, given: dict[str, str]) -> None:
    assert correct(enter("truc"), **given).status_code == 400


def test_who_looked_at_an_old_row_must_look_again(enter: Any) -> None:
    first, second = enter("truc"), enter("lanhdao")
    old = hidden(first.get(f"{PAGE}?site=hoai-nhon").text, "seen", 'id="sua"')
    assert correct(second, pair="Camera").status_code == 303
    answer = correct(first, seen=old)
    assert answer.status_code == 422
    assert "vừa thay đổi" in answer.text
    assert correct(first, site="so-tttt").status_code == 303, "another row has not changed"


def test_a_leader_confirms_what_he_looked_at_and_then_locks_it(enter: Any, engine: Engine) -> None:
    leader, operator = enter("lanhdao"), enter("truc")
    old = hidden(leader.get(PAGE).text, "seen")
    assert correct(operator).status_code == 303
    answer = leader.post(f"{PAGE}/confirm", seen=old)
    assert answer.status_code == 422
    assert "đã thay đổi từ lúc bạn xem" in answer.text
    assert leader.post(f"{PAGE}/lock").status_code == 422, "a draft cannot be locked"
    assert leader.post(f"{PAGE}/confirm", seen=hidden(leader.get(PAGE).text, "seen")).status_code == 303
    assert [one.state for one in forms.history(engine, MEETING)] == [FormState.DRAFT, FormState.CONFIRMED]
    assert leader.post(f"{PAGE}/lock").status_code == 303
    page = operator.get(f"{PAGE}?site=hoai-nhon").text
    assert "Đã khóa" in page
    assert 'id="sua"' not in page
    assert correct(operator).status_code == 422
    report = forms.verify_chain(engine)
    assert (report.whole, report.links) == (True, 3)
    assert [one.author for one in forms.history(engine, MEETING)] == ["Cô truc", "Cô lanhdao", "Cô lanhdao"]


def test_a_correction_makes_a_confirmed_form_a_draft_again_and_keeps_what_was_corrected(enter: Any, engine: Engine) -> None:
    leader = enter("lanhdao")
    assert correct(leader).status_code == 303
    assert leader.post(f"{PAGE}/confirm", seen=hidden(leader.get(PAGE).text, "seen")).status_code == 303
    assert correct(leader, pair="Camera").status_code == 303
    version = forms.latest(engine, MEETING)
    assert version is not None
    assert version.state is FormState.DRAFT
    assert leader.get(PAGE).text.count("sửa bởi Cô lanhdao") == 2


@pytest.mark.parametrize(("name", "step", "status"), [("xem", "correct", 403), ("truc", "confirm", 403), ("truc", "lock", 403)])
def test_nobody_does_by_hand_made_requests_what_his_page_does_not_offer(
    enter: Any, engine: Engine, name: str, step: str, status: int
) -> None:
    browser = enter(name)
    page = browser.get(PAGE).text
    assert f"/form/{step}" not in page
    assert browser.post(f"{PAGE}/{step}", seen="x", site="hoai-nhon", pair="Micro", tick="wrong", reason="x").status_code == status
    assert forms.latest(engine, MEETING) is None


@pytest.mark.req("R51")
def test_who_belongs_to_a_unit_corrects_its_rows_only_and_confirms_no_whole_form(enter: Any, engine: Engine) -> None:
    operator, leader = enter("thixa"), enter("ld-thixa")
    assert correct(operator).status_code == 303
    assert correct(operator, site="so-tttt").status_code == 403
    assert "site=so-tttt" not in operator.get(PAGE).text
    assert "/form/confirm" not in leader.get(PAGE).text
    assert leader.post(f"{PAGE}/confirm", seen=hidden(enter("lanhdao").get(PAGE).text, "seen")).status_code == 403
    assert [one.state for one in forms.history(engine, MEETING)] == [FormState.DRAFT]


def test_logged_out_the_page_shows_nothing_and_changes_nothing(app: Starlette, enter: Any) -> None:
    enter("truc")
    stranger = Browser(app)
    assert stranger.get(PAGE).headers["location"].startswith("/login")
    for step in ("correct", "confirm", "lock"):
        assert stranger.post(f"{PAGE}/{step}").status_code == 401


def test_a_page_of_somebody_else_changes_nothing(enter: Any, engine: Engine) -> None:
    browser = enter("lanhdao")
    answer = browser.ask("POST", f"{PAGE}/confirm", data={"seen": "x"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert forms.latest(engine, MEETING) is None


def test_what_is_typed_stays_text_on_the_page_and_in_the_form(enter: Any) -> None:
    evil = "<script>alert(1)</script>\"'>"
    browser = enter("truc")
    assert correct(browser, pair="site", reason=evil, description=evil).status_code == 303
    assert correct(browser, pair="Khác", tick="neither", reason=evil).status_code == 303
    for address in (PAGE, f"{PAGE}?site=hoai-nhon", f"{PAGE}.html"):
        page = browser.get(address).text
        assert "<script>alert" not in page
        assert "<b>Hoài" not in page
    for kind in ("docx", "pdf"):
        assert browser.get(f"{PAGE}.{kind}").status_code == 200


def test_without_accounts_the_one_who_acts_gives_his_name(app: Starlette, record: MeetingRecord, engine: Engine) -> None:
    assert record.id == MEETING
    browser = Browser(app)
    assert correct(browser).status_code == 422
    assert correct(browser, by="Trần Văn B").status_code == 303
    assert browser.post(f"{PAGE}/confirm", seen=hidden(browser.get(PAGE).text, "seen")).status_code == 422
    assert browser.post(f"{PAGE}/confirm", seen=hidden(browser.get(PAGE).text, "seen"), by="Lê Thị C").status_code == 303
    assert [one.author for one in forms.history(engine, MEETING)] == ["Trần Văn B", "Lê Thị C"]


def test_every_step_stands_in_the_audit_log(enter: Any, engine: Engine) -> None:
    correct(enter("truc"))
    actions = [(note.account, note.action, note.result) for note in accounts.notes(engine)]
    assert ("truc", f"POST {PAGE}/correct", "303") in actions


def test_a_meeting_that_is_not_there_has_no_form(enter: Any) -> None:
    browser = enter("lanhdao")
    assert browser.get("/meeting/none/form").status_code == 404
    assert browser.post("/meeting/none/form/confirm", seen="x").status_code == 404


def test_the_clock_of_drawing_is_no_change(enter: Any, app: Starlette, now: Any) -> None:
    leader = enter("lanhdao")
    first = hidden(leader.get(PAGE).text, "seen")
    app.state.board.desk.clock = lambda: now + timedelta(minutes=5)
    assert hidden(leader.get(PAGE).text, "seen") == first


def test_a_form_is_not_confirmed_while_people_still_meet(enter: Any, app: Starlette, engine: Engine, now: Any) -> None:
    leader = enter("lanhdao")
    seen = hidden(leader.get(PAGE).text, "seen")
    app.state.board.desk.clock = lambda: now - timedelta(hours=2)
    page = leader.get(PAGE).text
    assert "Xác nhận được khi cuộc họp kết thúc." in page
    assert "/form/confirm" not in page
    answer = leader.post(f"{PAGE}/confirm", seen=seen)
    assert answer.status_code == 422
    assert "chưa kết thúc" in answer.text
    assert forms.latest(engine, MEETING) is None


def test_a_correction_that_comes_while_the_program_draws_is_drawn_in_and_never_over(
    enter: Any, engine: Engine, now: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, real = enter("truc"), vars(files)["collect"]
    came: list[int] = []

    def slow(*arguments: Any, **more: Any) -> Any:
        drawn = real(*arguments, **more)
        if not came:  # somebody corrects between the program's reading and its writing
            came.append(1)
            monkeypatch.setattr(files, "collect", real)
            came.append(correct(browser).status_code)
        return drawn

    monkeypatch.setattr(files, "collect", slow)
    files.draft_all(engine, tmp_path, MEETING, now)
    assert came == [1, 303]
    last = forms.latest(engine, MEETING)
    assert last is not None
    assert next(row for row in last.document.rows if row.site == "hoai-nhon").line(FormLine.MICROPHONE).tick is Tick.WRONG
    assert forms.verify_chain(engine).whole


def test_a_leader_confirms_no_draft_that_somebody_slipped_in_meanwhile(enter: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, operator = enter("lanhdao"), enter("truc")
    seen = hidden(leader.get(PAGE).text, "seen")
    real = forms.redraw

    def slow(*arguments: Any, **more: Any) -> Any:
        made = real(*arguments, **more)
        monkeypatch.setattr(forms, "redraw", real)
        assert correct(operator).status_code == 303
        return made

    monkeypatch.setattr(forms, "redraw", slow)
    answer = leader.post(f"{PAGE}/confirm", seen=seen)
    assert answer.status_code == 422
    assert FormState.CONFIRMED not in {one.state for one in forms.history(engine, MEETING)}
