"""Each duty has its time, and its letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from control_center.config import NamesSettings
from control_center.meetings import duties
from control_center.meetings.duties import DutyError, Kind
from control_center.store import registry
from control_center.store.registry import MeetingRecord, Site

REGISTERED = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


def by_kind(record: MeetingRecord) -> dict[Kind, duties.Duty]:
    return {duty.kind: duty for duty in duties.duties(record)}


@pytest.mark.req("R22")
def test_each_notice_has_one_working_day_from_when_it_arose(engine: Engine, filled: MeetingRecord) -> None:
    found = by_kind(filled)
    assert found[Kind.CONFIRM].due == datetime(2026, 11, 3, 16, 59, 59, tzinfo=UTC)
    assert not found[Kind.CONFIRM].overdue(datetime(2026, 11, 3, 16, 59, 59, tzinfo=UTC))
    assert found[Kind.CONFIRM].overdue(datetime(2026, 11, 3, 17, 0, tzinfo=UTC))
    assert found[Kind.POWER].due is None
    friday = datetime(2026, 11, 6, 3, 0, tzinfo=UTC)
    confirmed = duties.done(engine, filled.id, Kind.CONFIRM, at=friday, by="Ông Nam")
    assert by_kind(confirmed)[Kind.POWER].due == datetime(2026, 11, 9, 16, 59, 59, tzinfo=UTC)  # Monday


@pytest.mark.req("R22")
def test_doing_a_duty_keeps_the_first_time_and_its_author(engine: Engine, filled: MeetingRecord) -> None:
    duties.done(engine, filled.id, Kind.CONFIRM, at=REGISTERED, by="Ông Nam")
    again = duties.done(engine, filled.id, Kind.CONFIRM, at=REGISTERED + timedelta(hours=1), by="Bà Hoa")
    assert (again.confirmed_at, again.confirmed_by) == (REGISTERED, "Ông Nam")
    told = duties.done(engine, filled.id, Kind.POWER, at=REGISTERED)
    assert registry.meeting(engine, filled.id) == told
    assert [duty.waits(REGISTERED) for duty in duties.duties(told)] == [False, False, False]


def test_a_duty_is_not_done_out_of_turn(engine: Engine, filled: MeetingRecord) -> None:
    with pytest.raises(DutyError, match="chưa được xác nhận"):
        duties.done(engine, filled.id, Kind.POWER, at=REGISTERED)
    with pytest.raises(DutyError, match="thiếu tên"):
        duties.done(engine, filled.id, Kind.CONFIRM, at=REGISTERED, by="  ")
    with pytest.raises(LookupError):
        duties.done(engine, "none", Kind.POWER, at=REGISTERED)
    registry.save_meeting(engine, msgspec.structs.replace(filled, cancelled_at=REGISTERED))
    with pytest.raises(DutyError, match="đã hủy"):
        duties.done(engine, filled.id, Kind.CONFIRM, at=REGISTERED, by="Ông Nam")


@pytest.mark.req("R38")
def test_a_recording_is_due_two_working_days_after_the_meeting_where_one_was_asked_for(filled: MeetingRecord) -> None:
    assert by_kind(filled)[Kind.HANDOVER].due == datetime(2026, 11, 18, 16, 59, 59, tzinfo=UTC)
    assert Kind.HANDOVER not in by_kind(msgspec.structs.replace(filled, needs=()))


@pytest.mark.req("R22")
def test_what_waits_is_listed_by_its_due_time(filled: MeetingRecord) -> None:
    later = msgspec.structs.replace(filled, id="later", registered_at=REGISTERED + timedelta(days=1))
    now = REGISTERED + timedelta(days=3)
    assert [(record.id, duty.kind) for record, duty in duties.waiting([later, filled], now)] == [
        (filled.id, Kind.CONFIRM),
        ("later", Kind.CONFIRM),
    ]
    assert duties.waiting([msgspec.structs.replace(filled, cancelled_at=REGISTERED)], now) == []


@pytest.mark.req("R22")
def test_letters_name_sites_and_times(filled: MeetingRecord, room: dict[str, Site]) -> None:
    names = NamesSettings(department="Sở K", power="Điện lực M")
    letter = duties.draft(Kind.POWER, filled, room, names)
    assert letter.startswith("Kính gửi: Điện lực M.")
    assert "từ 08:00 ngày 13/11/2026 đến 11:10 ngày 16/11/2026" in letter  # rehearsal to the end of what follows
    assert all(site.name in letter and site.address in letter for site in room.values())
    confirmation = duties.draft(Kind.CONFIRM, filled, room, names)
    assert "Sở K xác nhận" in confirmation
    assert "Buổi kiểm duyệt: từ 08:00 ngày 13/11/2026 đến 09:00" in confirmation
    assert duties.draft(Kind.HANDOVER, filled, room, names) == ""
