"""The board's Vietnamese: words and signs for each state, times and durations as people read them.

A state is never told by colour alone: each has a word and a sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contract.catalog.words import number
from contract.findings import Component, Severity, State
from contract.meetings import Phase, Role
from contract.messages import CheckReason
from contract.readings import Failure
from control_center.incidents.model import IncidentState, Place
from control_center.live import LinkLight
from control_center.logbook.form import Tick
from control_center.store.accounts import Role as AccountRole
from control_center.store.forms import FormState

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class Word(NamedTuple):
    """How a state is written: the word, the sign before it, and the tone its colours follow."""

    text: str
    sign: str
    tone: str
    """ok · quiet · warn · bad · none"""


LINK: Mapping[LinkLight, Word] = MappingProxyType(
    {
        LinkLight.UP: Word("Bình thường", "✓", "ok"),
        LinkLight.SUSPECT: Word("Nghi ngờ mất kết nối", "?", "quiet"),
        LinkLight.DOWN: Word("MẤT KẾT NỐI", "✕", "bad"),
        LinkLight.STALE: Word("Máy giám sát im lặng", "!", "warn"),
        LinkLight.STOPPED: Word("Đã tắt", "■", "none"),
        LinkLight.UNKNOWN: Word("Chưa có tin", "–", "none"),
    }
)

STATE: Mapping[State, Word] = MappingProxyType(
    {
        State.OK: Word("Bình thường", "✓", "ok"),
        State.WARNING: Word("Cảnh báo", "!", "warn"),
        State.FAULT: Word("Sự cố", "✕", "bad"),
        State.UNKNOWN: Word("Chưa kiểm tra", "?", "none"),
        State.NOT_FITTED: Word("Không trang bị", "–", "none"),
    }
)

SEVERITY: Mapping[Severity, Word] = MappingProxyType(
    {
        Severity.INFO: Word("Lưu ý", "i", "none"),
        Severity.WARNING: Word("Cảnh báo", "!", "warn"),
        Severity.CRITICAL: Word("Nghiêm trọng", "✕", "bad"),
    }
)

INCIDENT: Mapping[IncidentState, str] = MappingProxyType(
    {
        IncidentState.SUSPECTED: "Nghi ngờ",
        IncidentState.OPEN: "Đang mở",
        IncidentState.ACKNOWLEDGED: "Đã nhận",
        IncidentState.CLOSED: "Đã kết thúc",
    }
)

COMPONENT: Mapping[str, str] = MappingProxyType(
    {
        Component.LINK: "Đường truyền",
        Component.CAMERA: "Camera",
        Component.MICROPHONE: "Micro",
        Component.CODEC: "Bộ kết nối",
        Component.CABLES: "Dây cáp",
        Component.HOST: "Máy giám sát",
        Component.AGENT: "Phần mềm",
    }
)
"""In the order in which the board shows them."""

PHASE: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.IDLE: "Ngoài giờ họp",
        Phase.REHEARSAL: "Kiểm duyệt",
        Phase.PRECHECK: "Kiểm tra trước giờ họp",
        Phase.LIVE: "Đang họp",
        Phase.WRAP_UP: "Kiểm tra sau họp",
    }
)

ROLE: Mapping[Role, str] = MappingProxyType({Role.MAIN: "Điểm cầu chính", Role.BRANCH: "Điểm cầu phụ"})

PLACE: Mapping[Place, str] = MappingProxyType(
    {
        Place.SITE_LAN: "mạng nội bộ tại điểm cầu",
        Place.GATEWAY: "thiết bị mạng đầu ra (gateway) của điểm cầu",
        Place.TSLCD: "mạng truyền số liệu chuyên dùng (TSLCD)",
        Place.MCU: "máy chủ hội nghị (MCU)",
        Place.CENTER: "Trung tâm điều khiển",
        Place.AGENT: "máy giám sát tại điểm cầu",
        Place.UNKNOWN: "chưa xác định",
    }
)

FAILURE: Mapping[Failure, str] = MappingProxyType(
    {
        Failure.ABSENT: "không thấy thiết bị",
        Failure.NOT_FITTED: "phòng không trang bị",
        Failure.BUSY: "thiết bị đang được hệ thống khác dùng",
        Failure.TIMEOUT: "không trả lời trong thời hạn",
        Failure.REFUSED: "bị từ chối",
        Failure.UNREACHABLE: "không có đường mạng tới đó",
        Failure.PERMISSION: "máy giám sát không đủ quyền",
        Failure.UNSUPPORTED: "thiết bị không cung cấp số đo này",
        Failure.BAD_DATA: "dữ liệu nhận được không đọc được",
        Failure.SKIPPED: "tạm nhường trong giờ họp",
        Failure.NOT_HEARD: "chưa có tiếng nói để đánh giá",
        Failure.CRASHED: "bộ dò bị lỗi",
    }
)

REASON: Mapping[CheckReason, str] = MappingProxyType(
    {CheckReason.SCHEDULED: "theo lịch", CheckReason.REQUESTED: "trung tâm yêu cầu", CheckReason.MANUAL: "kỹ thuật viên bấm"}
)


FORM: Mapping[FormState, str] = MappingProxyType(
    {
        FormState.DRAFT: "Bản nháp do hệ thống lập từ số liệu đã lưu, chưa được xác nhận.",
        FormState.CONFIRMED: "Đã được xác nhận.",
        FormState.LOCKED: "Đã khóa, không sửa được nữa.",
    }
)

TICK: Mapping[str, Mapping[Tick, str]] = MappingProxyType(
    {
        "site": {Tick.NORMAL: "Bình thường", Tick.WRONG: "Sự cố", Tick.NEITHER: "để trống cả hai"},
        "line": {Tick.NORMAL: "Bình thường", Tick.WRONG: "hư hỏng", Tick.NEITHER: "để trống cả hai"},
    }
)
"""What a pair of boxes of the form says: of the site, of a device line."""

DUTY: Mapping[str, str] = MappingProxyType(
    {"site": "điểm cầu", "center": "trung tâm", "provider": "nhà cung cấp đường truyền", "power": "điện lực"}
)
"""Of a contact."""


def component(name: str) -> str:
    """Vietnamese name of a component; the raw one of a newer peer's."""
    return COMPONENT.get(name, name)


def clock(moment: datetime) -> str:
    """Time of day in Vietnam, to the second."""
    return moment.astimezone(ZONE).strftime("%H:%M:%S")


def stamp(moment: datetime) -> str:
    """Time and date in Vietnam: ``14:03:05 23/11/2026``."""
    return moment.astimezone(ZONE).strftime("%H:%M:%S %d/%m/%Y")


def span(begins_at: datetime, ends_at: datetime) -> str:
    """A span as a person says it; the date once where both ends share it."""
    begin, end = begins_at.astimezone(ZONE), ends_at.astimezone(ZONE)
    if begin.date() == end.date():
        return f"{begin:%H:%M} – {end:%H:%M} ngày {begin:%d/%m/%Y}"
    return f"{begin:%H:%M %d/%m/%Y} – {end:%H:%M %d/%m/%Y}"


def duration(length: timedelta) -> str:
    """A length with its two largest units; below ten seconds to the tenth. Negative ones are nought."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 10:
        return f"{number(round(seconds, 1))} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} phút {rest} s" if rest else f"{minutes} phút"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} giờ {minutes} phút" if minutes else f"{hours} giờ"
    days, hours = divmod(hours, 24)
    return f"{days} ngày {hours} giờ" if hours else f"{days} ngày"


ROLES = MappingProxyType(
    {
        AccountRole.VIEWER: "Xem",
        AccountRole.OPERATOR: "Trực kỹ thuật",
        AccountRole.LEADER: "Lãnh đạo",
        AccountRole.ADMINISTRATOR: "Quản trị",
    }
)
