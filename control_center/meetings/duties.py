"""What the center owes a registered meeting, by when (articles 9 and 12), and drafts of what it then writes. Pure but for `done`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum

import msgspec
from sqlalchemy import Engine

from contract.meetings import Window
from control_center.config import NamesSettings
from control_center.meetings import plan
from control_center.meetings.working_days import VIETNAM, shift
from control_center.store import registry
from control_center.store.registry import MeetingRecord, Need, Site

HANDOVER_WORKING_DAYS = 2
_LOOKED_BACK = timedelta(days=14)


class Kind(StrEnum):
    """Which duty."""

    CONFIRM = "confirm"
    """Confirm the registration to the unit within one working day (9.1)."""
    POWER = "power"
    """Tell the power company within one working day after that (9.2)."""
    HANDOVER = "handover"
    """Hand the recording over within two working days after the meeting, where one was asked for (12.2)."""


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """One duty of one meeting.

    Attributes:
        since: When it arose; None while it has not yet.
        due: Last instant for it.
        done_at: When it was done; None while it is not, or nobody tells (handover).
    """

    kind: Kind
    since: datetime | None = None
    due: datetime | None = None
    done_at: datetime | None = None

    def overdue(self, now: datetime) -> bool:
        """Whether it should be done by now, and is not."""
        return self.done_at is None and self.due is not None and now > self.due

    def waits(self, now: datetime) -> bool:
        """Whether it is somebody's turn now."""
        return self.done_at is None and self.since is not None and self.since <= now


def duties(record: MeetingRecord) -> tuple[Duty, ...]:
    """Duties of a meeting, in their order; none of one that was cancelled."""
    if record.cancelled_at is not None:
        return ()
    found = [
        Duty(kind=Kind.CONFIRM, since=record.registered_at, due=plan.duty_due(record.registered_at), done_at=record.confirmed_at),
        Duty(
            kind=Kind.POWER,
            since=record.confirmed_at,
            due=None if record.confirmed_at is None else plan.duty_due(record.confirmed_at),
            done_at=record.power_notified_at,
        ),
    ]
    if Need.RECORDING in record.needs:
        ends_at = record.plan.live.ends_at
        day = shift(ends_at.astimezone(VIETNAM).date(), HANDOVER_WORKING_DAYS)
        due = datetime.combine(day, time(23, 59, 59), VIETNAM).astimezone(ends_at.tzinfo)
        found.append(Duty(kind=Kind.HANDOVER, since=ends_at, due=due))
    return tuple(found)


def waiting(records: Iterable[MeetingRecord], now: datetime) -> list[tuple[MeetingRecord, Duty]]:
    """Duties whose turn it is, the soonest due first; those of a meeting that was over long ago are left (nobody acts on them)."""
    recent = (record for record in records if now - record.plan.live.ends_at < _LOOKED_BACK)
    found = [(record, duty) for record in recent for duty in duties(record) if duty.waits(now)]
    return sorted(found, key=lambda one: (one[1].due or now, one[0].id))


class DutyError(ValueError):
    """A duty cannot be put down as done; the text says why."""


def done(engine: Engine, meeting_id: str, kind: Kind, *, at: datetime, by: str = "") -> MeetingRecord:
    """Put down that a duty was done; doing so again keeps the first time.

    Raises:
        LookupError: if there is no such meeting.
        DutyError: if it is not its turn.
    """
    record = registry.meeting(engine, meeting_id)
    if record is None:
        raise LookupError(meeting_id)
    if record.cancelled_at is not None:
        raise DutyError("cuộc họp đã hủy")
    if kind is Kind.CONFIRM:
        if not by.strip():
            raise DutyError("thiếu tên người xác nhận")
        changed = msgspec.structs.replace(record, confirmed_at=record.confirmed_at or at, confirmed_by=record.confirmed_by or by.strip())
    elif kind is Kind.POWER:
        if record.confirmed_at is None:
            raise DutyError("cuộc họp chưa được xác nhận (Điều 9.1)")
        changed = msgspec.structs.replace(record, power_notified_at=record.power_notified_at or at)
    else:
        raise DutyError("việc bàn giao được theo dõi, không ghi nhận ở đây")
    if changed != record:
        registry.save_meeting(engine, changed)
    return changed


def draft(kind: Kind, record: MeetingRecord, sites: Mapping[str, Site], names: NamesSettings) -> str:
    """Words of the letter that a duty asks for, to be copied; empty for one that is no letter."""
    if kind is Kind.CONFIRM:
        return "\n".join((f"Kính gửi: {record.organizer}.", *_confirmation(record, sites, names)))
    if kind is Kind.POWER:
        return "\n".join((f"Kính gửi: {names.power}.", *_to_power(record, sites, names)))
    return ""


def _confirmation(record: MeetingRecord, sites: Mapping[str, Site], names: NamesSettings) -> list[str]:
    lines = [
        (
            f"{names.department} xác nhận đăng ký họp trực tuyến «{record.title}», {_when(record.plan.live)}, "
            f"gồm {len(record.sites)} điểm cầu: {_list(record, sites)}."
        ),
    ]
    if record.plan.rehearsal is not None:
        lines.append(f"Buổi kiểm duyệt: {_when(record.plan.rehearsal)}. Đề nghị các điểm cầu bật thiết bị và cử cán bộ kỹ thuật có mặt.")
    elif record.emergency:
        lines.append("Họp đột xuất: hệ thống được kiểm tra ngay. Đề nghị các điểm cầu bật thiết bị và cử cán bộ kỹ thuật có mặt.")
    if record.plan.precheck is not None:
        lines.append(f"Kiểm tra trước giờ họp từ {record.plan.precheck.begins_at.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}.")
    return lines


def _to_power(record: MeetingRecord, sites: Mapping[str, Site], names: NamesSettings) -> list[str]:
    begins_at = min(window.begins_at for window in (record.plan.rehearsal, record.plan.precheck, record.plan.live) if window is not None)
    lines = [
        f"{names.department} thông báo cuộc họp trực tuyến «{record.title}» do {record.organizer} chủ trì, {_when(record.plan.live)}.",
        (
            f"Đề nghị bảo đảm nguồn điện từ {begins_at.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y} "
            f"đến {record.plan.wrap_up.ends_at.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y} tại các điểm cầu:"
        ),
    ]
    for number, part in enumerate(record.sites, 1):
        site = sites.get(part.site)
        where = part.site if site is None else f"{site.name}, {site.address}" if site.address else site.name
        lines.append(f"{number}. {where}")
    return lines


def _when(window: Window) -> str:
    begins, ends = window.begins_at.astimezone(VIETNAM), window.ends_at.astimezone(VIETNAM)
    last = f"{ends:%H:%M}" if begins.date() == ends.date() else f"{ends:%H:%M ngày %d/%m/%Y}"
    return f"từ {begins:%H:%M ngày %d/%m/%Y} đến {last}"


def _list(record: MeetingRecord, sites: Mapping[str, Site]) -> str:
    return "; ".join(sites[part.site].name if part.site in sites else part.site for part in record.sites)
