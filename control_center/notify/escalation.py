"""An alarm that nobody has seen is told to others: after so long without an acknowledgement (R54)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState

TICK_S = 1.0


def unseen(incident: Incident, now: datetime, after: timedelta) -> bool:
    """Whether a critical alarm has waited so long for somebody. Pure."""
    return (
        incident.state is IncidentState.OPEN
        and incident.severity is Severity.CRITICAL
        and incident.alarmed
        and not incident.maintenance
        and incident.opened_at is not None
        and now - incident.opened_at >= after
    )


class Escalation:
    """Tells each unseen alarm once, and that it is over if it was told.

    Args:
        lasting: The incidents that last.
        tell: Takes in an incident, and tells it once when it is open and once when it is closed; `Notifier.take`.
        clock: The center's time, UTC.
        after: How long somebody may take to acknowledge.
    """

    def __init__(
        self, lasting: Callable[[], Iterable[Incident]], tell: Callable[[Incident], None], clock: Callable[[], datetime], after: timedelta
    ) -> None:
        self._lasting, self._tell, self._clock, self._after = lasting, tell, clock, after

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            await asyncio.sleep(TICK_S)

    def look(self) -> None:
        """Tell what nobody has seen for too long."""
        now = self._clock()
        for incident in self._lasting():
            if unseen(incident, now, self._after):
                self._tell(incident)

    def note(self, incident: Incident) -> None:
        """Take in a changed incident: the end of one that was told is told too."""
        if incident.state is IncidentState.CLOSED:
            self._tell(incident)
