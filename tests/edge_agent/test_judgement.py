"""What holds at the site: verdicts from rounds, events into the journal, nothing lost over a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.catalog import figure, finding, missing
from contract.findings import Finding, State
from contract.meetings import Phase
from contract.messages import CheckReason, Cleared, ComponentState, Device, Figures, Onset, ProbeReport
from contract.readings import Failure, Reading
from edge_agent.judgement import Circumstances, Judgement

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Ear:
    """Journal and teller that remember; a full disk on demand."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.states: list[tuple[str, ComponentState]] = []
        self.full = False

    def append(self, _kind: Any, payload: Any, _time: datetime) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        self.written.append(payload)
        return len(self.written)

    def publish_state(self, component: str, state: ComponentState) -> None:
        self.states.append((component, state))

    def heartbeat(self, _heartbeat: Any) -> None: ...


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def host(second: float, *findings: Finding, failure: Failure | None = None) -> ProbeReport:
    readings: tuple[Reading, ...] = tuple(
        missing(metric, failure, at=at(second)) if failure else figure(metric, 10.0, at=at(second))
        for metric in ("host.cpu_percent", "host.memory_percent")
    )
    return ProbeReport(probe="host", began_at=at(second), duration_s=0.1, readings=readings, findings=findings)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def judgement(ear: Ear, tmp_path: Path) -> Judgement:
    return Judgement(ear, ear, tmp_path, T0)


FAULT = finding("agent.outbox_full", Phase.LIVE)


def test_one_bad_look_changes_no_verdict_and_two_do(judgement: Judgement, ear: Ear) -> None:
    fault = Finding(code="host.cpu", severity=FAULT.severity, component="host")
    states = []
    for second in range(5):
        judgement.take(host(second, *([fault] if second < 2 else [])), at(second), 60)
        states.append(judgement.verdict("host", at(second)).state)
    assert states == [State.OK, State.WARNING, State.WARNING, State.OK, State.OK]
    assert [type(event) for event in ear.written] == [Onset, Cleared]


@pytest.mark.req("R24")
def test_what_was_not_measured_is_never_ok(judgement: Judgement) -> None:
    judgement.take(host(0), at(0), 60)
    judgement.take(host(1, failure=Failure.TIMEOUT), at(1), 60)
    verdict = judgement.verdict("host", at(1))
    assert (verdict.state, verdict.why_unknown) == (State.UNKNOWN, Failure.TIMEOUT)


def test_a_failed_probe_shows_at_the_agent_too(judgement: Judgement, ear: Ear) -> None:
    judgement.put("agent", "self", [figure("agent.outbox_rows", 0, at=T0)], 60)
    judgement.tell("agent", T0)
    hung = finding("agent.probe_timeout", target="host", figure=6, limit=5, unit="s")
    for second in (0, 1):
        judgement.take(host(second, hung, failure=Failure.TIMEOUT), at(second), 60)
    assert ear.states[-1][0] == "agent"
    assert ear.states[-1][1].verdict.state is State.WARNING


def test_a_state_that_has_not_changed_is_told_less_often(judgement: Judgement, ear: Ear) -> None:
    for tenth in range(100):
        judgement.take(host(tenth / 10), at(tenth / 10), 60)
    assert 4 <= len(ear.states) <= 6
    assert judgement.states["host"].verdict.at == at(9.9)


def test_a_restart_ends_what_the_run_before_told(ear: Ear, tmp_path: Path) -> None:
    fault = Finding(code="host.cpu", severity=FAULT.severity, component="host")
    before = Judgement(ear, ear, tmp_path, T0)
    for second in (0, 1):
        before.take(host(second, fault), at(second), 60)
    after = Judgement(ear, ear, tmp_path, at(60))
    assert after.verdict("host", at(60)).state is State.WARNING
    for second in (60, 61):
        after.take(host(second), at(second), 60)
    cleared = ear.written[-1]
    assert isinstance(cleared, Cleared)
    assert (cleared.began_at, cleared.ended_at) == (at(0), at(60))


def test_a_memory_that_cannot_be_read_stops_nothing(ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "open.json").write_bytes(b"\xff{")
    assert Judgement(ear, ear, tmp_path, T0).standing() == ()


def test_a_full_disk_stops_nothing(judgement: Judgement, ear: Ear) -> None:
    ear.full = True
    fault = Finding(code="host.cpu", severity=FAULT.severity, component="host")
    for second in range(3):
        judgement.take(host(second, fault), at(second), 60)
    judgement.close_figures(at(3))
    assert judgement.verdict("host", at(3)).state is State.WARNING


def test_figures_of_a_span_carry_meeting_and_phase(judgement: Judgement, ear: Ear) -> None:
    judgement.circumstances = Circumstances(phase=Phase.LIVE, meeting="m")
    judgement.take(host(0), at(0), 60)
    judgement.close_figures(at(60))
    (figures,) = ear.written
    assert isinstance(figures, Figures)
    assert (figures.phase, figures.meeting, figures.begins_at, figures.ends_at) == (Phase.LIVE, "m", T0, at(60))
    assert {line.metric for line in figures.rollups} == {"host.cpu_percent", "host.memory_percent"}


@pytest.mark.req("R25")
def test_a_check_is_proof_with_every_verdict_and_the_phase_it_began_in(judgement: Judgement) -> None:
    judgement.take(host(0), at(0), 60)
    began_in = Circumstances(phase=Phase.REHEARSAL, meeting="m", limits_version="7")
    done = judgement.check_done(
        ("host", "camera"), began_in, check="m/rehearsal", reason=CheckReason.SCHEDULED, began_at=at(0), ended_at=at(3)
    )
    assert [(verdict.component, verdict.state) for verdict in done.verdicts] == [("host", State.OK), ("camera", State.UNKNOWN)]
    assert (done.phase, done.meeting, done.limits_version, len(done.readings)) == (Phase.REHEARSAL, "m", "7", 2)


@pytest.mark.req("R5")
def test_a_check_tells_of_all_devices_that_were_seen_last(judgement: Judgement) -> None:
    camera = Device(component="cables", name="HD Camera")
    for devices in ((camera,), ()):  # a probe that was killed tells of none, and unplugs none
        judgement.take(ProbeReport(probe="cables", began_at=T0, duration_s=0.1, devices=devices), T0, 60)
    done = judgement.check_done(["cables"], Circumstances(), check="c", reason=CheckReason.REQUESTED, began_at=T0, ended_at=T0)
    assert done.devices == (camera,)
