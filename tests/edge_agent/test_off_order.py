"""Devices off first, then the mains: a cut with the conferencing system still on is noted, one that is not is nobody's fault."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contract.catalog import figure
from contract.findings import Component
from contract.meetings import Phase
from contract.messages import ComponentState, Lifecycle, ProbeReport
from contract.verdicts import verdict_of
from edge_agent.judgement import Judgement
from edge_agent.off_order import OffOrder
from edge_agent.status import AgentStatus

pytestmark = pytest.mark.req("R17")

AT = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def noted(judgement: Judgement) -> list[datetime | None]:
    return [found.since for found in judgement.standing() if found.code == "agent.power_before_devices"]


def seen(judgement: Judgement, probe: str, metric: str, value: float, at: datetime = AT) -> None:
    report = ProbeReport(probe=probe, began_at=at, duration_s=0.1, readings=(figure(metric, value, at=at, target="x"),))
    judgement.take(report, at, 60)


def status(phase: Phase, alive: float, age: timedelta = MINUTE) -> AgentStatus:
    readings = (figure("codec.alive", alive, at=AT - age, target="x"),)
    codec = ComponentState(verdict=verdict_of(Component.CODEC, readings, (), AT), readings=readings)
    return AgentStatus(site="a", name="A", at=AT, started_at=AT, pid=1, version="0", phase=phase, components=(codec,))


@pytest.mark.parametrize(
    ("cause", "before", "told"),
    [
        ("power_lost", status(Phase.WRAP_UP, 1), True),
        ("power_lost", status(Phase.IDLE, 1), True),
        ("power_lost", status(Phase.WRAP_UP, 0), False),
        ("power_lost", status(Phase.WRAP_UP, 1, timedelta(hours=1)), False),
        ("power_lost", status(Phase.LIVE, 1), False),
        ("planned", status(Phase.WRAP_UP, 1), False),
        ("power_lost", None, False),
    ],
)
def test_an_agent_that_is_back_says_what_it_had_seen_last(judgement: Judgement, cause: str, before: AgentStatus | None, told: bool) -> None:
    order = OffOrder(judgement)
    order.begin(Lifecycle(what="started", at=AT + 10 * MINUTE, cause=cause, last_seen_at=AT), before)
    order.look(AT + 11 * MINUTE, Phase.IDLE)
    assert noted(judgement) == ([AT] if told else [])
    order.look(AT + 50 * MINUTE, Phase.IDLE)
    assert noted(judgement) == []


@pytest.mark.parametrize(("phase", "alive", "told"), [(Phase.WRAP_UP, 1, True), (Phase.WRAP_UP, 0, False), (Phase.LIVE, 1, False)])
def test_a_ups_sees_the_cut_as_it_happens(judgement: Judgement, phase: Phase, alive: float, told: bool) -> None:
    order = OffOrder(judgement)
    seen(judgement, "codec", "codec.alive", alive)
    order.look(AT, phase)
    assert noted(judgement) == []
    seen(judgement, "cables", "cables.mains", 0, AT + MINUTE)
    order.look(AT + MINUTE, phase)
    assert noted(judgement) == ([AT + MINUTE] if told else [])
