"""Meetings travel as iCalendar: ours whole, another's as far as it tells."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contract.meetings import Role
from control_center.meetings import calendars
from control_center.meetings.calendars import CalendarError, Invitation
from control_center.store.registry import MeetingRecord, Site

AT = datetime(2026, 11, 2, tzinfo=UTC)


def calendar(*lines: str) -> bytes:
    event = ("SUMMARY:Họp", "UID:1", *lines)
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", *event, "END:VEVENT", "END:VCALENDAR", "")).encode()


@pytest.mark.req("R20")
def test_what_is_written_is_read_back_whole(filled: MeetingRecord, room: dict[str, Site]) -> None:
    (read,) = calendars.read(calendars.write(filled, room, AT), room)
    assert (read.title, read.organizer, read.main, read.branches) == (filled.title, filled.organizer, "van-phong", ("hoai-nhon", "an-lao"))
    assert (read.begins_at, read.ends_at) == (filled.plan.live.begins_at, filled.plan.live.ends_at)
    assert read.more == {name: getattr(filled, name) for name in read.more}
    assert set(read.more) == {"place", "chair", "chair_position", "technician", "phone", "basis", "needs"}
    expected = {part.site: (part.attendees, part.contact.replace('"', "'")) for part in filled.sites}
    assert {site: tuple(coming) for site, coming in read.who_comes.items()} == expected


def test_a_foreign_calendar_is_read_as_far_as_it_tells(room: dict[str, Site]) -> None:
    (read,) = calendars.read(
        calendar(
            "DTSTART:20261116T080000",
            "DURATION:PT2H",
            "LOCATION:Phòng A",
            "ORGANIZER;CN=Sở Nội vụ:mailto:a@b",
            "ATTENDEE;CN=UBND huyện An Lão:mailto:c@d",
            "ATTENDEE;CN=Ai đó:mailto:e@f",
        ),
        room,
    )
    assert read.begins_at == datetime(2026, 11, 16, 1, tzinfo=UTC)  # without a zone: Vietnam's
    assert read.ends_at == datetime(2026, 11, 16, 3, tzinfo=UTC)
    assert (read.organizer, read.main, read.branches, read.more["place"]) == ("Sở Nội vụ", "", ("an-lao",), "Phòng A")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"nonsense", "không phải lịch"),
        (b"", "không có cuộc họp|không phải lịch"),
        (b"\xff\xfe\x00", "không phải lịch"),
        (calendar("DTSTART;VALUE=DATE:20261116", "DTEND;VALUE=DATE:20261117"), "không ghi giờ"),
        (calendar("DTSTART:20261116T080000Z"), "không ghi giờ"),
        (calendar("DTSTART:20261116T080000Z", "DTEND:20261116T090000Z", "RRULE:FREQ=DAILY"), "lặp lại"),
        (calendar("DTSTART:20261116T080000Z", "DTEND:20261116T090000Z", "STATUS:CANCELLED"), "không có cuộc họp"),
        (b"x" * (calendars.LARGEST + 1), "1 MB"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_reason(content: bytes, why: str) -> None:
    with pytest.raises(CalendarError, match=why):
        calendars.read(content, {})


def test_a_calendar_that_is_broken_anywhere_is_read_or_refused_never_more(filled: MeetingRecord, room: dict[str, Site]) -> None:
    whole = calendars.write(filled, room, AT)
    for cut in range(0, len(whole), 7):
        for broken in (whole[:cut], whole[:cut] + b"\xc3;=:" + whole[cut:]):
            try:
                assert all(isinstance(one, Invitation) for one in calendars.read(broken, room))
            except CalendarError:
                continue


def test_the_main_site_of_a_calendar_is_the_one_in_the_chair(filled: MeetingRecord, room: dict[str, Site]) -> None:
    text = calendars.write(filled, room, AT).decode()
    assert [part.role for part in filled.sites] == [Role.MAIN, Role.BRANCH, Role.BRANCH]
    assert text.count("ROLE=CHAIR") == 1
