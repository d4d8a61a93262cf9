"""Devices off first, then the mains (regulation, 12.1): a cut of the mains while the conferencing system was still on is noted (R17)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from contract.catalog import finding
from contract.findings import Component
from contract.meetings import Phase
from contract.messages import Lifecycle
from contract.readings import Reading
from edge_agent.judgement import Judgement
from edge_agent.status import AgentStatus

SOURCE = "off_order"
_AFTER = frozenset({Phase.WRAP_UP, Phase.IDLE})
"""Phases in which rooms are switched off; a cut in a meeting is the power company's."""
_FRESH = timedelta(minutes=5)
"""So recent must be what was last seen of the system before the cut."""
_TOLD_FOR = timedelta(minutes=30)


class OffOrder:
    """Notes a wrong order, seen by a UPS as it happens or by the agent when it is back.

    Args:
        judgement: Hears it.
    """

    def __init__(self, judgement: Judgement) -> None:
        self._judgement = judgement
        self._since: datetime | None = None
        self._until: datetime | None = None

    def begin(self, life: Lifecycle, before: AgentStatus | None) -> None:
        """Read how the run before ended: in a power cut, with the system still on?

        Args:
            life: Why the agent has started.
            before: What it said last; None if nothing was kept.
        """
        if life.cause != "power_lost" or before is None or before.phase not in _AFTER:
            return
        last_seen_at = life.last_seen_at or before.at
        readings = [reading for component in before.components for reading in component.readings]
        if _on(readings, last_seen_at):
            self._since, self._until = last_seen_at, life.at + _TOLD_FOR

    def look(self, now: datetime, phase: Phase) -> None:
        """Look once; it takes no time."""
        power, codec = (self._judgement.readings(component) for component in (Component.CABLES, Component.CODEC))
        cut = any(reading.metric == "cables.mains" and reading.value == 0 for reading in power)
        if phase in _AFTER and cut and _on(codec, now):
            self._since, self._until = self._since or now, now + _TOLD_FOR
        if self._until is None:
            return
        if now >= self._until:
            self._since = self._until = None
        found = [] if self._since is None else [finding("agent.power_before_devices", phase, since=self._since)]
        self._judgement.watched(Component.AGENT, SOURCE, found, now)


def _on(readings: Iterable[Reading], at: datetime) -> bool:
    """Whether the system was on, by a look that is fresh."""
    return any(reading.metric == "codec.alive" and reading.value == 1 and abs(at - reading.at) < _FRESH for reading in readings)
