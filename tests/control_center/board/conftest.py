"""A live state, a store and an application over both, for tests of the board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from contract.findings import Finding, Severity, State, Verdict
from contract.meetings import Meeting, Participation, Plan, Role, Window
from contract.messages import ComponentState
from control_center.board.app import create_app
from control_center.incidents.model import Incident, IncidentState
from control_center.live import LinkLight, Live, SiteLive
from control_center.store.base import Base
from control_center.store.database import open_store

NOW = datetime(2026, 11, 23, 7, 3, 5, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_store(tmp_path)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def meeting() -> Meeting:
    begins = NOW - timedelta(minutes=20)
    plan = Plan(
        precheck=Window(begins_at=begins - timedelta(minutes=30), ends_at=begins),
        live=Window(begins_at=begins, ends_at=begins + timedelta(hours=2)),
        wrap_up=Window(begins_at=begins + timedelta(hours=2), ends_at=begins + timedelta(hours=3)),
    )
    parts = [Participation(site=site, role=role) for site, role in (("so-tttt", Role.MAIN), ("hoai-nhon", Role.BRANCH))]
    return Meeting(
        id="giao-ban-11", title="Giao ban công tác tháng 11", organizer="Văn phòng UBND tỉnh", plan=plan, participations=tuple(parts)
    )


@pytest.fixture
def live() -> Live:
    live = Live([("so-tttt", "Sở Thông tin và Truyền thông"), ("hoai-nhon", "Thị xã Hoài Nhơn"), ("an-lao", "Huyện An Lão")])
    for site in live.sites.values():
        site.link, site.heard_at = LinkLight.UP, NOW
    return live


@pytest.fixture
def component() -> Callable[..., ComponentState]:
    def build(name: str, state: State = State.OK, *findings: Finding, at: datetime = NOW, valid_for_s: float = 90.0) -> ComponentState:
        return ComponentState(verdict=Verdict(component=name, state=state, at=at, findings=findings), valid_for_s=valid_for_s)

    return build


@pytest.fixture
def incident() -> Callable[..., Incident]:
    def build(site: str = "hoai-nhon", code: str = "agent.stale", **fields: Any) -> Incident:
        basis: dict[str, Any] = {
            "id": f"{site}-20261123T070305000-{code}",
            "site": site,
            "code": code,
            "component": code.partition(".")[0],
            "severity": Severity.CRITICAL,
            "state": IncidentState.OPEN,
            "began_at": NOW,
            "opened_at": NOW,
            "figure": 30.0,
            "limit": 10.0,
            "unit": "s",
        }
        return Incident(**(basis | fields))

    return build


@pytest.fixture
def app(live: Live, engine: Engine) -> Starlette:
    return create_app(live, engine, clock=lambda: NOW)


class Client:
    """Asks the application without a network; an exception in it fails the test."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def get(self, address: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self._ask("GET", address, headers=headers))

    def post(self, address: str, *, headers: dict[str, str], **body: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", address, headers=headers, **body))

    async def _ask(self, method: str, address: str, **rest: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, address, **rest)


@pytest.fixture
def client(app: Starlette) -> Client:
    return Client(app)


@pytest.fixture
def site_with() -> Callable[..., SiteLive]:
    def build(**fields: Any) -> SiteLive:
        basis: dict[str, Any] = {"site": "hoai-nhon", "name": "Thị xã Hoài Nhơn", "link": LinkLight.UP, "heard_at": NOW}
        return SiteLive(**(basis | fields))

    return build
