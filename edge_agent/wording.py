"""Words of verdicts for the people at the site, shared by the terminal and the local page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from contract.catalog import METRICS, advice, sentence
from contract.catalog import told as told_figure
from contract.findings import Component, Severity, State, Verdict
from contract.meetings import Phase
from contract.readings import Failure, Reading
from edge_agent.inference import causes_of

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

COMPONENTS = MappingProxyType(
    {
        Component.CAMERA: "Camera",
        Component.MICROPHONE: "Micro",
        Component.LINK: "Đường truyền",
        Component.CODEC: "Bộ kết nối",
        Component.CABLES: "Dây cáp, nguồn",
        Component.HOST: "Máy giám sát",
        Component.AGENT: "Phần mềm",
    }
)
STATES = MappingProxyType(
    {
        State.OK: ("✔", "Bình thường"),
        State.WARNING: ("▲", "Cảnh báo"),
        State.FAULT: ("✖", "Hỏng, sự cố"),
        State.UNKNOWN: ("?", "Chưa kiểm tra"),
        State.NOT_FITTED: ("–", "Không trang bị"),
    }
)
"""Sign and word of a state; never colour alone."""
FAILURES = MappingProxyType(
    {
        Failure.ABSENT: "không tìm thấy thiết bị",
        Failure.NOT_FITTED: "phòng không trang bị",
        Failure.BUSY: "thiết bị đang do hệ thống họp sử dụng",
        Failure.TIMEOUT: "không có trả lời trong thời hạn",
        Failure.REFUSED: "thiết bị từ chối",
        Failure.UNREACHABLE: "không có đường mạng tới thiết bị",
        Failure.PERMISSION: "máy giám sát chưa được cấp quyền",
        Failure.UNSUPPORTED: "thiết bị không cho biết số đo này",
        Failure.BAD_DATA: "dữ liệu nhận được bị hỏng, không đọc được",
        Failure.SKIPPED: "bộ dò chủ động nhường, không đo lúc này",
        Failure.NOT_HEARD: "chưa có tiếng nói để đánh giá",
        Failure.CRASHED: "bộ dò bị lỗi",
    }
)
PHASES = MappingProxyType(
    {
        Phase.IDLE: "Không có cuộc họp",
        Phase.REHEARSAL: "Kiểm duyệt",
        Phase.PRECHECK: "Kiểm tra trước giờ họp",
        Phase.LIVE: "Đang họp",
        Phase.WRAP_UP: "Kiểm tra sau họp",
    }
)
SHOWN_FIGURES = 2
"""How many figures a sound component is told with."""


def place(component: str) -> int:
    """Where a component stands in a table."""
    return list(COMPONENTS).index(Component(component)) if component in list(Component) else len(COMPONENTS)


def component_name(component: str) -> str:
    """What people call a component; the raw word of one that is not known."""
    return COMPONENTS[Component(component)] if component in list(Component) else component


def sentences(verdict: Verdict, readings: tuple[Reading, ...]) -> list[tuple[str, str]]:
    """What a verdict rests on: (sentence, advice), one per finding; the figures if there is none."""
    told = [(("Lưu ý: " if found.severity is Severity.INFO else "") + sentence(found), advice(found)) for found in verdict.findings]
    if told:
        return told
    if verdict.state in (State.UNKNOWN, State.NOT_FITTED):
        why = FAILURES[verdict.why_unknown] if verdict.why_unknown is not None else "chưa có số đo nào"
        return [(why[0].upper() + why[1:], "")]
    return [("; ".join(_figures(verdict.component, readings)) or "Đã kiểm tra, không có lỗi", "")]


def _figures(component: str, readings: tuple[Reading, ...]) -> list[str]:
    """The essential figures first, then others, in the catalog's words."""
    own = [reading for reading in readings if reading.metric in METRICS and reading.metric.startswith(f"{component}.")]
    measured = sorted((reading for reading in own if reading.value is not None), key=lambda each: not METRICS[each.metric].essential)
    return [
        f"{METRICS[each.metric].vi}{f' ({each.target})' if each.target else ''}: {told_figure(each.metric, each.value, each.unit)}"
        for each in measured[:SHOWN_FIGURES]
    ]


def clock(instant: datetime) -> str:
    """Local time of day."""
    return f"{instant.astimezone(VIETNAM):%H:%M:%S}"


def age(instant: datetime, now: datetime) -> str:
    """How long ago, in words."""
    seconds = max(0, int((now - instant).total_seconds()))
    if seconds < 60:
        return f"{seconds} giây trước"
    if seconds < 3600:
        return f"{seconds // 60} phút trước"
    return f"{seconds // 3600} giờ {seconds % 3600 // 60} phút trước"


UPLINKS = MappingProxyType(
    {"primary": "đang nối qua đường chính", "standby": "đang nối qua đường dự phòng", "none": "chưa nối được, bản tin được giữ tại máy"}
)


def figure_line(reading: Reading) -> str:
    """One figure with its name, or why there is none."""
    spec = METRICS.get(reading.metric)
    name = (spec.vi if spec is not None else reading.metric) + (f" ({reading.target})" if reading.target else "")
    why_not = FAILURES[reading.failure] if reading.failure is not None else ""
    return f"{name}: {why_not or told_figure(reading.metric, reading.value, reading.unit)}"


def causes(verdicts: Iterable[Verdict]) -> list[str]:
    """What likely lies behind the findings of all components together, one line each."""
    codes = {found.code for verdict in verdicts for found in verdict.findings}
    return [f"Nhận định chung: {cause.text()}." for cause in causes_of(codes)]
