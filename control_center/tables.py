"""Tables and sentences that the command line prints, in Vietnamese."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from contract import catalog
from contract.catalog.words import number
from contract.findings import Severity
from contract.meetings import Role, Window
from control_center.incidents.model import Incident, IncidentState
from control_center.limits.table import Key
from control_center.meetings.duties import Duty, Kind
from control_center.meetings.duties import duties as duties_of
from control_center.meetings.statistics import Statistics
from control_center.meetings.working_days import VIETNAM
from control_center.store.limits import LimitsVersion
from control_center.store.registry import Contact, MeetingRecord, Site

_STATES = {
    IncidentState.SUSPECTED: "nghi ngờ",
    IncidentState.OPEN: "đang xảy ra",
    IncidentState.ACKNOWLEDGED: "đã tiếp nhận",
    IncidentState.CLOSED: "đã hết",
}
_SEVERITIES = {Severity.INFO: "lưu ý", Severity.WARNING: "cảnh báo", Severity.CRITICAL: "nghiêm trọng"}
_ROLES = {Role.MAIN: "chính", Role.BRANCH: "phụ"}


def _console() -> Console:
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)


def moment(instant: datetime | None) -> str:
    """Instant as people in Vietnam read it."""
    return "" if instant is None else f"{instant.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def _window(window: Window | None) -> str:
    return "không có" if window is None else f"{moment(window.begins_at)} – {moment(window.ends_at)}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def limit_keys(known: Mapping[str, Mapping[str, Key]]) -> None:
    """All limits."""
    table = _table("Giới hạn của các bộ dò", "Khóa", "Mặc định", "Khoảng", "Ý nghĩa")
    for probe, keys in known.items():
        for name, key in keys.items():
            table.add_row(f"{probe}.{name}", str(key.default), key.span, key.description)
    _console().print(table)


def limit_changes(version: LimitsVersion, changed: Sequence[tuple[str, Any, Any]]) -> None:
    """One version and what it changed."""
    where, console = version.scope or "mọi điểm cầu", _console()
    console.print(f"Phiên bản {version.id} · {where} · {moment(version.made_at)} · {version.author}: {version.reason}")
    if not changed:
        console.print("  không đổi giá trị nào")
        return
    table = _table("", "Khóa", "Trước", "Sau")
    for name, before, after in changed:
        table.add_row(name, str(before), str(after))
    console.print(table)


def sites(shown: Sequence[Site], contacts: Sequence[Contact]) -> None:
    """The register of sites."""
    table = _table(f"{len(shown)} điểm cầu", "Mã", "Tên", "SSID", "Đơn vị", "Phòng", "Liên hệ")
    for site in shown:
        people = "\n".join(f"{one.name} {one.phone}".strip() for one in contacts if one.site == site.id)
        table.add_row(site.id, site.name, str(site.ssid), site.unit, site.room, people)
    _console().print(table)


def meetings(shown: Sequence[MeetingRecord], names: Mapping[str, str]) -> None:
    """Meetings, one a row."""
    table = _table(f"{len(shown)} cuộc họp", "Mã", "Bắt đầu", "Kết thúc", "Nội dung", "Đơn vị chủ trì", "Điểm cầu", "Ghi chú")
    for one in shown:
        where = "\n".join(f"{names.get(part.site, part.site)} ({_ROLES[part.role]})" for part in one.sites)
        notes = [*(["đã hủy"] if one.cancelled_at else []), *(["họp khẩn"] if one.emergency else []), *([one.late] if one.late else [])]
        live = one.plan.live
        table.add_row(one.id, moment(live.begins_at), moment(live.ends_at), one.title, one.organizer, where, "\n".join(notes))
    _console().print(table)


def meeting(one: MeetingRecord, names: Mapping[str, str], now: datetime) -> None:
    """One meeting with its plan and the two duties of article 9."""
    table = _table(one.title, "Mục", "Nội dung")
    for name, text in (
        ("Mã", one.id),
        ("Đơn vị chủ trì", one.organizer),
        ("Địa điểm", one.place),
        ("Người chủ trì", f"{one.chair} {one.chair_position}".strip()),
        ("Cán bộ kỹ thuật", f"{one.technician} {one.phone}".strip()),
        ("Căn cứ", one.basis),
        ("Điểm cầu", "\n".join(f"{names.get(part.site, part.site)} ({_ROLES[part.role]})" for part in one.sites)),
        ("Kiểm duyệt", _window(one.plan.rehearsal)),
        ("Kiểm tra trước giờ họp", _window(one.plan.precheck)),
        ("Họp", _window(one.plan.live)),
        ("Kết thúc, kiểm tra cuối", _window(one.plan.wrap_up)),
        ("Đăng ký", f"{moment(one.registered_at)} {one.late}".strip()),
        *((DUTIES[duty.kind], _duty(duty, now)) for duty in duties_of(one)),
    ):
        if text:
            table.add_row(name, text)
    _console().print(table)


DUTIES = {
    Kind.CONFIRM: "Xác nhận phiếu đăng ký (Điều 9.1)",
    Kind.POWER: "Thông báo điện lực (Điều 9.2)",
    Kind.HANDOVER: "Bàn giao bản ghi (Điều 12.2)",
}


def _duty(duty: Duty, now: datetime) -> str:
    if duty.done_at is not None:
        return moment(duty.done_at)
    if duty.due is None:
        return "chưa"
    return f"chưa, hạn {moment(duty.due)}" + (" — QUÁ HẠN" if duty.overdue(now) else "")


def duties(waiting: Sequence[tuple[MeetingRecord, Duty]], now: datetime) -> None:
    """What is to be done for meetings, one duty a row."""
    table = _table(f"{len(waiting)} việc", "Cuộc họp", "Nội dung", "Việc", "Hạn")
    for record, duty in waiting:
        table.add_row(record.id, record.title, DUTIES[duty.kind], _duty(duty, now))
    _console().print(table)


def incidents(shown: Sequence[Incident], names: Mapping[str, str]) -> None:
    """Incidents, one a row."""
    table = _table(f"{len(shown)} sự cố", "Mã", "Điểm cầu", "Sự cố", "Mức", "Tình trạng", "Bắt đầu", "Kết thúc", "Lần", "Tiếp nhận")
    for one in shown:
        title = catalog.title(one.code) + (f" ({one.target})" if one.target else "")
        state, severity = _STATES[one.state], _SEVERITIES[one.severity]
        ends = moment(one.ended_at)
        table.add_row(
            one.id, names.get(one.site, one.site), title, severity, state, moment(one.began_at), ends, str(one.times), one.acknowledged_by
        )
    _console().print(table)


def statistics(counted: Statistics) -> None:
    """Meetings of a year."""
    table = _table(f"Năm {counted.year}: {len(counted.rows)} cuộc họp", *counted.heads)
    for row in counted.rows:
        table.add_row(*(number(cell) if isinstance(cell, float) else str(cell) for cell in row))
    _console().print(table)
