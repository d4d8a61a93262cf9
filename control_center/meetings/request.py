"""The words of the registration form (Phụ lục I), once: both renderings print this and add none of their own. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from contract.meetings import Role
from control_center.config import NamesSettings
from control_center.logbook.form import printable
from control_center.meetings.working_days import VIETNAM
from control_center.store.registry import MeetingRecord, Need, Site

HEAD = (("Tên CQ, TC CHỦ QUẢN", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"), ("TÊN CƠ QUAN TỔ CHỨC", "Độc lập - Tự do - Hạnh phúc"))
TITLE = "PHIẾU ĐĂNG KÝ SỬ DỤNG HỆ THỐNG, THIẾT BỊ HỌP TRỰC TUYẾN"
BASIS = (
    "1. Căn cứ (văn bản chỉ đạo tổ chức họp qua hệ thống, thiết bị họp trực tuyến – ghi rõ số văn bản, ngày tháng năm, cơ quan ban hành)."
)
COLUMNS = ("STT", "Điểm cầu nhánh", "Địa chỉ", "Số lượng người tham dự", "Đầu mối liên hệ")
OTHER = "8. Yêu cầu khác (đánh dấu X vào ô có yêu cầu)"
NEEDS = {
    Need.PROJECTOR: "Máy chiếu.",
    Need.VIDEO: "Phát Video.",
    Need.SPEECH: "Phát biểu.",
    Need.RECORDING: "Lưu trữ video, hình ảnh cuộc họp.",
}
_DOTS = "." * 30
SIGNED_BY = ("Thủ trưởng đơn vị", "(Ký, đóng dấu)")


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What the form says.

    Attributes:
        head: Left and right words of the two lines at the top.
        lines: Points 1 to 7, each a row of (label, what is filled in) pairs.
        rows: Branch sites, in the order of `COLUMNS`.
        needs: Words of the four boxes, and whether each is crossed.
        signatures: Left and right words below, each with what stands under it.
    """

    head: tuple[tuple[str, str], ...]
    title: str
    to: str
    lines: tuple[tuple[tuple[str, str], ...], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    other: str
    needs: tuple[tuple[str, bool], ...]
    plea: str
    date_line: str
    signatures: tuple[tuple[str, str], ...]


def printed(record: MeetingRecord | None, sites: Mapping[str, Site], names: NamesSettings) -> Printed:
    """The form of a meeting; empty, to be filled in by hand, without one."""
    return Printed(
        head=HEAD
        if record is None
        else ((printable(names.parent.upper()) or _DOTS, HEAD[0][1]), (printable(record.organizer.upper()), HEAD[1][1])),
        title=TITLE,
        to=f"Kính gửi: {names.department}.",
        lines=tuple(tuple((label, printable(said)) for label, said in line) for line in _lines(record)),
        columns=COLUMNS,
        rows=() if record is None else _rows(record, sites),
        other=OTHER,
        needs=tuple((word, record is not None and need in record.needs) for need, word in NEEDS.items()),
        plea=f"Đề nghị {names.department} quan tâm hỗ trợ tổ chức họp trực tuyến./.",
        date_line=_date_line(record, names),
        signatures=((f"Ý kiến của {names.department}", ""), SIGNED_BY),
    )


def _lines(record: MeetingRecord | None) -> tuple[tuple[tuple[str, str], ...], ...]:
    def said(name: str) -> str:
        return "" if record is None else str(getattr(record, name))

    branches = "" if record is None else f"{sum(part.role is Role.BRANCH for part in record.sites):02d}"
    return (
        ((BASIS, said("basis")),),
        (("2. Đơn vị chủ trì:", said("organizer")), ("Địa điểm tổ chức:", said("place"))),
        (("3. Nội dung cuộc họp:", said("title")),),
        (("4. Người chủ trì:", said("chair")), ("Chức vụ:", said("chair_position"))),
        (("5. Thời gian:", _time(record)),),
        (("6. Cán bộ kỹ thuật:", said("technician")), ("Số điện thoại:", said("phone"))),
        (("7. Số lượng điểm cầu nhánh:", branches),),
    )


def _time(record: MeetingRecord | None) -> str:
    if record is None:
        return ""
    begins, ends = (moment.astimezone(VIETNAM) for moment in (record.plan.live.begins_at, record.plan.live.ends_at))
    if begins.date() == ends.date():
        return f"từ {begins:%H:%M} đến {ends:%H:%M} ngày {begins:%d/%m/%Y}"
    return f"từ {begins:%H:%M ngày %d/%m/%Y} đến {ends:%H:%M ngày %d/%m/%Y}"


def _rows(record: MeetingRecord, sites: Mapping[str, Site]) -> tuple[tuple[str, ...], ...]:
    branches = [part for part in record.sites if part.role is Role.BRANCH]
    rows = []
    for number, part in enumerate(branches, 1):
        site = sites.get(part.site)
        people = "" if part.attendees is None else str(part.attendees)
        name, address = (part.site, "") if site is None else (site.name, site.address)
        rows.append((str(number), printable(name), printable(address), people, printable(part.contact)))
    return tuple(rows)


def _date_line(record: MeetingRecord | None, names: NamesSettings) -> str:
    if record is None:
        return f"{names.place}, ngày ... tháng ... năm ..."
    day = record.registered_at.astimezone(VIETNAM)
    return f"{names.place}, ngày {day:%d} tháng {day:%m} năm {day:%Y}"
