"""The page itself, from what the daemon says."""

from __future__ import annotations

from html import escape

from contract.findings import State
from contract.messages import ComponentState
from edge_agent import wording
from edge_agent.status import AgentStatus

_FRAME = """<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<header>
<h1>{name}</h1>
<form method="post" action="/check"><a class="button" href="/form">Phiếu để in</a> <button type="submit">Kiểm tra lại</button></form>
</header>
<main id="main" aria-live="polite">
{main}
</main>
</body>
</html>
"""


def render(status: AgentStatus) -> str:
    """The whole page."""
    worst = _worst(status)
    title = f"{wording.STATES[worst][0]} {status.name} · {wording.STATES[worst][1]}"
    return _FRAME.format(title=escape(title), name=escape(status.name), main=_main(status))


def _worst(status: AgentStatus) -> State:
    order = (State.FAULT, State.WARNING, State.UNKNOWN, State.OK, State.NOT_FITTED)
    states = {component.verdict.state for component in status.components}
    return next((state for state in order if state in states), State.UNKNOWN)


def _main(status: AgentStatus) -> str:
    phase = wording.PHASES[status.phase] + (f": {status.meeting_title}" if status.meeting_title else "")
    lines = [f"<p><strong>{escape(phase)}</strong> · lúc {wording.clock(status.at)}</p>"]
    causes = wording.causes(component.verdict for component in status.components)
    lines += [f'<p class="cause">» {escape(cause)}</p>' for cause in causes]
    lines.append('<table><thead><tr><th scope="col">Thành phần</th><th scope="col">Kết quả</th>')
    lines.append('<th scope="col">Nhận định và việc cần làm</th><th scope="col">Đo lúc</th></tr></thead><tbody>')
    lines += [_row(component, status) for component in sorted(status.components, key=lambda each: wording.place(each.verdict.component))]
    lines.append("</tbody></table>")
    lines.append(f'<p class="note">{escape(_footer(status))}</p>')
    return "\n".join(lines)


def _row(component: ComponentState, status: AgentStatus) -> str:
    verdict = component.verdict
    sign, word = wording.STATES[verdict.state]
    told = "".join(
        f"<p>{escape(sentence)}</p>" + (f'<p class="advice">→ {escape(advice)}</p>' if advice else "")
        for sentence, advice in wording.sentences(verdict, component.readings)
    )
    stale = (status.at - verdict.at).total_seconds() > component.valid_for_s
    return (
        f'<tr class="{verdict.state}"><th scope="row">{escape(wording.component_name(verdict.component))}</th>'
        f'<td class="state"><span aria-hidden="true">{sign}</span> {word}</td><td>{told}</td>'
        f"<td>{wording.age(verdict.at, status.at)}{' — <strong>đã cũ</strong>' if stale else ''}</td></tr>"
    )


def _footer(status: AgentStatus) -> str:
    parts = []
    if status.uplink:
        why = f" ({status.uplink_error})" if status.uplink_error else ""
        parts.append(f"Trung tâm điều khiển: {wording.UPLINKS.get(status.uplink, status.uplink)}{why}")
    parts.append(f"{status.outbox_rows} bản tin chờ gửi")
    if status.outbox_error:
        parts.append(f"ổ đĩa từ chối ghi: {status.outbox_error}")
    if status.checked_at is not None:
        parts.append(f"kiểm tra toàn bộ lần cuối {wording.age(status.checked_at, status.at)}")
    return " · ".join(parts) + "."
