"""What the link watch says becomes onset, end and interruption with their true times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.catalog import figure, finding, missing
from contract.findings import Finding, State
from contract.messages import Cleared, Interruption, Onset, ProbeReport
from contract.readings import Failure
from edge_agent import link_state
from edge_agent.judgement import Judgement
from edge_agent.link_state import LinkState
from edge_agent.link_watch import Confirmed, EndLight, Light, Returned, Suspected
from probes.link.limits import LinkLimits, LinkSettings

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Watch:
    """Link watch that says nothing by itself."""

    lights: tuple[EndLight, ...] = ()

    def __init__(self, *_: Any) -> None: ...

    def start(self) -> None: ...

    def light(self) -> tuple[EndLight, ...]:
        return self.lights


class Ear:
    """Journal and teller that remember."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def append(self, _kind: Any, payload: Any, _time: datetime) -> int:
        self.events.append(payload)
        return 0

    def publish_state(self, *_: Any) -> None: ...

    def heartbeat(self, _: Any) -> None: ...


Rig = tuple[LinkState, Judgement, Ear, list[int]]


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(link_state, "LinkWatch", Watch)
    ear, looks = Ear(), list[int]()
    judgement = Judgement(ear, ear, tmp_path, T0)

    def straight(take: Callable[[Any], None]) -> Callable[[Any], None]:
        return take

    state = LinkState(judgement, LinkSettings(targets=("center=127.0.0.1",)), LinkLimits(), straight, lambda: looks.append(1))
    state.start()
    return state, judgement, ear, looks


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def outage(code: str, since: datetime = T0) -> Finding:
    return finding(code, figure=1.2, limit=1.2, unit="s", since=since)


def confirmed(*codes: str, since: datetime = T0) -> Confirmed:
    return Confirmed(targets=("center",), since=since, answered=(), findings=tuple(outage(code, since) for code in codes), place="tslcd")


def returned(*codes: str, since: datetime = T0, lasted_s: float = 4.0) -> Returned:
    ended = since + timedelta(seconds=lasted_s)
    said = Interruption(began_at=since, ended_at=ended, duration_s=lasted_s, targets=("center",), confirmed=bool(codes))
    return Returned(targets=("center",), interruption=said, findings=tuple(outage(code, since) for code in codes))


@pytest.mark.req("R36")
def test_an_outage_is_told_with_its_true_begin_and_end(rig: Rig) -> None:
    state, judgement, ear, looks = rig
    state.take(Suspected(targets=("center",), since=T0, answered=()))
    assert ear.events == []
    state.take(confirmed("link.down"))
    assert judgement.verdict("link", at(2)).findings[0].code == "link.down"
    state.take(returned("link.down"))
    onset, cleared, interruption = ear.events
    assert isinstance(onset, Onset)
    assert onset.finding.since == T0
    assert isinstance(cleared, Cleared)
    assert (cleared.began_at, cleared.ended_at) == (T0, at(4))
    assert isinstance(interruption, Interruption)
    assert (interruption.duration_s, interruption.confirmed) == (4.0, True)
    assert looks == [1], "the verdict is renewed at once"


def test_what_returned_before_it_was_confirmed_is_a_figure_and_no_alarm(rig: Rig) -> None:
    state, _, ear, _ = rig
    state.take(returned(lasted_s=0.6))
    (interruption,) = ear.events
    assert isinstance(interruption, Interruption)
    assert not interruption.confirmed


def test_when_further_ends_join_the_outage_is_told_anew(rig: Rig) -> None:
    state, judgement, ear, _ = rig
    state.take(confirmed("link.center_unreachable"))
    state.take(confirmed("link.down"))
    assert [found.code for found in judgement.standing()] == ["link.down"]
    assert [type(event) for event in ear.events] == [Onset, Cleared, Onset]


def test_each_drop_of_a_flapping_link_counts_by_itself(rig: Rig) -> None:
    state, judgement, ear, _ = rig
    for drop in range(6):
        since = at(10 * drop)
        state.take(confirmed("link.down", since=since))
        state.take(returned("link.down", since=since))
    ends = [event.ended_at for event in ear.events if isinstance(event, Cleared)]
    assert ends == [at(10 * drop + 4) for drop in range(6)]
    assert judgement.standing() == ()


def test_the_rounds_leave_drops_to_the_watch_and_keep_the_rest(rig: Rig) -> None:
    state, _, _, _ = rig
    report = ProbeReport(probe="link", began_at=T0, duration_s=1, findings=(outage("link.down"), finding("link.loss", figure=2.0)))
    assert [found.code for found in state.rounds_say(report).findings] == ["link.loss"]


def test_after_the_return_the_watchs_figures_say_that_the_link_is_well(rig: Rig) -> None:
    state, judgement, _, _ = rig
    judgement.put("link", "link", [missing("link.loss_percent", Failure.TIMEOUT, at=at(3), target="center")], 60)
    assert judgement.verdict("link", at(3)).state is State.UNKNOWN
    Watch.lights = (EndLight(name="center", light=Light.UP, answered_at=at(5), rtt_ms=1.5, loss_percent=0.0),)
    state.tell_figures(at(5))
    assert judgement.verdict("link", at(5)).state is State.OK
    assert figure("link.rtt_ms", 1.5, at=at(5), target="center") in judgement.readings("link")


def test_what_a_run_before_left_open_is_ended_by_the_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    rig[0].take(confirmed("link.down"))
    ear = Ear()
    judgement = Judgement(ear, ear, tmp_path, at(60))
    again = LinkState(judgement, LinkSettings(targets=("center=127.0.0.1",)), LinkLimits(), lambda take: take, lambda: None)
    again.start()
    well = ProbeReport(
        probe="link", began_at=at(61), duration_s=1, readings=(figure("link.loss_percent", 0.0, at=at(61), target="center"),)
    )
    for second in (61, 62):
        judgement.take(again.rounds_say(well), at(second), 60)
    (cleared,) = ear.events
    assert (cleared.began_at, cleared.ended_at) == (T0, at(61))
