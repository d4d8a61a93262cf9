from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from contract.findings import Severity
from control_center import teller
from control_center.incidents.model import Incident, IncidentState
from control_center.live import Change, Live
from control_center.teller import Teller

T = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SUSPECTED = Incident(
    id="i", site="a", code="link.down", component="link", severity=Severity.CRITICAL, state=IncidentState.SUSPECTED, began_at=T
)
OPEN = msgspec.structs.replace(SUSPECTED, state=IncidentState.OPEN, opened_at=T)
CLOSED = msgspec.structs.replace(OPEN, state=IncidentState.CLOSED, ended_at=T)


class Store:
    """Records what was written; may be slow or refuse."""

    def __init__(self) -> None:
        self.written: list[IncidentState] = []
        self.refuses = False
        self.free = threading.Event()
        self.free.set()

    def write(self, incidents: list[Incident], _at: datetime) -> None:
        self.free.wait(30)
        if self.refuses:
            raise OSError("disk full")
        self.written += [incident.state for incident in incidents]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 -- what is waited for happens in another thread
            await asyncio.sleep(0.01)


async def states(queue: asyncio.Queue[Change | None], count: int) -> list[IncidentState]:
    told: list[IncidentState] = []
    while len(told) < count:
        change = await asyncio.wait_for(queue.get(), 20)
        assert change is not None
        assert change.incident is not None
        told.append(change.incident.state)
    return told


@pytest.mark.req("R36")
def test_a_suspicion_is_told_before_anything_is_written() -> None:
    async def story() -> None:
        live, store = Live(), Store()
        desk = Teller(live, store.write, lambda: T)
        desk.take([SUSPECTED])  # nobody runs the queue yet
        assert live.incidents["i"] == SUSPECTED
        assert store.written == []

    asyncio.run(story())


def test_an_alarm_is_written_and_then_told_in_order() -> None:
    async def story() -> None:
        live, store, heard = Live(), Store(), []

        def note(incident: Incident) -> None:
            heard.append((incident.state, list(store.written)))

        desk = Teller(live, store.write, lambda: T, [note])
        async with live.subscribe() as queue:
            running = asyncio.create_task(desk.run())
            desk.take([SUSPECTED])
            desk.take([OPEN])
            desk.take([CLOSED])
            assert await states(queue, 3) == [IncidentState.SUSPECTED, IncidentState.OPEN, IncidentState.CLOSED]
            desk.stop()
            await running
        assert store.written == [IncidentState.SUSPECTED, IncidentState.OPEN, IncidentState.CLOSED]
        assert all(state in written for state, written in heard)
        assert live.incidents == {}

    asyncio.run(story())


def test_a_store_that_hangs_does_not_keep_an_alarm_from_the_board() -> None:
    async def story() -> None:
        live, store = Live(), Store()
        store.free.clear()
        desk = Teller(live, store.write, lambda: T)
        async with live.subscribe() as queue:
            running = asyncio.create_task(desk.run())
            desk.take([OPEN])
            assert await states(queue, 1) == [IncidentState.OPEN]
            desk.take([CLOSED])
            assert await states(queue, 1) == [IncidentState.CLOSED]
            assert store.written == []
            store.free.set()
            desk.stop()
            await running
        assert store.written == [IncidentState.OPEN, IncidentState.CLOSED]

    asyncio.run(story())


def test_what_a_full_disk_refused_is_written_when_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "RETRY_S", 0.02)

    async def story() -> None:
        live, store = Live(), Store()
        store.refuses = True
        desk = Teller(live, store.write, lambda: T)
        async with live.subscribe() as queue:
            running = asyncio.create_task(desk.run())
            desk.take([OPEN])
            assert await states(queue, 1) == [IncidentState.OPEN]
            await until(lambda: desk.failed_writes >= 2)
            store.refuses = False
            await until(lambda: bool(store.written))
            desk.stop()
            await running
        assert store.written == [IncidentState.OPEN]

    asyncio.run(story())


def test_a_suspicion_of_an_incident_whose_closing_is_still_queued_keeps_its_place_in_the_order() -> None:
    async def story() -> None:
        live, store = Live(), Store()
        desk = Teller(live, store.write, lambda: T)
        async with live.subscribe() as queue:
            desk.take([OPEN])
            desk.take([CLOSED])
            desk.take([msgspec.structs.replace(OPEN, state=IncidentState.SUSPECTED)])
            running = asyncio.create_task(desk.run())
            assert await states(queue, 3) == [IncidentState.OPEN, IncidentState.CLOSED, IncidentState.SUSPECTED]
            desk.stop()
            await running
        assert live.incidents["i"].state is IncidentState.SUSPECTED

    asyncio.run(story())
