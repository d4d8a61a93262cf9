from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.findings import State, Verdict
from contract.meetings import Phase
from contract.messages import ComponentState, Figures, Heartbeat, Message, Payload, Presence, Rollup, Status
from contract.topics import Kind, Topic
from control_center.incidents.engine import Engine
from control_center.incidents.model import Incident, SilenceSignal, Witness
from control_center.incidents.rules import Duty
from control_center.live import LinkLight, Live
from control_center.switchboard import Switchboard

T = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
KINDS: dict[type, Kind] = {
    Status: Kind.STATUS,
    ComponentState: Kind.COMPONENT,
    Heartbeat: Kind.HEARTBEAT,
    Figures: Kind.FIGURES,
}


def s(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


class Room:
    """A switchboard over one site, and what came of it."""

    def __init__(self) -> None:
        self.live = Live()
        self.changed: list[Incident] = []
        self.board = Switchboard(self.live, Engine(), self.changed.extend, started_at=T, heartbeat_grace=timedelta(seconds=10))
        self.board.know({"a": "Thị xã A"})

    def light(self) -> LinkLight:
        return self.live.sites["a"].link

    def say(self, payload: Payload, at: float, *, site: str = "a", rest: str = "") -> None:
        topic = Topic(site, KINDS[type(payload)], rest)
        self.board.message(Message(topic=topic, id="x", boot="b1", seq=1, time=s(at), payload=payload), s(at))

    def status(self, state: Presence, at: float, boot: str = "b1") -> None:
        self.say(Status(boot=boot, state=state, at=s(at)), at)

    def beat(self, at: float) -> None:
        self.say(Heartbeat(boot="b1", at=s(at)), at)

    def signal(self, kind: str, at: float, **fields: Any) -> None:
        self.board.signal(SilenceSignal(site="a", kind=kind, at=s(at), silent_since=s(at - 1), **fields))

    def meeting(self, at: float, phase: Phase = Phase.LIVE) -> None:
        self.board.duties({"a": Duty("m1", phase)}, s(at))

    def codes(self) -> list[str]:
        return [one.code for one in self.changed if one.alarmed]


@pytest.fixture
def room() -> Room:
    return Room()


def test_birth_goodbye_and_last_will_are_told_apart(room: Room) -> None:
    assert room.light() is LinkLight.UNKNOWN
    room.status(Presence.READY, 1)
    assert room.light() is LinkLight.UP
    room.status(Presence.DISCONNECTED, 2)
    assert room.light() is LinkLight.STOPPED
    room.status(Presence.READY, 3)
    room.status(Presence.LOST, 4)
    assert room.light() is LinkLight.DOWN
    assert room.changed == []


def test_the_death_of_an_earlier_boot_does_not_touch_this_one(room: Room) -> None:
    room.status(Presence.READY, 1, boot="b2")
    room.status(Presence.LOST, 2, boot="b1")
    assert room.light() is LinkLight.UP


def test_what_liveness_says_shows_at_once_and_a_heartbeat_does_not_outshine_it(room: Room) -> None:
    room.status(Presence.READY, 0)
    room.meeting(1)
    room.signal("suspected", 5)
    assert room.light() is LinkLight.SUSPECT
    room.signal("confirmed", 5.5, witness=Witness.SILENT)
    assert room.light() is LinkLight.DOWN
    room.beat(6)
    assert room.light() is LinkLight.DOWN
    assert room.live.sites["a"].heard_at == s(6)
    room.signal("returned", 9, returned_at=s(9))
    assert room.light() is LinkLight.UP
    assert [one.state for one in room.changed] == ["suspected", "open", "closed"]


def test_a_witness_that_answers_shows_a_stale_agent(room: Room) -> None:
    room.meeting(1)
    room.signal("suspected", 5)
    room.signal("confirmed", 5.5, witness=Witness.ANSWERED)
    assert room.light() is LinkLight.STALE
    assert room.codes() == ["agent.stale"]


@pytest.mark.parametrize(("path_up", "light", "code"), [(True, LinkLight.STALE, "agent.stale"), (False, LinkLight.DOWN, "link.down")])
def test_missing_heartbeats_in_a_meeting_are_judged_after_the_grace(room: Room, path_up: bool, light: LinkLight, code: str) -> None:
    room.meeting(0)
    room.beat(1)
    room.board.watched({"a": s(11)} if path_up else {})
    room.board.tick(s(10.9))
    assert room.codes() == []
    room.board.tick(s(11.1))
    room.board.tick(s(12))
    assert (room.light(), room.codes()) == (light, [code])
    room.beat(13)
    assert room.light() is LinkLight.UP
    assert room.changed[-1].ended_at == s(13)


@pytest.mark.req("R18")
def test_outside_meetings_silence_is_only_shown(room: Room) -> None:
    room.beat(0)
    room.board.tick(s(301))
    assert room.light() is LinkLight.STALE
    assert room.changed == []


def test_a_site_that_is_not_switched_on_has_until_some_minutes_into_the_precheck_but_not_into_the_meeting(room: Room) -> None:
    room.meeting(0, Phase.PRECHECK)
    room.board.tick(s(299))
    assert room.codes() == []
    room.board.tick(s(301))
    assert room.codes() == ["link.down"]
    other = Room()
    other.meeting(0)
    other.board.tick(s(10.1))
    assert other.codes() == ["link.down"]


def test_a_retained_state_is_shown_and_is_no_sign_of_life(room: Room) -> None:
    state = ComponentState(verdict=Verdict(component="camera", state=State.OK, at=s(-100)))
    room.say(state, 1, rest="camera")
    assert room.live.sites["a"].components == {"camera": state}
    assert (room.light(), room.live.sites["a"].heard_at) == (LinkLight.UNKNOWN, None)


def test_the_latest_figures_are_kept_by_metric_and_target(room: Room) -> None:
    rollups = (Rollup(metric="link.rtt_ms", unit="ms", count=3, target="mcu"), Rollup(metric="host.cpu", unit="%", count=1))
    room.say(Figures(begins_at=s(0), ends_at=s(60), rollups=rollups), 61)
    assert set(room.live.sites["a"].latest) == {"link.rtt_ms/mcu", "host.cpu"}


def test_a_site_that_is_not_registered_is_not_shown(room: Room) -> None:
    room.say(Heartbeat(boot="b", at=T), 1, site="stranger")
    assert set(room.live.sites) == {"a"}


def test_a_site_that_is_renamed_keeps_its_state(room: Room) -> None:
    room.beat(1)
    room.board.know({"a": "Thị xã A mới", "b": "B"})
    assert (room.live.sites["a"].name, room.light()) == ("Thị xã A mới", LinkLight.UP)
    assert room.live.sites["b"].link is LinkLight.UNKNOWN
