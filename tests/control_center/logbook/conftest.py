"""A meeting that anybody can tell stories about, with a small catalog of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.catalog import FaultSpec, FormEffect
from contract.findings import Finding, Severity, State, Verdict
from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from contract.messages import CheckDone, CheckReason, Cleared, Interruption, Onset
from contract.readings import Failure
from control_center.incidents.model import Incident, IncidentState, Place, Span
from control_center.logbook.draft import draft, draft_row
from control_center.logbook.evidence import Record, SiteEvidence
from control_center.logbook.form import FormDocument, FormRow

COMPONENTS = ("camera", "codec", "microphone", "cables", "host", "link")


def spec(code: str, effect: FormEffect, title: str, sentence: str = "") -> FaultSpec:
    return FaultSpec(
        code=code,
        effect=effect,
        severity=Severity.WARNING,
        title_vi=title,
        title_en=title,
        vi=sentence or title,
        en=title,
        advice_vi="",
        advice_en="",
    )


FAULTS = {
    one.code: one
    for one in (
        spec("camera.absent", FormEffect.DAMAGED, "Mất camera"),
        spec("camera.covered", FormEffect.TOLD, "Camera bị che", "Ống kính {target} bị che: {figure} khung hình (giới hạn {limit})"),
        spec("camera.busy", FormEffect.NOT_MEASURED, "Camera đang bị chiếm"),
        spec("camera.dirty", FormEffect.NONE, "Ống kính bẩn"),
        spec("microphone.dead", FormEffect.DAMAGED, "Micro không có tín hiệu", "Mức {figure} (giới hạn {limit})"),
        spec("microphone.howling", FormEffect.TOLD, "Hú, rít", "Micro {target} hú ở {frequency_hz}, mức {figure} (giới hạn {limit})"),
        spec("link.down", FormEffect.TOLD, "Mất kết nối"),
        spec("link.mcu_unreachable", FormEffect.TOLD, "Không tới được MCU"),
        spec("link.loss", FormEffect.TOLD, "Mất gói", "Mất {figure} gói tin (giới hạn {limit})"),
        spec("agent.stale", FormEffect.NOT_MEASURED, "Máy giám sát im lặng"),
        spec("agent.probe_crashed", FormEffect.NOT_MEASURED, "Bộ dò bị lỗi"),
    )
}


class Story:
    """Builds what a site and the center say about a meeting from 08:00 to 10:00 on 23 November 2026 in Vietnam."""

    faults = FAULTS

    def __init__(self) -> None:
        self.plan = Plan(
            rehearsal=Window(begins_at=self.at("14:00:00", day=22), ends_at=self.at("15:00:00", day=22)),
            precheck=Window(begins_at=self.at("07:30:00"), ends_at=self.at("08:00:00")),
            live=Window(begins_at=self.at("08:00:00"), ends_at=self.at("10:00:00")),
            wrap_up=Window(begins_at=self.at("10:00:00"), ends_at=self.at("10:15:00")),
        )
        self.meeting = self.meeting_of({"tinh": Role.MAIN, "hoai-nhon": Role.BRANCH})
        self._seq = 0

    @staticmethod
    def at(clock: str, day: int = 23) -> datetime:
        """Instant of a Vietnamese time of day."""
        hours, minutes, seconds = clock.split(":")
        local = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
        return datetime(2026, 11, day, tzinfo=UTC) + local - timedelta(hours=7)

    def meeting_of(self, roles: dict[str, Role]) -> Meeting:
        return Meeting(
            id="hop-1",
            title="Giao ban phòng, chống thiên tai",
            organizer="UBND tỉnh",
            plan=self.plan,
            participations=tuple(Participation(site=site, role=role) for site, role in roles.items()),
        )

    def record(self, event: Any, at: datetime | None = None) -> Record:
        self._seq += 1
        return Record(id=f"tinh:b1:{self._seq}", at=at or self.at("09:00:00"), event=event)

    def found(self, code: str, severity: Severity = Severity.WARNING, **fields: Any) -> Finding:
        return Finding(code=code, severity=severity, component=code.partition(".")[0], **fields)

    def verdict(self, component: str, *findings: Finding, state: State | None = None, why: Failure | None = None) -> Verdict:
        return Verdict(
            component=component,
            state=state or (State.FAULT if findings else State.OK),
            at=self.at("10:02:00"),
            findings=findings,
            why_unknown=why,
        )

    def check(self, *other: Verdict, clock: str = "10:02:00", phase: Phase = Phase.WRAP_UP, without: tuple[str, ...] = ()) -> Record:
        """A check of all six components, well except for the verdicts given."""
        given = {verdict.component: verdict for verdict in other}
        verdicts = tuple(given.get(name) or self.verdict(name) for name in COMPONENTS if name not in without)
        begins_at = self.at(clock)
        event = CheckDone(
            check="c",
            phase=phase,
            reason=CheckReason.SCHEDULED,
            began_at=begins_at,
            ended_at=begins_at + timedelta(seconds=10),
            verdicts=verdicts,
            meeting="hop-1",
        )
        return self.record(event, begins_at)

    def onset(self, code: str, since: str, severity: Severity = Severity.WARNING, **fields: Any) -> Record:
        found = self.found(code, severity, since=self.at(since), **fields)
        return self.record(Onset(finding=found, phase=Phase.LIVE, meeting="hop-1"), self.at(since))

    def cleared(self, code: str, began: str, ended: str, **fields: Any) -> Record:
        event = Cleared(code=code, component=code.partition(".")[0], began_at=self.at(began), ended_at=self.at(ended), **fields)
        return self.record(event, self.at(ended))

    def gap(self, began: str, seconds: float, *, confirmed: bool = False, **fields: Any) -> Record:
        begins_at = self.at(began)
        fields = {"targets": ("center",), **fields}
        event = Interruption(
            began_at=begins_at, ended_at=begins_at + timedelta(seconds=seconds), duration_s=seconds, confirmed=confirmed, **fields
        )
        return self.record(event, begins_at)

    def incident(self, code: str, began: str, ended: str | None, **fields: Any) -> Incident:
        fields = {"severity": Severity.CRITICAL, "opened_at": self.at(began), "site": "tinh", **fields}
        return Incident(
            id=f"tinh-{began}-{code}",
            code=code,
            component=code.partition(".")[0],
            state=IncidentState.OPEN if ended is None else IncidentState.CLOSED,
            began_at=self.at(began),
            ended_at=None if ended is None else self.at(ended),
            **fields,
        )

    def spans(self, *pairs: tuple[str, str]) -> tuple[Span, ...]:
        return tuple(Span(began_at=self.at(began), ended_at=self.at(ended)) for began, ended in pairs)

    def row(self, *told: Record | Incident) -> FormRow:
        """Row of the main site."""
        records = tuple(one for one in told if isinstance(one, Record))
        incidents = tuple(one for one in told if isinstance(one, Incident))
        return draft_row(self.meeting, SiteEvidence(site="tinh", name="Văn phòng UBND tỉnh", records=records, incidents=incidents), FAULTS)

    def document(self) -> FormDocument:
        """A filled form that has everything: both kinds of ticks, notes, several sentences, no evidence at all."""
        self._seq = 0
        main = SiteEvidence(
            site="tinh",
            name="Văn phòng UBND tỉnh",
            records=(
                self.check(self.verdict("codec", state=State.NOT_FITTED, why=Failure.NOT_FITTED)),
                self.gap("09:40:00", 1.2),
                self.onset("microphone.dead", "09:50:00", figure=-121.0, limit=-90.0, unit="dBFS"),
            ),
            incidents=(
                self.incident("link.down", "09:12:03", "09:12:25", place=Place.TSLCD),
                self.incident("microphone.howling", "09:20:00", "09:20:14", figure=-12.0, limit=-30.0, unit="dBFS", frequency_hz=2512.0),
            ),
        )
        well = SiteEvidence(site="hoai-nhon", name="UBND thị xã Hoài Nhơn", records=(self.check(),))
        meeting = self.meeting_of({"tinh": Role.MAIN, "hoai-nhon": Role.BRANCH, "an-lao": Role.BRANCH})
        return draft(meeting, (main, well), drafted_at=self.at("10:16:00"), faults=FAULTS)


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture(scope="session")
def canonical() -> str:
    """Phụ lục II, word for word."""
    return (Path(__file__).parents[2] / "testdata" / "forms" / "phu_luc_ii.txt").read_text(encoding="utf-8")
