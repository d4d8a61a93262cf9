"""What the site's technician can print: the site's row of Phụ lục II as it stands now, with the form's own words (R52).

It is a working paper for a site that is cut off: the official form is drawn by the center from all that it has heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from contract.catalog import FAULTS, LINE_OF, FormEffect, FormLine, sentence
from contract.findings import Finding, Severity, State
from contract.messages import ComponentState
from edge_agent import wording
from edge_agent.status import AgentStatus

_FRAME = """<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Phiếu điểm cầu · {name}</title>
<link rel="stylesheet" href="/page.css">
</head>
<body class="paper">
<h1>Nhật ký triển khai họp trực tuyến — phần của điểm cầu</h1>
<p>Nội dung cuộc họp: <strong>{meeting}</strong></p>
<p>Điểm cầu: <strong>{name}</strong> · trạng thái lúc {at}</p>
<table>
<thead><tr><th scope="col">Tình trạng</th><th scope="col">Thiết bị</th></tr></thead>
<tbody><tr><td><p>{well} Bình thường</p><p>{ill} Sự cố</p><p>Mô tả sự cố:</p>{told}</td><td>{lines}</td></tr></tbody>
</table>
<p class="note">Phiếu tạm in từ máy giám sát khi cần; nhật ký chính thức do Trung tâm lập sau cuộc họp.
Ô để trống cả hai là chưa kiểm tra được hoặc không trang bị, không phải bình thường.</p>
<p class="signatures"><span>Cán bộ kỹ thuật điểm cầu</span><span>Lãnh đạo đơn vị xác nhận</span></p>
<p class="screen"><a href="/">← Về trang kiểm tra</a></p>
</body>
</html>
"""
_EMPTY, _TICKED = "☐", "☒"


def render(status: AgentStatus) -> str:
    """The whole paper."""
    found_now = [found for component in status.components for found in component.verdict.findings]
    faults = [found for found in found_now if _effect(found) is not FormEffect.NONE and found.severity is not Severity.INFO]
    judged = [component for component in status.components if component.verdict.state is not State.NOT_FITTED]
    checked = bool(judged) and all(component.verdict.state is not State.UNKNOWN for component in judged)
    return _FRAME.format(
        name=escape(status.name),
        meeting=escape(status.meeting_title or "chưa có cuộc họp"),
        at=escape(wording.clock(status.at)),
        well=_box(checked and not faults),
        ill=_box(bool(faults)),
        told="".join(f"<p>– {escape(sentence(found))}</p>" for found in faults) or "<p>–</p>",
        lines="".join(f"<p>{line}</p>" for line in _lines({component.verdict.component: component for component in status.components})),
    )


def _lines(components: Mapping[str, ComponentState]) -> list[str]:
    """The form's five device lines, in its order."""
    return [_line(line, components.get(component.value)) for component, line in LINE_OF.items() if line is not None]


def _line(line: FormLine, component: ComponentState | None) -> str:
    if component is None or component.verdict.state is State.UNKNOWN:
        well, broken, why = False, False, " (chưa kiểm tra được)"
    elif component.verdict.state is State.NOT_FITTED:
        well, broken, why = False, False, " (không trang bị)"
    else:
        effects = {(_effect(found), found.severity is Severity.INFO) for found in component.verdict.findings}
        broken = (FormEffect.DAMAGED, False) in effects
        # A codec that is switched off while nobody meets is neither broken nor known to be well.
        unmeasured = any(effect is FormEffect.NOT_MEASURED or (effect is FormEffect.DAMAGED and quiet) for effect, quiet in effects)
        well, why = not broken and not unmeasured, " (chưa kiểm tra được)" if unmeasured and not broken else ""
    return f"{line.value}: {_box(well)} Bình thường {_box(broken)} hư hỏng{why};"


def _effect(found: Finding) -> FormEffect:
    """What a fault does to the form; one that only a newer peer knows is told."""
    spec = FAULTS.get(found.code)
    return FormEffect.TOLD if spec is None else spec.effect


def _box(ticked: bool) -> str:
    """A box in words too, for who cannot see it."""
    return f'<span role="img" aria-label="{"có" if ticked else "không"}">{_TICKED if ticked else _EMPTY}</span>'
