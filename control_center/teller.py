"""Incidents on their way to the store and to the board, in order.

A suspicion is told at once and written afterwards: it has half a second to be seen. An alarm is written, then told; a
disk that takes longer than the grace, or refuses, does not keep the alarm from the board, and is written to again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from control_center.incidents.model import Incident, IncidentState
from control_center.live import Live

log = logging.getLogger(__name__)
GRACE_S = 0.25
"""An alarm waits this long for its write."""
RETRY_S = 1.0

Write = Callable[[list[Incident], datetime], None]
Listener = Callable[[Incident], None]


class Teller:
    """One queue from the incident engine to everybody who must know."""

    def __init__(self, live: Live, write: Write, clock: Callable[[], datetime], listeners: Iterable[Listener] = ()) -> None:
        self._live = live
        self._write = write
        self._clock = clock
        self._listeners = tuple(listeners)
        self._queue: asyncio.Queue[tuple[Incident, bool] | None] = asyncio.Queue()
        self._pending: Counter[str] = Counter()
        self._unwritten: dict[str, Incident] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="incident-store")
        self.failed_writes = 0

    def take(self, changed: Iterable[Incident]) -> None:
        """Take in changed incidents; called in the loop."""
        for incident in changed:
            quiet = incident.state is IncidentState.SUSPECTED or not incident.alarmed
            at_once = quiet and not self._pending[incident.id]
            if at_once:
                self._live.tell_incident(incident)
            self._pending[incident.id] += 1
            self._queue.put_nowait((incident, not at_once))

    async def run(self) -> None:
        """Write and tell until `stop`."""
        while True:
            batch = await self._batch()
            if batch is None:
                break
            if batch or self._unwritten:
                await self._settle(batch)
        if self._unwritten:
            await self._settle([])
        await asyncio.to_thread(self._thread.shutdown)

    def stop(self) -> None:
        """End `run` after what is queued; what is still being written is waited for."""
        self._queue.put_nowait(None)

    async def _batch(self) -> list[tuple[Incident, bool]] | None:
        """What is queued now, waiting for the first; empty when it is time to write again, None at the end."""
        try:
            first = await asyncio.wait_for(self._queue.get(), RETRY_S if self._unwritten else None)
        except TimeoutError:
            return []
        if first is None:
            return None
        batch = [first]
        while not self._queue.empty():
            following = self._queue.get_nowait()
            if following is None:
                self._queue.put_nowait(None)
                break
            batch.append(following)
        return batch

    async def _settle(self, batch: list[tuple[Incident, bool]]) -> None:
        writing = asyncio.get_running_loop().run_in_executor(self._thread, self._write_all, [incident for incident, _ in batch])
        done, _ = await asyncio.wait({writing}, timeout=GRACE_S)
        if not done:
            log.warning("store is slow: %d changes of incidents told before they are written", len(batch))
        for incident, tells in batch:
            self._pending[incident.id] -= 1
            if not self._pending[incident.id]:
                del self._pending[incident.id]
            if tells:
                self._live.tell_incident(incident)
            for listener in self._listeners:
                listener(incident)

    def _write_all(self, incidents: list[Incident]) -> None:
        """Write each state in order; what failed before goes first, in its latest state only."""
        first = list(self._unwritten.values())
        try:
            self._write(first + incidents, self._clock())
            self._unwritten.clear()
        except Exception:
            self.failed_writes += 1
            if not first:
                log.exception("incidents cannot be written; tried again every %g s", RETRY_S)
            self._unwritten |= {incident.id: incident for incident in incidents}
