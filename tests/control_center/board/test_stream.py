"""What a page is told: the whole first, then only what changed, and a sign of life in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from contract.meetings import Meeting, Phase
from control_center.board import stream
from control_center.board.archive import Archive
from control_center.board.desk import Desk
from control_center.board.painter import Painter
from control_center.incidents.model import Incident, IncidentState
from control_center.live import LinkLight, Live, SiteLive


@pytest.fixture
def desk(live: Live, engine: Engine, now: datetime) -> Desk:
    return Desk(live, Archive(engine), Painter(), lambda: now)


def _heard(desk: Desk, *steps: Callable[[], None], page: str = "") -> list[dict[str, Any]]:
    """What a page hears: once on opening, and once after each step."""

    async def hear() -> list[dict[str, Any]]:
        closing = asyncio.Event()
        events: AsyncIterator[bytes] = stream.site(desk, page, closing) if page else stream.wall(desk, closing)
        assert await anext(events) == b"retry: 1000\n\n"
        heard = [_read(await anext(events))]
        for step in steps:
            step()
            heard.append(_read(await anext(events)))
        closing.set()
        await anext(events, None)
        assert await anext(events, None) is None
        assert not desk.live._queues
        return heard

    return asyncio.run(hear())


def _read(event: bytes) -> dict[str, Any]:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    read: dict[str, Any] = msgspec.json.decode(event[6:])
    return read


def test_first_comes_the_whole_page_then_what_changed(desk: Desk, site_with: Callable[..., SiteLive]) -> None:
    whole, patch = _heard(desk, lambda: desk.live.tell_site(site_with(link=LinkLight.DOWN)))
    assert list(whole["whole"]) == ["board"]
    assert set(patch) == {"now", "tiles"}
    assert len(patch["tiles"]) == 1
    assert "MẤT KẾT NỐI" in patch["tiles"][0]


def test_sign_of_life_comes_when_nothing_changes(desk: Desk) -> None:
    assert _heard(desk, lambda: None)[1] == {"now": "2026-11-23T07:03:05Z"}


def test_incident_comes_with_its_tile_and_goes_with_an_empty_card(desk: Desk, incident: Callable[..., Incident]) -> None:
    one = incident()
    opened, closed = _heard(
        desk,
        lambda: desk.live.tell_incident(one),
        lambda: desk.live.tell_incident(msgspec.structs.replace(one, state=IncidentState.CLOSED, ended_at=one.began_at)),
    )[1:]
    assert 'data-state="open"' in opened["alerts"][one.id]
    assert 'data-tone="bad"' in opened["tiles"][0]
    assert closed["alerts"] == {one.id: ""}
    assert 'data-tone="bad"' not in closed["tiles"][0]


def test_many_changes_of_a_site_are_told_once_as_they_are_now(desk: Desk, site_with: Callable[..., SiteLive]) -> None:
    def storm() -> None:
        for number in range(500):
            desk.live.tell_site(site_with(name=f"lần {number}"))

    patch = _heard(desk, storm)[1]
    assert len(patch["tiles"]) == 1
    assert "lần 499" in patch["tiles"][0]


def test_page_that_was_too_slow_gets_the_whole_again(desk: Desk, site_with: Callable[..., SiteLive]) -> None:
    def flood() -> None:
        for number in range(1500):
            desk.live.tell_site(site_with(name=f"lần {number}"))

    assert "lần 1499" in _heard(desk, flood)[1]["whole"]["board"]


def test_another_phase_tells_the_whole_and_hides_who_takes_no_part(
    desk: Desk, meeting: Meeting, site_with: Callable[..., SiteLive]
) -> None:
    _, whole, patch = _heard(
        desk,
        lambda: desk.live.tell_meeting(meeting, Phase.LIVE),
        lambda: desk.live.tell_site(site_with(site="an-lao", name="Huyện An Lão")),
    )
    assert "site-an-lao" not in whole["whole"]["board"]
    assert set(patch) == {"now"}


def test_alarm_of_a_site_outside_the_meeting_is_shown_all_the_same(desk: Desk, meeting: Meeting, incident: Callable[..., Incident]) -> None:
    desk.live.tell_meeting(meeting, Phase.LIVE)
    patch = _heard(desk, lambda: desk.live.tell_incident(incident("an-lao")))[1]
    assert "tiles" not in patch
    assert len(patch["alerts"]) == 1


def test_page_of_a_site_hears_only_of_that_site(desk: Desk, site_with: Callable[..., SiteLive], incident: Callable[..., Incident]) -> None:
    whole, other, own = _heard(
        desk,
        lambda: desk.live.tell_site(site_with(site="an-lao", name="Huyện An Lão")),
        lambda: desk.live.tell_incident(incident()),
        page="hoai-nhon",
    )
    assert list(whole["whole"]) == ["site-live"]
    assert "whole" not in other
    assert incident().id in own["whole"]["site-live"]
