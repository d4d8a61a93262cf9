from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from contract.meetings import Role
from control_center.meetings import statistics
from control_center.meetings.registration import RefusedMeetingError, register
from control_center.store import registry
from control_center.store.registry import MeetingRecord, Site

BEGINS = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
REGISTERED = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


@pytest.fixture
def sites(engine: Engine) -> Engine:
    registry.save_sites(
        engine,
        [
            Site(id="quy-nhon", name="Thành phố Quy Nhơn", ssid=0),
            Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=0),
            Site(id="an-nhon", name="Thị xã An Nhơn", ssid=0),
            Site(id="so-tttt-a", name="Sở TTTT, phòng A", ssid=0, unit="Sở TTTT", room="A"),
            Site(id="so-tttt-b", name="Sở TTTT, phòng B", ssid=0, unit="Sở TTTT", room="B"),
            Site(id="so-tttt-a2", name="Sở TTTT, phòng A, máy 2", ssid=0, unit="Sở TTTT", room="A"),
        ],
    )
    return engine


def add(engine: Engine, **changes: Any) -> MeetingRecord:
    wanted: dict[str, Any] = {
        "title": "Họp giao ban",
        "organizer": "UBND tỉnh",
        "main": "quy-nhon",
        "branches": ["hoai-nhon"],
        "begins_at": BEGINS,
        "ends_at": BEGINS + timedelta(hours=2),
        "registered_at": REGISTERED,
    }
    return register(engine, **(wanted | changes))


@pytest.mark.req("R1")
def test_a_site_is_main_today_and_branch_tomorrow(sites: Engine) -> None:
    today = add(sites)
    tomorrow = add(
        sites,
        main="hoai-nhon",
        branches=["quy-nhon"],
        begins_at=BEGINS + timedelta(days=1),
        ends_at=BEGINS + timedelta(days=1, hours=1),
    )
    assert today.as_meeting().role_of("quy-nhon") is Role.MAIN
    assert tomorrow.as_meeting().role_of("quy-nhon") is Role.BRANCH


def test_what_was_registered_comes_back_the_same(sites: Engine) -> None:
    record = add(sites, more={"place": "Hội trường A", "chair": "Ông Nguyễn Văn A", "phone": "0256"})
    assert registry.meeting(sites, record.id) == record
    assert record.id == "20261116-0800-quy-nhon"
    assert registry.meetings(sites) == [record]


@pytest.mark.req("R23")
def test_a_room_that_is_taken_is_refused_with_the_reason(sites: Engine) -> None:
    add(sites)
    with pytest.raises(RefusedMeetingError, match="«Thị xã Hoài Nhơn» đã có cuộc họp «Họp giao ban» từ 08:00 đến 10:00 ngày 16/11/2026"):
        add(sites, main="an-nhon", begins_at=BEGINS + timedelta(hours=1), ends_at=BEGINS + timedelta(hours=3))


def test_a_meeting_may_begin_when_the_other_one_ends(sites: Engine) -> None:
    add(sites)
    follows = add(sites, begins_at=BEGINS + timedelta(hours=2), ends_at=BEGINS + timedelta(hours=3))
    assert follows.plan.precheck.begins_at < BEGINS + timedelta(hours=2)


@pytest.mark.req("R50")
def test_two_rooms_of_one_unit_may_meet_at_once_and_one_room_may_not(sites: Engine) -> None:
    add(sites, main="so-tttt-a", branches=[])
    add(sites, main="so-tttt-b", branches=[])
    with pytest.raises(RefusedMeetingError, match="máy 2"):
        add(sites, main="so-tttt-a2", branches=[])


@pytest.mark.req("R20")
def test_a_late_registration_is_flagged_and_not_refused(sites: Engine) -> None:
    late = add(sites, registered_at=BEGINS - timedelta(days=1))
    assert "03 ngày làm việc" in late.late
    assert registry.meeting(sites, late.id) == late


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"branches": ["khong-co"]}, "«khong-co» chưa có trong danh bạ"),
        ({"branches": ["quy-nhon"]}, "«quy-nhon» được ghi hai lần"),
        ({"title": "  "}, "cần có nội dung"),
        ({"meeting_id": "Họp 1"}, "chỉ được gồm"),
        ({"ends_at": BEGINS}, "kết thúc trước khi bắt đầu"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_words(sites: Engine, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedMeetingError, match=words):
        add(sites, **changes)
    assert registry.meetings(sites, cancelled=True) == []


def test_an_id_is_used_once(sites: Engine) -> None:
    add(sites, meeting_id="hop-1")
    with pytest.raises(RefusedMeetingError, match="«hop-1» đã có"):
        add(sites, meeting_id="hop-1", main="an-nhon", branches=[])


@pytest.mark.req("R55")
def test_a_title_typed_decomposed_is_kept_composed(sites: Engine) -> None:
    assert add(sites, title="Ho\u0323p").title == "Họp"


@pytest.mark.req("R42")
def test_the_years_statistics_count_each_meeting_once(sites: Engine) -> None:
    add(sites)
    add(sites, main="an-nhon", branches=[], begins_at=BEGINS + timedelta(days=60), ends_at=BEGINS + timedelta(days=60, hours=1))
    counted = statistics.of_year(sites, 2026)
    assert [row[0] for row in counted.rows] == ["20261116-0800-quy-nhon"]
    assert counted.by_site == {"hoai-nhon": (1, 0), "quy-nhon": (1, 0)}
    assert len(statistics.of_year(sites, 2027).rows) == 1
