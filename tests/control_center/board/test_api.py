"""The programs' addresses: they answer what their description promises, and no input of anybody breaks them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import hypothesis
import pytest
import schemathesis
from sqlalchemy import Engine
from starlette.applications import Starlette

from contract.meetings import Meeting
from control_center.board.app import create_app
from control_center.board.door import COOKIE
from control_center.incidents.model import Incident
from control_center.live import Live
from control_center.store import accounts, registry
from control_center.store import incidents as incident_store
from control_center.store.accounts import Account, Role
from control_center.store.registry import MeetingRecord, MeetingSite, Site
from tests.control_center.board.test_entering import PASSWORD, Browser


@pytest.fixture
def filled(engine: Engine, meeting: Meeting, incident: Any, now: Any) -> Incident:
    registry.save_sites(engine, [Site(id="so-tttt", name="Sở", ssid=1), Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=2)])
    parts = tuple(MeetingSite(site=part.site, role=part.role) for part in meeting.participations)
    registry.save_meeting(
        engine,
        MeetingRecord(id=meeting.id, title=meeting.title, organizer=meeting.organizer, plan=meeting.plan, sites=parts, registered_at=now),
    )
    lost: Incident = incident(code="link.down", began_at=now - timedelta(days=2), ended_at=now - timedelta(days=2))
    incident_store.save(engine, [lost], now)
    return lost


def test_what_the_board_shows_is_told_to_programs(client: Any, filled: Incident, live: Live, component: Any) -> None:
    live.sites["hoai-nhon"].components = {"camera": component("camera")}
    sites = {one["site"]: one for one in client.get("/api/sites").json()}
    assert sites["hoai-nhon"] == {"site": "hoai-nhon", "name": "Thị xã Hoài Nhơn", "link": "up", "components": {"camera": "ok"}}
    assert [one["id"] for one in client.get("/api/incidents").json()] == [filled.id]
    assert client.get("/api/incidents?days=1").json() == []
    assert client.get(f"/api/incidents/{filled.id}").json()["code"] == "link.down"
    (held,) = client.get("/api/meetings").json()
    assert held["title"] == "Giao ban công tác tháng 11"
    form = client.get(f"/api/meetings/{held['id']}/form").json()
    assert (form["state"], len(form["document"]["branches"])) == ("draft", 1)


@pytest.mark.parametrize("days", ["0", "367", "-1", "x", "٣", "99999999999999999999", ""])
def test_a_wrong_parameter_is_a_bad_request(client: Any, days: str) -> None:
    assert client.get(f"/api/incidents?days={days}").status_code == 400


def test_without_a_session_programs_learn_nothing(app: Starlette, engine: Engine, now: Any, filled: Incident) -> None:
    accounts.add(engine, Account(name="xem", shown="Xem", role=Role.VIEWER), PASSWORD, now)
    stranger, viewer = Browser(app, "192.0.2.7"), Browser(app, "192.0.2.8")
    for path in ("/api/sites", "/api/incidents", f"/api/incidents/{filled.id}", "/api/openapi.json", "/api/site/hoai-nhon"):
        assert stranger.get(path).status_code == 401
    viewer.enter("xem")
    assert viewer.get("/api/sites").status_code == 200


@pytest.mark.usefixtures("filled")
def test_no_request_that_can_be_thought_of_breaks_the_addresses_or_their_promises(live: Live, engine: Engine, now: Any) -> None:
    accounts.add(engine, Account(name="xem", shown="Xem", role=Role.VIEWER), PASSWORD, now)
    session = {COOKIE: accounts.open_session(engine, "xem", now)}
    app = create_app(live, engine, clock=lambda: now, allowed_hosts=("*",))
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, cookies=session)
    tried: set[str] = set()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        tried.add(operation.path)

        @hypothesis.settings(max_examples=25, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.given(case=operation.as_strategy())
        def call(case: Any) -> None:
            case.call_and_validate(cookies=session)

        call()
    assert len(tried) == 7
