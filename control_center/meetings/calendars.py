"""Meetings as iCalendar (RFC 5545), out and in. What an ordinary calendar does not know stands in ``X-DIEMCAU-`` properties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import icalendar
import msgspec

from contract.meetings import Role
from control_center.meetings.registration import Attendance
from control_center.meetings.working_days import VIETNAM
from control_center.store.registry import MeetingRecord, Need, Site

LARGEST = 1_000_000
"""Bytes of a file that is read."""
_X = "X-DIEMCAU-"
_FIELDS = ("organizer", "chair", "chair_position", "technician", "phone", "basis")


class CalendarError(ValueError):
    """A calendar cannot be taken; the text says why, for people."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting as some calendar tells it; what it does not tell is empty, and asked of whoever registers it.

    Attributes:
        main, branches: Site ids.
        more: Fields of `MeetingRecord`: place, chair, chair_position, technician, phone, basis, needs.
    """

    title: str
    begins_at: datetime
    ends_at: datetime
    organizer: str = ""
    main: str = ""
    branches: tuple[str, ...] = ()
    emergency: bool = False
    who_comes: dict[str, Attendance] = {}
    more: dict[str, Any] = {}


def write(record: MeetingRecord, sites: Mapping[str, Site], at: datetime) -> bytes:
    """The meeting as a calendar of one event; `at` is now."""
    event = icalendar.Event()
    event.add("uid", f"{record.id}@diemcau")
    event.add("dtstamp", at.astimezone(UTC))
    event.add("dtstart", record.plan.live.begins_at.astimezone(UTC))
    event.add("dtend", record.plan.live.ends_at.astimezone(UTC))
    event.add("summary", record.title)
    event.add("location", record.place)
    event.add("status", "CONFIRMED" if record.cancelled_at is None else "CANCELLED")
    for name in _FIELDS:
        if getattr(record, name):
            event.add(_property(name), getattr(record, name))
    if record.needs:
        event.add(f"{_X}NEEDS", ",".join(record.needs))
    if record.emergency:
        event.add(f"{_X}EMERGENCY", "1")
    for part in record.sites:
        attendee = icalendar.vCalAddress(f"urn:diemcau:site:{part.site}")
        attendee.params["CN"] = sites[part.site].name.replace('"', "'") if part.site in sites else part.site
        attendee.params["CUTYPE"] = "ROOM"
        attendee.params["ROLE"] = "CHAIR" if part.role is Role.MAIN else "REQ-PARTICIPANT"
        if part.attendees is not None:
            attendee.params[f"{_X}PEOPLE"] = str(part.attendees)
        if part.contact:
            attendee.params[f"{_X}CONTACT"] = part.contact.replace('"', "'")
        event.add("attendee", attendee, encode=False)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//diemcau//control center//VI")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    made: bytes = calendar.to_ical()
    return made


def read(content: bytes, sites: Mapping[str, Site]) -> list[Invitation]:
    """The meetings of a calendar file, by begin; cancelled ones are left out.

    Args:
        content: The file.
        sites: The register, by which attendees are known: by our own address, or by exactly their name.

    Raises:
        CalendarError: if it is none, holds nothing that can be taken, or something that repeats or has no time of day.
    """
    if len(content) > LARGEST:
        raise CalendarError("tệp lịch lớn quá 1 MB")
    try:
        events = icalendar.Calendar.from_ical(content).walk("VEVENT")
        found = [_invitation(event, sites) for event in events if str(event.get("status", "")).upper() != "CANCELLED"]
    except CalendarError:
        raise
    except Exception as error:  # the library lets many kinds out, and a file from outside may hold anything
        raise CalendarError("tệp này không phải lịch iCalendar (.ics) đọc được") from error
    if not found:
        raise CalendarError("tệp lịch không có cuộc họp nào")
    return sorted(found, key=lambda one: one.begins_at)


def _invitation(event: Any, sites: Mapping[str, Site]) -> Invitation:
    title = str(event.get("summary", "")).strip()
    if "RRULE" in event or "RDATE" in event:
        raise CalendarError(f"«{title}» là lịch lặp lại: hãy đăng ký từng cuộc họp")
    begins_at = _instant(event.get("dtstart"), title)
    ends_at = begins_at + event["duration"].dt if "DURATION" in event else _instant(event.get("dtend"), title)
    main, branches, who_comes = _sites_of(event, sites)
    organizer = str(event.get(_property("organizer"), "")) or str(getattr(event.get("organizer"), "params", {}).get("CN", ""))
    more: dict[str, Any] = {name: str(event.get(_property(name), "")) for name in _FIELDS if name != "organizer"}
    more["place"] = str(event.get("location", ""))
    known = {need.value: need for need in Need}
    more["needs"] = tuple(known[name] for name in str(event.get(f"{_X}NEEDS", "")).split(",") if name in known)
    return Invitation(
        title=title,
        begins_at=begins_at,
        ends_at=ends_at,
        organizer=organizer,
        main=main,
        branches=branches,
        emergency=str(event.get(f"{_X}EMERGENCY", "")) == "1",
        who_comes=who_comes,
        more=more,
    )


def _instant(read: Any, title: str) -> datetime:
    moment = getattr(read, "dt", None)
    if not isinstance(moment, datetime):
        raise CalendarError(f"«{title}» không ghi giờ bắt đầu và kết thúc")
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM)).astimezone(UTC)


def _sites_of(event: Any, sites: Mapping[str, Site]) -> tuple[str, tuple[str, ...], dict[str, Attendance]]:
    """Main site, branch sites, and who comes where."""
    by_name = {site.name: site.id for site in sites.values()}
    listed = event.get("attendee", [])
    main, branches, who_comes = "", [], {}
    for attendee in listed if isinstance(listed, list) else [listed]:
        named = str(attendee).removeprefix("urn:diemcau:site:")
        site = named if named in sites else by_name.get(str(attendee.params.get("CN", "")))
        if site is None or site in who_comes:
            continue
        people = str(attendee.params.get(f"{_X}PEOPLE", ""))
        who_comes[site] = Attendance(
            int(people) if people.isascii() and people.isdigit() and len(people) < 7 else None, str(attendee.params.get(f"{_X}CONTACT", ""))
        )
        if not main and str(attendee.params.get("ROLE", "")).upper() == "CHAIR":
            main = site
        else:
            branches.append(site)
    return main, tuple(branches), who_comes


def _property(field: str) -> str:
    return _X + field.upper().replace("_", "-")
