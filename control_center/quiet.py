"""Keeps what is planned at the sites, and marks incidents with it: muted, but written down and shown as such (R53)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from control_center.clockwork import REMEMBERED
from control_center.incidents.model import Incident
from control_center.store import maintenance, registry
from control_center.store.maintenance import Maintenance, marked

log = logging.getLogger(__name__)
TICK_S = 1.0

Take = Callable[[Iterable[Incident]], None]


class Quiet:
    """Stands between the incident engine and the teller.

    Args:
        engine: The store.
        take: Takes in changed incidents.
        lasting: The incidents that last.
        clock: The center's time, UTC.
    """

    def __init__(self, engine: Engine, take: Take, lasting: Callable[[], Sequence[Incident]], clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._take = take
        self._lasting = lasting
        self._clock = clock
        self._revision = -1
        self._planned: list[Maintenance] = []
        self._marks: dict[str, str] = {}

    def take(self, changed: Iterable[Incident]) -> None:
        """Hand on, each with what is planned."""
        now = self._clock()
        told = [marked(incident, self._planned, now) for incident in changed]
        self._marks |= {incident.id: incident.maintenance for incident in told}
        if told:
            self._take(told)

    async def run(self) -> None:
        """Notice what is planned anew, and what outlasts the work; until cancelled."""
        trouble = False
        while True:
            try:
                await asyncio.to_thread(self.look)
                trouble = False
            except SQLAlchemyError:
                if not trouble:
                    log.exception("planned work cannot be read; what was read last holds")
                trouble = True
            self.mark_again()
            await asyncio.sleep(TICK_S)

    def look(self) -> None:
        """Read the windows if the register changed; blocking."""
        revision = registry.revision(self._engine)
        if revision != self._revision:
            self._planned = maintenance.windows(self._engine, ends_after=self._clock() - REMEMBERED)
            self._revision = revision

    def mark_again(self) -> None:
        """Tell lasting incidents again whose mark is another one now: a fault that outlasts the work alarms like any other."""
        now = self._clock()
        lasting = self._lasting()
        self._marks = {incident.id: self._marks.get(incident.id, incident.maintenance) for incident in lasting}
        other = [incident for incident in lasting if marked(incident, self._planned, now).maintenance != self._marks[incident.id]]
        if other:
            self.take(other)
