"""Sends notices through apprise, in a thread of its own; off unless addresses are configured."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState
from control_center.notify.notices import Notice

log = logging.getLogger(__name__)
Send = Callable[[Notice], bool]
QUEUE_LENGTH = 500


def through_apprise(urls: Sequence[str]) -> Send:
    """Sender to these addresses.

    Raises:
        ValueError: naming the position of an address that apprise does not understand (never its text: it holds secrets).
    """
    import apprise  # noqa: PLC0415 -- slow to import, and off by default

    desk = apprise.Apprise()
    for number, url in enumerate(urls, 1):
        if not desk.add(url):
            raise ValueError(f"address {number} is none that can be sent to")
    return lambda notice: bool(desk.notify(title=notice.title, body=notice.body))


class Notifier:
    """Tells once when an incident opens and once when it closes; a flapping one is not told again and again.

    Args:
        send: Sends a notice; whether it was taken.
        words: What is said of an incident. Both are called in the notifier's own thread and may wait.
        least: Less severe ones are not told.
    """

    def __init__(self, send: Send, words: Callable[[Incident], Notice], least: Severity = Severity.WARNING) -> None:
        self._send = send
        self._words = words
        self._least = least
        self._told: dict[str, IncidentState] = {}
        self._queue: queue.Queue[Incident | None] = queue.Queue(QUEUE_LENGTH)
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self.dropped = 0
        self.failed = 0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def take(self, incident: Incident) -> None:
        """Take in a changed incident; never waits."""
        if incident.maintenance and incident.id not in self._told:
            return  # planned work; what was told before it was planned is told to be over as well
        if not incident.alarmed or incident.severity.rank < self._least.rank:
            return
        before = self._told.get(incident.id)
        over = incident.state is IncidentState.CLOSED
        if (over and before is not IncidentState.OPEN) or (not over and before is not None):
            return
        self._told[incident.id] = IncidentState.CLOSED if over else IncidentState.OPEN
        try:
            self._queue.put_nowait(incident)
        except queue.Full:
            self.dropped += 1

    def stop(self, timeout_s: float = 5.0) -> None:
        """Send what is queued, for a while, and end."""
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (incident := self._queue.get()) is not None:
            try:
                sent = self._send(self._words(incident))
            except Exception:
                sent = False
                log.exception("the notice of %s could not be sent", incident.id)
            if not sent:
                self.failed += 1
                log.warning("the notice of %s could not be sent", incident.id)
