"""The agent itself: what it says when it cannot do its work."""

from __future__ import annotations

from contract.catalog.model import FaultSpec, FormEffect, MetricSpec, Worse
from contract.findings import Severity
from contract.meetings import Phase

METRICS = (
    MetricSpec(
        name="agent.outbox_rows",
        unit="",
        vi="Số bản tin chờ gửi về trung tâm",
        en="Messages waiting to be stored by the center",
        minimum=0,
        worse=Worse.HIGHER,
        essential=True,
    ),
    MetricSpec(
        name="agent.slow_rounds",
        unit="",
        vi="Số lượt kiểm tra chậm hoặc bị bỏ",
        en="Rounds that ran late or were skipped",
        minimum=0,
        worse=Worse.HIGHER,
    ),
    MetricSpec(
        name="agent.clock_offset_ms",
        unit="ms",
        vi="Độ lệch đồng hồ so với trung tâm",
        en="Offset of the clock from the center's",
        worse=Worse.NEITHER,
    ),
    MetricSpec(
        name="agent.clock_error_ms",
        unit="ms",
        vi="Sai số của độ lệch đồng hồ",
        en="Error of the clock's offset",
        minimum=0,
        worse=Worse.HIGHER,
    ),
)

FAULTS = (
    FaultSpec(
        code="agent.probe_crashed",
        effect=FormEffect.NOT_MEASURED,
        severity=Severity.WARNING,
        title_vi="Bộ dò bị lỗi",
        title_en="Probe crashed",
        vi="Bộ dò {target} tự dừng vì lỗi phần mềm: {error}",
        en="Probe {target} crashed: {error}",
        advice_vi="Bấm «Kiểm tra lại». Nếu còn lỗi, gửi nhật ký của máy cho Trung tâm điều khiển.",
        advice_en="Press “check again”. If it stays, send the machine's journal to the control center.",
    ),
    FaultSpec(
        code="agent.probe_timeout",
        effect=FormEffect.NOT_MEASURED,
        severity=Severity.WARNING,
        title_vi="Bộ dò quá giờ",
        title_en="Probe timed out",
        vi="Bộ dò {target} không xong sau {figure} (giới hạn {limit}) và đã bị dừng",
        en="Probe {target} was not done after {figure} (limit {limit}) and was stopped",
        advice_vi="Kiểm tra thiết bị có bị treo không; rút ra cắm lại rồi bấm «Kiểm tra lại».",
        advice_en="See whether the device hangs; replug it, then press “check again”.",
    ),
    FaultSpec(
        code="agent.stale",
        effect=FormEffect.TOLD,
        severity=Severity.WARNING,
        severity_in={Phase.LIVE: Severity.CRITICAL},
        title_vi="Máy giám sát im lặng",
        title_en="Agent is silent",
        vi="Máy giám sát im lặng {figure} (giới hạn {limit}), nhưng máy vẫn trả lời mạng: đường truyền còn, phần mềm treo",
        en="The agent has been silent for {figure} (limit {limit}) while its machine still answers: the link is up, the software hangs",
        advice_vi="Khởi động lại dịch vụ edge-agent trên máy giám sát. Cuộc họp không bị ảnh hưởng.",
        advice_en="Restart the edge-agent service on the site PC. The meeting is not affected.",
    ),
    FaultSpec(
        code="agent.outbox_full",
        effect=FormEffect.NONE,
        severity=Severity.WARNING,
        title_vi="Đầy hàng đợi gửi",
        title_en="Outbox is full",
        vi="Hàng đợi có {figure} bản tin (giới hạn {limit}); số đo cũ nhất bị bỏ, sự cố được giữ",
        en="The outbox holds {figure} messages (limit {limit}); the oldest figures are dropped, incidents are kept",
        advice_vi="Kiểm tra đường truyền tới Trung tâm điều khiển và dung lượng ổ đĩa của máy giám sát.",
        advice_en="Check the link to the control center and the disk space of the site PC.",
    ),
    FaultSpec(
        code="agent.disk_unwritable",
        effect=FormEffect.NONE,
        severity=Severity.WARNING,
        title_vi="Không ghi được ổ đĩa",
        title_en="Disk cannot be written",
        vi="Máy giám sát không ghi được vào ổ đĩa ({error}); {figure} bản tin có thể mất nếu mất điện",
        en="The site PC cannot write to its disk ({error}); {figure} messages may be lost in a power cut",
        advice_vi="Giải phóng dung lượng ổ đĩa của máy giám sát; nếu ổ đĩa hỏng thì thay ổ đĩa.",
        advice_en="Free disk space on the site PC; replace the disk if it is broken.",
    ),
    FaultSpec(
        code="agent.certificate_expiring",
        effect=FormEffect.NONE,
        severity=Severity.WARNING,
        title_vi="Chứng thư sắp hết hạn",
        title_en="Certificate expires soon",
        vi="Chứng thư số của điểm cầu còn {figure} ngày, hết hạn ngày {expires_on} (ngưỡng {limit} ngày); sau ngày đó điểm cầu không nối được Trung tâm",
        en="The site's certificate has {figure} days left and expires on {expires_on} (limit {limit} days); after that the site cannot reach the center",
        advice_vi="Báo Trung tâm điều khiển chạy Ansible (vai trò identity) để cấp lại chứng thư; không cần làm gì tại điểm cầu.",
        advice_en="Have the control center run Ansible (role identity) to renew it; nothing is to be done at the site.",
    ),
    FaultSpec(
        code="agent.changed_since_rehearsal",
        effect=FormEffect.NONE,
        severity=Severity.INFO,
        severity_in={Phase.PRECHECK: Severity.WARNING},
        title_vi="Khác với lúc kiểm duyệt",
        title_en="Changed since the rehearsal",
        vi="Từ buổi kiểm duyệt đến nay đã đổi: {what_vi} ({part}), lúc đó {before_vi}, nay {now_vi}",
        en="Changed since the rehearsal: {what_en} ({part}), then {before_en}, now {now_en}",
        advice_vi="Hỏi người vừa chỉnh hoặc cắm lại thiết bị; đưa về như lúc kiểm duyệt nếu không cố ý đổi.",
        advice_en="Ask who has changed or replugged something; put it back as it was at the rehearsal unless it was meant.",
    ),
)
