"""When each phase of a meeting begins and ends. Pure: the same request always gives the same plan.

The regulation's defaults: a rehearsal one working day before (10.2.b), a check 30 minutes before the opening (10.2.c),
registration three working days ahead (8.1), an emergency three hours ahead (8.2.c). Every lead and length may be given
in seconds as well; nothing knows of a demonstration.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

import msgspec

from contract.meetings import Plan, Window
from control_center.meetings.working_days import VIETNAM, shift

WORKING_DAYS_AHEAD = 3
EMERGENCY_AHEAD = timedelta(hours=3)
DUTY_WORKING_DAYS = 1
"""Confirmation, and the notice to the power company, are each due within one working day (9.1, 9.2)."""


class PlanError(ValueError):
    """A meeting cannot be planned so; the text says why, for the one who registers it."""


class Lead(msgspec.Struct, frozen=True):
    """How long before the opening: working days (at the same time of the day), or a plain span."""

    working_days: int = 0
    span: timedelta = timedelta()

    def before(self, begins_at: datetime) -> datetime:
        """The instant that lies this lead before `begins_at`."""
        if not self.working_days:
            return begins_at - self.span
        local = begins_at.astimezone(VIETNAM)
        day = shift(local.date(), -self.working_days)
        return datetime.combine(day, local.time(), VIETNAM).astimezone(begins_at.tzinfo)


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_LEAD = re.compile(r"(\d{1,6})\s*([smhd])")


def lead(text: str) -> Lead:
    """Read ``1d`` (one working day), ``2h``, ``30m`` or ``30s``."""
    match = _LEAD.fullmatch(text.strip())
    if match is None:
        raise PlanError(f"«{text}» không phải khoảng thời gian: viết 1d (một ngày làm việc), 2h, 30m hoặc 30s")
    number, unit = int(match[1]), match[2]
    return Lead(working_days=number) if unit == "d" else Lead(span=timedelta(**{_UNITS[unit]: number}))


def span(text: str) -> timedelta:
    """Read ``2h``, ``30m`` or ``30s``; a length has no working days, and is more than nothing."""
    read = lead(text)
    if read.working_days or not read.span:
        raise PlanError(f"«{text}» không phải độ dài: viết 2h, 30m hoặc 30s")
    return read.span


class Leads(msgspec.Struct, frozen=True, kw_only=True):
    """Leads and lengths of the phases around a meeting."""

    rehearsal_lead: Lead = Lead(working_days=1)
    rehearsal_length: timedelta = timedelta(hours=1)
    precheck_lead: Lead = Lead(span=timedelta(minutes=30))
    wrap_up_length: timedelta = timedelta(minutes=10)
    rehearsal: bool = True


def draw(begins_at: datetime, ends_at: datetime, *, registered_at: datetime, emergency: bool = False, leads: Leads | None = None) -> Plan:
    """Plan of a meeting that is live in [begins_at, ends_at).

    A rehearsal that would lie in the past is held at once if there is still time before the check, else left out. In an
    emergency there is none, and the check before the meeting begins at once (R21).

    Raises:
        PlanError: if the meeting is over already, ends before it begins, or its rehearsal leaves no room.
    """
    leads = leads or Leads()
    if ends_at <= begins_at:
        raise PlanError("cuộc họp kết thúc trước khi bắt đầu")
    if ends_at <= registered_at:
        raise PlanError("cuộc họp đã kết thúc trước khi đăng ký")
    precheck_at = leads.precheck_lead.before(begins_at)
    if emergency and registered_at < begins_at:
        precheck_at = min(precheck_at, registered_at)
    if precheck_at >= begins_at:
        raise PlanError("kiểm tra trước giờ họp phải bắt đầu trước giờ khai mạc")
    return Plan(
        live=Window(begins_at=begins_at, ends_at=ends_at),
        wrap_up=Window(begins_at=ends_at, ends_at=ends_at + leads.wrap_up_length),
        precheck=Window(begins_at=precheck_at, ends_at=begins_at),
        rehearsal=None if emergency or not leads.rehearsal else _rehearsal(begins_at, precheck_at, registered_at, leads),
    )


def _rehearsal(begins_at: datetime, precheck_at: datetime, registered_at: datetime, leads: Leads) -> Window | None:
    wanted_at = leads.rehearsal_lead.before(begins_at)
    if wanted_at >= precheck_at:
        raise PlanError("buổi kiểm duyệt phải bắt đầu trước lượt kiểm tra trước giờ họp")
    starts_at = wanted_at if wanted_at + leads.rehearsal_length > registered_at else registered_at
    ends_at = min(starts_at + leads.rehearsal_length, precheck_at)
    return Window(begins_at=starts_at, ends_at=ends_at) if ends_at > starts_at else None


def late(begins_at: datetime, *, registered_at: datetime, emergency: bool = False) -> str:
    """Why a registration is late (R20, R21), for people; empty when it is in time. Never a reason to refuse it."""
    if emergency:
        ahead = begins_at - registered_at
        return "" if ahead >= EMERGENCY_AHEAD else f"Họp khẩn báo trước {_duration(ahead)}, quy chế yêu cầu ít nhất 3 giờ (Điều 8.2.c)"
    day, last = registered_at.astimezone(VIETNAM).date(), shift(begins_at.astimezone(VIETNAM).date(), -WORKING_DAYS_AHEAD)
    if day <= last:
        return ""
    return f"Đăng ký ngày {day:%d/%m/%Y}, quy chế yêu cầu trước 03 ngày làm việc: chậm nhất {last:%d/%m/%Y} (Điều 8.1)"


def duty_due(since: datetime) -> datetime:
    """Last instant of the working day by which a duty that arose at `since` is to be done (R22)."""
    day = shift(since.astimezone(VIETNAM).date(), DUTY_WORKING_DAYS)
    return datetime.combine(day, time(23, 59, 59), VIETNAM).astimezone(since.tzinfo)


def _duration(length: timedelta) -> str:
    minutes = max(0, int(length.total_seconds() // 60))
    return f"{minutes // 60} giờ {minutes % 60:02d} phút"
