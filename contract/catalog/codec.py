"""The conferencing system itself (VCS, codec): the form's line "Bộ kết nối"."""

from __future__ import annotations

from contract.catalog.model import FaultSpec, FormEffect, MetricSpec, Worse
from contract.findings import Severity
from contract.meetings import Phase

METRICS = (
    MetricSpec(
        name="codec.alive",
        unit="",
        vi="Bộ kết nối trả lời trên ít nhất một giao thức",
        en="The codec answers on at least one protocol",
        minimum=0,
        maximum=1,
        worse=Worse.LOWER,
        essential=True,
        words_vi=("không", "có"),
        words_en=("no", "yes"),
    ),
    MetricSpec(
        name="codec.sip_ms", unit="ms", vi="Thời gian trả lời SIP OPTIONS", en="Time to answer SIP OPTIONS", minimum=0, worse=Worse.HIGHER
    ),
    MetricSpec(name="codec.sip_status", unit="", vi="Mã trả lời SIP", en="Status code of the SIP answer", minimum=100, maximum=699),
    MetricSpec(
        name="codec.h323_ms", unit="ms", vi="Thời gian mở kết nối H.323", en="Time to open the H.323 port", minimum=0, worse=Worse.HIGHER
    ),
    MetricSpec(
        name="codec.web_ms",
        unit="ms",
        vi="Thời gian mở kết nối trang quản trị",
        en="Time to open the web port",
        minimum=0,
        worse=Worse.HIGHER,
    ),
    MetricSpec(
        name="codec.uptime_s", unit="s", vi="Thời gian chạy của bộ kết nối (SNMP)", en="Time since the codec started (SNMP)", minimum=0
    ),
)

FAULTS = (
    FaultSpec(
        code="codec.unreachable",
        effect=FormEffect.DAMAGED,
        severity=Severity.INFO,
        severity_in={
            Phase.REHEARSAL: Severity.CRITICAL,
            Phase.PRECHECK: Severity.CRITICAL,
            Phase.LIVE: Severity.CRITICAL,
            Phase.WRAP_UP: Severity.WARNING,
        },
        title_vi="Bộ kết nối không trả lời",
        title_en="Codec does not answer",
        vi="Bộ kết nối {target} không trả lời trên giao thức nào ({protocols})",
        en="The codec {target} answers on none of its protocols ({protocols})",
        advice_vi="Kiểm tra nguồn và dây mạng của bộ kết nối; tắt, chờ 10 giây rồi bật lại.",
        advice_en="Check the codec's power and network cable; switch it off, wait 10 seconds, switch it on.",
    ),
    FaultSpec(
        code="codec.sip_down",
        effect=FormEffect.TOLD,
        severity=Severity.WARNING,
        severity_in={Phase.IDLE: Severity.INFO},
        title_vi="SIP không trả lời",
        title_en="SIP does not answer",
        vi="Bộ kết nối {target} không trả lời SIP sau {limit}, dù giao thức khác vẫn hoạt động",
        en="The codec {target} does not answer SIP within {limit}, though another protocol works",
        advice_vi="Kiểm tra phần đăng ký SIP trên bộ kết nối; khởi động lại bộ kết nối nếu chưa họp.",
        advice_en="Check the SIP registration on the codec; restart it if no meeting is on.",
    ),
    FaultSpec(
        code="codec.h323_down",
        effect=FormEffect.TOLD,
        severity=Severity.WARNING,
        severity_in={Phase.IDLE: Severity.INFO},
        title_vi="H.323 không trả lời",
        title_en="H.323 does not answer",
        vi="Bộ kết nối {target} không mở được cổng H.323 sau {limit}, dù giao thức khác vẫn hoạt động",
        en="The codec {target} does not open its H.323 port within {limit}, though another protocol works",
        advice_vi="Kiểm tra mục H.323 trên bộ kết nối có được bật không.",
        advice_en="See whether H.323 is switched on at the codec.",
    ),
    FaultSpec(
        code="codec.on_when_idle",
        effect=FormEffect.NONE,
        severity=Severity.INFO,
        title_vi="Hệ thống còn bật khi không họp",
        title_en="System on without a meeting",
        vi="Bộ kết nối {target} đã bật {figure} mà không có cuộc họp nào (nhắc sau {limit})",
        en="The codec {target} has been on for {figure} without a meeting (reminder after {limit})",
        advice_vi="Tắt hệ thống hội nghị nếu không dùng nữa (Quy chế, khoản 6 Điều 7).",
        advice_en="Switch the conferencing system off if it is not needed any more (regulation, article 7.6).",
    ),
)
