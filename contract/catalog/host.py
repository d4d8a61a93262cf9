"""The site PC itself: the form's line "Khác"."""

from __future__ import annotations

from contract.catalog.model import FaultSpec, FormEffect, MetricSpec, Worse
from contract.findings import Severity

METRICS = (
    MetricSpec(
        name="host.cpu_percent",
        unit="%",
        vi="Tải bộ xử lý",
        en="Processor load",
        minimum=0,
        maximum=100,
        worse=Worse.HIGHER,
        essential=True,
    ),
    MetricSpec(
        name="host.memory_percent",
        unit="%",
        vi="Bộ nhớ đã dùng",
        en="Memory in use",
        minimum=0,
        maximum=100,
        worse=Worse.HIGHER,
        essential=True,
    ),
    MetricSpec(
        name="host.disk_percent", unit="%", vi="Ổ đĩa đã dùng", en="Disk in use", minimum=0, maximum=100, worse=Worse.HIGHER, essential=True
    ),
    MetricSpec(name="host.temperature_celsius", unit="°C", vi="Nhiệt độ máy", en="Temperature of the machine", worse=Worse.HIGHER),
    MetricSpec(name="host.uptime_s", unit="s", vi="Thời gian chạy từ lần khởi động", en="Time since boot", minimum=0),
)

FAULTS = (
    FaultSpec(
        code="host.cpu",
        effect=FormEffect.TOLD,
        severity=Severity.INFO,
        title_vi="Máy giám sát quá tải",
        title_en="Site PC overloaded",
        vi="Bộ xử lý của máy giám sát tải {figure} (giới hạn {limit})",
        en="The site PC's processor is {figure} busy (limit {limit})",
        advice_vi="Đóng các chương trình khác trên máy giám sát.",
        advice_en="Close other programs on the site PC.",
    ),
    FaultSpec(
        code="host.memory",
        effect=FormEffect.TOLD,
        severity=Severity.WARNING,
        title_vi="Máy giám sát thiếu bộ nhớ",
        title_en="Site PC short of memory",
        vi="Bộ nhớ của máy giám sát đã dùng {figure} (giới hạn {limit})",
        en="{figure} of the site PC's memory is in use (limit {limit})",
        advice_vi="Đóng các chương trình khác; khởi động lại máy giám sát ngoài giờ họp.",
        advice_en="Close other programs; restart the site PC outside a meeting.",
    ),
    FaultSpec(
        code="host.disk",
        effect=FormEffect.TOLD,
        severity=Severity.WARNING,
        title_vi="Ổ đĩa sắp đầy",
        title_en="Disk nearly full",
        vi="Ổ đĩa của máy giám sát đã dùng {figure} (giới hạn {limit})",
        en="{figure} of the site PC's disk is in use (limit {limit})",
        advice_vi="Xóa bớt tệp trên máy giám sát; báo Trung tâm điều khiển nếu không rõ tệp nào.",
        advice_en="Remove files from the site PC; ask the control center which ones if unsure.",
    ),
    FaultSpec(
        code="host.clock",
        effect=FormEffect.NONE,
        severity=Severity.WARNING,
        title_vi="Đồng hồ máy giám sát sai",
        title_en="Site PC's clock is wrong",
        vi="Đồng hồ của máy giám sát lệch {figure} so với Trung tâm (giới hạn {limit})",
        en="The site PC's clock is {figure} off the center's (limit {limit})",
        advice_vi="Giờ trong biên bản đã được hiệu chỉnh. Kiểm tra dịch vụ đồng bộ giờ (chrony) và pin CMOS của máy giám sát.",
        advice_en="Times in the logbook are corrected already. Check time synchronization (chrony) and the site PC's CMOS battery.",
    ),
    FaultSpec(
        code="host.temperature",
        effect=FormEffect.TOLD,
        severity=Severity.WARNING,
        title_vi="Máy giám sát quá nóng",
        title_en="Site PC too hot",
        vi="Máy giám sát nóng {figure} (giới hạn {limit})",
        en="The site PC is at {figure} (limit {limit})",
        advice_vi="Kiểm tra quạt, khe thông gió và điều hòa phòng họp.",
        advice_en="Check the fan, the vents and the room's air conditioning.",
    ),
)
