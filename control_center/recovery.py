"""After a restart: what the journal holds and the incident engine may not have seen yet.

A crash can fall between the commit of an event and the incident that follows from it. The engine is told the last day
again; what it knows already changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from contract.messages import Event
from control_center.store.journal import EventRow

log = logging.getLogger(__name__)
_TYPES = ("onset", "cleared", "interruption", "lifecycle")


class Told(NamedTuple):
    """One event of the journal, as it came."""

    site: str
    event: Event
    received_at: datetime
    clock_offset_ms: float | None


def journal_since(engine: Engine, since: datetime) -> Iterator[Told]:
    """Events that make or change incidents, received since an instant, in the order in which each site wrote them."""
    wanted = (EventRow.received_at >= since) & EventRow.type.in_(_TYPES)
    query = select(EventRow).where(wanted).order_by(EventRow.received_at, EventRow.site, EventRow.boot, EventRow.seq)
    with Session(engine) as session:
        for row in session.scalars(query).yield_per(500):
            try:
                event = msgspec.json.decode(row.data, type=Event)
            except (msgspec.DecodeError, ValueError):
                log.warning("event %s:%s:%s of the journal cannot be read and is left out", row.site, row.boot, row.seq)
                continue
            yield Told(row.site, event, row.received_at, row.clock_offset_ms)
