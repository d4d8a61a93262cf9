"""The state that a passed rehearsal left behind, compared half an hour before the meeting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.catalog import figure, missing, sentence
from contract.findings import Component, Finding, State, Verdict
from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from contract.messages import CheckDone, CheckReason, ProbeReport
from contract.readings import Failure, Reading
from edge_agent.agenda import Outlook
from edge_agent.judgement import Judgement
from edge_agent.rehearsed import FILE, Rehearsed, RehearsedState, changes

pytestmark = pytest.mark.req("R30")

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


def meeting(name: str = "giao-ban") -> Meeting:
    window = Window(begins_at=AT, ends_at=AT + timedelta(hours=1))
    return Meeting(
        id=name,
        title="Giao ban",
        organizer="Văn phòng",
        plan=Plan(precheck=window, live=window, wrap_up=window),
        participations=(Participation(site="x", role=Role.BRANCH),),
    )


def outlook(phase: Phase, name: str = "giao-ban") -> Outlook:
    return Outlook(phase=phase, meeting=meeting(name), changes_at=None, check="")


def speed(mbps: float, at: datetime = AT) -> Reading:
    return figure("cables.port_speed_mbps", mbps, at=at, target="eth0")


def checked(*readings: Reading, state: State = State.OK, phase: Phase = Phase.REHEARSAL, name: str = "giao-ban") -> CheckDone:
    return CheckDone(
        check="c",
        phase=phase,
        reason=CheckReason.SCHEDULED,
        began_at=AT,
        ended_at=AT,
        verdicts=(Verdict(component=Component.CABLES, state=state, at=AT),),
        readings=readings,
        meeting=name,
    )


def measured(judgement: Judgement, *readings: Reading) -> None:
    judgement.take(ProbeReport(probe="cables", began_at=AT, duration_s=0.1, readings=readings), AT, 60)


def told(judgement: Judgement) -> list[Finding]:
    return [found for found in judgement.standing() if found.code == "agent.changed_since_rehearsal"]


def looked(judgement: Judgement, state: RehearsedState, phase: Phase = Phase.PRECHECK, name: str = "giao-ban") -> list[Finding]:
    for seconds in (0, 5):
        state.look(AT + timedelta(seconds=seconds), outlook(phase, name))
    return told(judgement)


def test_what_is_otherwise_than_at_the_rehearsal_is_told_at_precheck_until_it_is_put_back(judgement: Judgement, tmp_path: Path) -> None:
    state = RehearsedState(judgement, tmp_path)
    state.take(checked(speed(1000)))
    measured(judgement, speed(100))
    (found,) = looked(judgement, state)
    assert found.since == AT
    words = sentence(found, "vi")
    assert words.startswith("Từ buổi kiểm duyệt đến nay đã đổi: Tốc độ cổng mạng (eth0), lúc đó 1000")
    assert "nay 100" in words
    measured(judgement, speed(1000, AT + timedelta(seconds=6)))
    assert looked(judgement, state) == []


def test_words_stand_where_a_figure_is_no_quantity() -> None:
    rehearsed = Rehearsed(meeting="m", at=AT, figures={"cables.full_duplex|eth0": 1.0})
    (found,) = changes(rehearsed, [figure("cables.full_duplex", 0, at=AT, target="eth0")], Phase.PRECHECK)
    assert "lúc đó song công, nay bán song công" in sentence(found, "vi")
    assert "then full, now half" in sentence(found, "en")


def test_the_state_outlives_a_restart_and_ends_with_the_precheck(judgement: Judgement, tmp_path: Path) -> None:
    RehearsedState(judgement, tmp_path).take(checked(speed(1000)))
    measured(judgement, speed(100))
    state = RehearsedState(judgement, tmp_path)
    assert len(looked(judgement, state)) == 1
    assert looked(judgement, state, Phase.LIVE) == []


def test_a_component_that_failed_leaves_no_state_and_keeps_a_good_one_from_before(judgement: Judgement, tmp_path: Path) -> None:
    state = RehearsedState(judgement, tmp_path)
    state.take(checked(speed(10), state=State.FAULT))
    measured(judgement, speed(1000))
    assert looked(judgement, state) == []
    state.take(checked(speed(1000)))
    state.take(checked(speed(10), state=State.FAULT))
    assert looked(judgement, state) == []


@pytest.mark.parametrize(
    ("kept", "now"),
    [
        pytest.param(checked(speed(1000), name="khac"), speed(100), id="another meeting's rehearsal"),
        pytest.param(checked(speed(1000), phase=Phase.PRECHECK), speed(100), id="no rehearsal"),
        pytest.param(checked(figure("cables.carrier_changes", 1, at=AT)), figure("cables.carrier_changes", 9, at=AT), id="what varies"),
        pytest.param(checked(speed(1000)), missing("cables.port_speed_mbps", Failure.UNSUPPORTED, at=AT, target="eth0"), id="not measured"),
        pytest.param(checked(speed(1000)), figure("cables.port_speed_mbps", 100, at=AT, target="eth1"), id="another target"),
    ],
)
def test_nothing_is_told_of_what_cannot_be_compared(judgement: Judgement, tmp_path: Path, kept: CheckDone, now: Reading) -> None:
    state = RehearsedState(judgement, tmp_path)
    state.take(kept)
    measured(judgement, now)
    assert looked(judgement, state) == []


def test_a_file_that_cannot_be_read_is_no_state(judgement: Judgement, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    measured(judgement, speed(100))
    assert looked(judgement, RehearsedState(judgement, tmp_path)) == []
