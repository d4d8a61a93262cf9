"""Which journal rows go out now: what waits, oldest first, events before figures; and again what is not acknowledged.

A window bounds what is on its way, so that an event never queues behind an hour of figures in a socket's buffer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from contract import topics
from contract.topics import Kind
from edge_agent.mqtt import Connection
from edge_agent.outbox import Outbox, Place
from edge_agent.outbox_file import Row

WINDOW = {Kind.EVENT: 100, Kind.FIGURES: 50}
"""How many rows of each kind may be on their way without the center's acknowledgement."""
WINDOW_BYTES = 128 * 1024
"""How much may be on its way to the broker: more would delay what is urgent behind it."""
LOOK_S = 1.0
"""How often to look for rows that have waited too long."""
REFUSED_FACTOR = 3
"""A row that the broker refused is tried again less often."""


@dataclass
class _Sent:
    """A row on its way; `taken_at` is the monotonic instant since which the broker has it."""

    size: int
    taken_at: float | None = None
    refused: bool = False


class JournalSender:
    """What is on its way over one connection. Used by the uplink's thread, except `hurry`, which any thread may call.

    Args:
        outbox: Where the rows are.
        resend_after_s: After how long a row that the broker took and the center did not acknowledge is sent again.
    """

    def __init__(self, outbox: Outbox, resend_after_s: float) -> None:
        self._outbox = outbox
        self._resend_after_s = resend_after_s
        self._sent: dict[Place, _Sent] = {}
        self._by_number: dict[int, _Sent] = {}
        self._look_at = 0.0

    def hurry(self) -> None:
        """Look at the outbox at the next `send`."""
        self._look_at = 0.0

    def idle_s(self) -> float:
        """For how long there is nothing to look for."""
        return min(LOOK_S, max(0.0, self._look_at - time.monotonic()))

    def send(self, connection: Connection) -> None:
        """Send what is due, if it is time to look."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        rows = [row for kind, window in WINDOW.items() for row in self._outbox.pending(window, kind)]
        waiting = {Place(row.boot, row.seq) for row in rows}
        self._sent = {place: sent for place, sent in self._sent.items() if place in waiting}
        under_way = sum(sent.size for sent in self._sent.values() if sent.taken_at is None)
        for row in rows:
            if not self._is_due(row):
                continue
            if under_way and under_way + len(row.payload) > WINDOW_BYTES:
                break  # the next PUBACK calls again
            number = connection.publish(topics.site_topic(self._outbox.site, row.kind), row.payload)
            self._sent[Place(row.boot, row.seq)] = self._by_number[number] = _Sent(len(row.payload))
            under_way += len(row.payload)

    def published(self, number: int, *, refused: bool) -> None:
        """The broker has taken, or refused, what `Connection.publish` sent under this number."""
        sent = self._by_number.pop(number, None)
        if sent is not None:
            sent.taken_at = time.monotonic()
            sent.refused = refused
            self._look_at = min(self._look_at, time.monotonic() + 0.05)  # a few PUBACKs at a time are enough

    def send_again(self) -> None:
        """Send all that the broker took: the center that would have acknowledged it is another by now."""
        self._sent = {place: sent for place, sent in self._sent.items() if sent.taken_at is None}
        self.hurry()

    def forget(self) -> None:
        """The connection is gone, and with it what was on its way."""
        self._sent.clear()
        self._by_number.clear()

    def _is_due(self, row: Row) -> bool:
        sent = self._sent.get(Place(row.boot, row.seq))
        if sent is None:
            return True
        if sent.taken_at is None:
            return False  # TCP still carries it
        patience_s = self._resend_after_s * (REFUSED_FACTOR if sent.refused else 1)
        return time.monotonic() - sent.taken_at >= patience_s
