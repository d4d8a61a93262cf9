"""Pure rules of the board: what is worst, whom to phone, how it is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.findings import Component, Finding, Severity, State, Verdict
from contract.meetings import Meeting, Phase, Role
from contract.messages import CheckReason, ComponentState
from contract.readings import Failure
from control_center.board import alerts, views, wording
from control_center.incidents.model import Incident, IncidentState, Place
from control_center.live import LinkLight, SiteLive
from control_center.store.forms import FormState
from control_center.store.registry import ContactRole

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
WORST_FIRST = [LinkLight.DOWN, LinkLight.STALE, LinkLight.SUSPECT, LinkLight.UNKNOWN, LinkLight.STOPPED, LinkLight.UP]


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (wording.LINK, LinkLight),
        (wording.STATE, State),
        (wording.SEVERITY, Severity),
        (wording.INCIDENT, IncidentState),
        (wording.COMPONENT, Component),
        (wording.PHASE, Phase),
        (wording.ROLE, Role),
        (wording.PLACE, Place),
        (wording.FAILURE, Failure),
        (wording.REASON, CheckReason),
        (wording.FORM, FormState),
        (wording.DUTY, ContactRole),
    ],
)
def test_every_state_has_its_word(words: dict[str, object], states: type[StrEnum]) -> None:
    assert set(words) == set(states)


@pytest.mark.parametrize("words", [wording.LINK, wording.STATE, wording.SEVERITY])
def test_states_of_one_kind_differ_in_word_and_in_sign(words: dict[str, wording.Word]) -> None:
    assert len({word.text for word in words.values()}) == len(words)
    assert len({word.sign for word in words.values()}) == len(words)


def test_worse_links_stand_first(site_with: Callable[..., SiteLive]) -> None:
    tiles = [views.tile_view(site_with(link=light), (), None) for light in WORST_FIRST]
    assert [tile.sort for tile in tiles] == sorted(tile.sort for tile in tiles)
    assert tiles[0].tone == "bad"
    assert tiles[-1].tone == "ok"


def test_main_site_stands_before_branches_that_are_as_well(site_with: Callable[..., SiteLive], meeting: Meeting) -> None:
    main = views.tile_view(site_with(site="so-tttt"), (), meeting)
    branch = views.tile_view(site_with(site="hoai-nhon"), (), meeting)
    assert main.sort < branch.sort


@given(
    states=st.lists(st.sampled_from(State), max_size=4),
    more=st.sampled_from([State.WARNING, State.FAULT]),
    link=st.sampled_from([light for light in LinkLight if light is not LinkLight.STOPPED]),
)
def test_one_more_fault_never_moves_a_site_down(states: list[State], more: State, link: LinkLight) -> None:
    def rank(kept: list[State]) -> int:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        verdicts = {f"c{place}": {"component": f"c{place}", "state": state, "at": at} for place, state in enumerate(kept)}
        components = {name: msgspec.convert({"verdict": verdict}, ComponentState) for name, verdict in verdicts.items()}
        return views.tile_view(SiteLive(site="a", name="A", link=link, components=components), (), None).rank

    assert rank([*states, more]) <= rank(states)


def test_unheard_site_is_not_well(site_with: Callable[..., SiteLive]) -> None:
    tile = views.tile_view(SiteLive(site="x", name="X"), (), None)
    assert tile.tone == "none"
    assert {one.word.text for one in tile.components} == {"Chưa kiểm tra"}
    assert (tile.well, tile.fitted) == (0, 5)


@pytest.mark.parametrize(("severity", "begins"), [(Severity.INFO, "Lưu ý: Bộ xử lý"), (Severity.WARNING, "Bộ xử lý")])
def test_advisory_beside_a_sound_component_says_that_it_is_one(
    site_with: Callable[..., SiteLive], component: Callable[..., ComponentState], severity: Severity, begins: str
) -> None:
    busy = Finding(component=Component.HOST, code="host.cpu", severity=severity, figure=100, limit=95, unit="%", since=NOW)
    tile = views.tile_view(site_with(components={"host": component("host", State.OK, busy)}), (), None)
    told = next(one.found[0].sentence for one in tile.components if one.name == "host")
    assert told.startswith(begins)
    assert tile.worst == told


@pytest.mark.req("R4", "R36")
@pytest.mark.parametrize("light", [LinkLight.DOWN, LinkLight.STALE])
def test_what_a_silent_site_last_said_is_shown_as_old_at_once(site_with: Callable[..., SiteLive], light: LinkLight) -> None:
    said = {name: ComponentState(verdict=Verdict(component=name, state=State.OK, at=NOW)) for name in ("camera", "link")}
    shown = {one.name: one for one in views.components_of(site_with(components=said, link=light, link_since=NOW))}
    assert shown["camera"].valid_for_s == 0
    assert shown["camera"].word is wording.STATE[State.OK]
    assert shown["link"].word is wording.STATE[State.FAULT if light is LinkLight.DOWN else State.OK]


def test_site_that_a_meeting_names_and_nobody_registered_is_on_the_wall(meeting: Meeting) -> None:
    assert [site.site for site in views.on_wall({}, meeting)] == ["so-tttt", "hoai-nhon"]


def test_alerts_stand_open_before_acknowledged_then_worse_then_newer(incident: Callable[..., Incident]) -> None:
    later = incident().began_at + timedelta(seconds=9)
    order = [
        incident(id="1", opened_at=later),
        incident(id="2"),
        incident(id="3", severity=Severity.WARNING, opened_at=later),
        incident(id="4", state=IncidentState.ACKNOWLEDGED, opened_at=later),
    ]
    keys = [alerts.alert_order(one) for one in order]
    assert keys == sorted(keys)
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.94, "0,9 s"),
        (8, "8 s"),
        (59.7, "1 phút"),
        (75, "1 phút 15 s"),
        (3600, "1 giờ"),
        (5400, "1 giờ 30 phút"),
        (90000, "1 ngày 1 giờ"),
    ],
)
def test_durations_are_said_with_two_units(seconds: float, words: str) -> None:
    assert wording.duration(timedelta(seconds=seconds)) == words


def test_span_names_the_day_once_where_it_can() -> None:
    begin = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert wording.span(begin, begin + timedelta(hours=3)) == "08:00 – 11:00 ngày 23/11/2026"
    assert wording.span(begin, begin + timedelta(hours=20)) == "08:00 23/11/2026 – 04:00 24/11/2026"
