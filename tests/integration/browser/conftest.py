"""A real Chromium before a real server, whose live state the test tells."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine

from contract.findings import Finding, Severity, State, Verdict
from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from contract.messages import ComponentState
from control_center.board.app import create_app
from control_center.board.server import BoardServer, make_server
from control_center.incidents.model import Incident, IncidentState
from control_center.live import LinkLight, Live, SiteLive
from control_center.store.base import Base
from control_center.store.database import open_store

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
PATIENCE_MS = 30_000
SITES = (("so-tttt", "Sở Thông tin và Truyền thông"), ("hoai-nhon", "Thị xã Hoài Nhơn"), ("an-lao", "Huyện An Lão"))
_LISTEN = """
window.tones = 0;
const make = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () { window.tones += 1; return make.call(this); };
"""


class Hall:
    """A board that is served, and what is told to it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.live = Live(SITES)
        for site in self.live.sites.values():
            site.link, site.heard_at = LinkLight.UP, self.now()
            site.components = {name: self.component(name) for name in ("link", "camera", "microphone", "codec", "cables")}
        self.port = 0
        self.ahead = timedelta()
        """How far the board's clock is ahead: a meeting need not be waited for."""
        self._loop: asyncio.AbstractEventLoop
        self._server: BoardServer
        self._thread: threading.Thread | None = None

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Serve, on the same port as before if there was one."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(30)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = make_server(create_app(self.live, self.engine, clock=lambda: self.now() + self.ahead), port=self.port)
        serving = asyncio.create_task(self._server.serve())
        await self._server.listening.wait()
        self.port = self._server.port
        ready.set()
        await serving

    def close(self) -> None:
        """Stop serving; open pages must not hold it up."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(30)
            assert not self._thread.is_alive()
            self._thread = None

    def tell(self, change: Callable[[], None]) -> None:
        """Change the live state where it lives: in the server's loop."""
        done = threading.Event()

        def do() -> None:
            change()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(30)

    def tell_site(self, site: str, **fields: Any) -> None:
        present = self.live.sites[site]
        told = {name: getattr(present, name) for name in SiteLive.__struct_fields__} | fields
        self.tell(lambda: self.live.tell_site(SiteLive(**told)))

    def tell_incident(self, incident: Incident) -> None:
        self.tell(lambda: self.live.tell_incident(incident))

    def component(
        self, name: str, state: State = State.OK, *findings: Finding, age_s: float = 0, valid_for_s: float = 900
    ) -> ComponentState:
        at = self.now() - timedelta(seconds=age_s)
        return ComponentState(verdict=Verdict(component=name, state=state, at=at, findings=findings), valid_for_s=valid_for_s)

    def incident(self, site: str = "hoai-nhon", code: str = "link.down", **fields: Any) -> Incident:
        at = self.now()
        basis: dict[str, Any] = {
            "id": f"{site}-20261123T070305000-{code}",
            "site": site,
            "code": code,
            "component": code.partition(".")[0],
            "severity": Severity.CRITICAL,
            "state": IncidentState.OPEN,
            "began_at": at,
            "opened_at": at,
        }
        return Incident(**(basis | fields))

    def meet(self) -> Meeting:
        """Begin a meeting of all sites."""
        begins = self.now() - timedelta(minutes=20)
        plan = Plan(
            precheck=Window(begins_at=begins - timedelta(minutes=30), ends_at=begins),
            live=Window(begins_at=begins, ends_at=begins + timedelta(hours=2)),
            wrap_up=Window(begins_at=begins + timedelta(hours=2), ends_at=begins + timedelta(hours=3)),
        )
        roles = (Role.MAIN, Role.BRANCH, Role.BRANCH)
        parts = tuple(Participation(site=site, role=role) for (site, _), role in zip(SITES, roles, strict=True))
        meeting = Meeting(id="giao-ban-11", title="Giao ban tháng 11", organizer="Văn phòng UBND tỉnh", plan=plan, participations=parts)
        self.tell(lambda: self.live.tell_meeting(meeting, Phase.LIVE))
        return meeting

    def listeners(self) -> int:
        """How many pages hang on the live state."""
        return len(self.live._queues)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian package chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS), timeout=90_000)
        yield browser
        browser.close()


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    engine = open_store(tmp_path)
    Base.metadata.create_all(engine)
    hall = Hall(engine)
    hall.open()
    yield hall
    hall.close()
    engine.dispose()


@pytest.fixture
def open_page(browser: Browser, hall: Hall) -> Iterator[Callable[..., Page]]:
    """Opens a page; whatever it complains of, and any request to another host, fails the test."""
    complaints: list[str] = []
    contexts = []

    def forgive(text: str) -> bool:
        return (
            "ERR_CONNECTION_REFUSED" in text
            or "ERR_INCOMPLETE_CHUNKED" in text
            or "ERR_EMPTY_RESPONSE" in text
            or "ERR_CONNECTION_RESET" in text
        )

    def open_page(address: str = "/", **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1366, "height": 768}, "locale": "vi-VN"} | options))
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(_LISTEN)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{error}"))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" and not forgive(line.text) else None)
        page.on("request", lambda request: None if request.url.startswith((hall.url, "data:")) else complaints.append(request.url))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.goto(hall.url + address, timeout=2 * PATIENCE_MS)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def wall(open_page: Callable[..., Page]) -> Page:
    """The live wall, hanging on its stream."""
    page = open_page()
    page.wait_for_selector("body[data-stream=open]")
    return page
