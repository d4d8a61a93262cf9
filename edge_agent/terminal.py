"""What the command line draws: tables in Vietnamese, 80 columns wide, readable without colour."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from contract.findings import Component, Severity, State, Verdict
from contract.meetings import Phase
from contract.messages import CheckReport, ProbeReport
from contract.readings import Reading
from contract.verdicts import verdict_of
from edge_agent import wording
from edge_agent.status import AgentStatus

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAULT: "bold red", State.UNKNOWN: "magenta", State.NOT_FITTED: "dim"}


def show_check(report: CheckReport, name: str) -> None:
    """Draw a check of the whole site."""
    lasted_s = (report.ended_at - report.began_at).total_seconds()
    seconds = f"{lasted_s:.1f}".replace(".", ",")
    title = f"{name} · {wording.PHASES[report.phase]} · {wording.clock(report.ended_at)} ({seconds} giây)"
    _draw(title, [(verdict, _of(verdict.component, report.readings)) for verdict in report.verdicts])


def show_probe(report: ProbeReport, phase: Phase) -> None:
    """Draw one look of one probe, with all its figures."""
    verdict = _verdict(report)
    where = f" · {report.source}" if report.source else ""
    _draw(f"{wording.component_name(report.probe)}{where} · {wording.PHASES[phase]}", [(verdict, report.readings)])
    console = _console()
    if report.reason:
        console.print(f"Lý do: {report.reason}", highlight=False)
    for reading in report.readings:
        console.print(wording.figure_line(reading), style="dim", highlight=False)


def show_status(status: AgentStatus, now: datetime) -> None:
    """Draw what the running agent says."""
    running = "đang chạy" if status.speaks(now) else "đã dừng" if status.pid == 0 else "KHÔNG còn trả lời"
    console = _console()
    _draw(
        f"{status.name} · {wording.PHASES[status.phase]}{f' · {status.meeting_title}' if status.meeting_title else ''}",
        [(state.verdict, state.readings) for state in sorted(status.components, key=lambda each: wording.place(each.verdict.component))],
        now,
    )
    console.print(
        f"Máy giám sát {running}, nói lần cuối {wording.age(status.at, now)}; chờ gửi {status.outbox_rows} bản tin.", highlight=False
    )
    if status.uplink:
        console.print(f"Trung tâm: {wording.UPLINKS.get(status.uplink, status.uplink)}", highlight=False)
    if status.page:
        console.print(f"Trang tại chỗ: {status.page}", highlight=False)


def exit_status(report: ProbeReport) -> int:
    """0 when all is well, 1 when something was found or is not known, 2 when its source could not be read at all."""
    if report.reason and not report.findings and all(reading.value is None for reading in report.readings):
        return 2
    found = any(finding.severity is not Severity.INFO for finding in report.findings)
    return 1 if found or _verdict(report).state is State.UNKNOWN else 0


def _verdict(report: ProbeReport) -> Verdict:
    """Of the probe's component, or of the agent if that is what failed."""
    own = [finding for finding in report.findings if finding.component == Component.AGENT]
    verdict = verdict_of(Component(report.probe), report.readings, report.findings, report.began_at)
    return verdict_of(Component.AGENT, (), own, report.began_at) if own and not verdict.findings else verdict


def _of(component: str, readings: Iterable[Reading]) -> tuple[Reading, ...]:
    return tuple(reading for reading in readings if reading.metric.startswith(f"{component}."))


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 — only where something is drawn

    columns = shutil.get_terminal_size((80, 24)).columns
    return Console(width=min(columns, 80), soft_wrap=False)


def _draw(title: str, rows: Iterable[tuple[Verdict, tuple[Reading, ...]]], now: datetime | None = None) -> None:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    rows = list(rows)
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("Thành phần", width=14, no_wrap=True)
    table.add_column("Kết quả", width=16, no_wrap=True)
    table.add_column("Nhận định và việc cần làm", ratio=1)
    for verdict, readings in rows:
        sign, word = wording.STATES[verdict.state]
        told = Text()
        for sentence, advice in wording.sentences(verdict, readings):
            told.append(("\n" if told else "") + sentence)
            if advice:
                told.append(f"\n→ {advice}", style="italic")
        if now is not None:
            told.append(f"\n({wording.age(verdict.at, now)})", style="dim")
        table.add_row(wording.component_name(verdict.component), Text(f"{sign} {word}", style=_COLOURS[verdict.state]), told)
    _console().print(table)
    for line in wording.causes(verdict for verdict, _ in rows):
        _console().print(Text(f"» {line}", style="bold"))
