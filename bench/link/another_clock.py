"""Gives a link watch's process another clock than the machine's: whatever tells it the time, system or kernel, is so much later."""

from __future__ import annotations

import datetime as dt
import time

from edge_agent import link_watch
from probes.link import source


def put_ahead(ahead_s: float) -> None:
    """Set this process's clock ahead, or behind by a negative amount; its monotonic clock stays."""
    ahead_ns, time_ns, stamp_of = round(ahead_s * 1e9), time.time_ns, source._stamp_of

    class Ahead(dt.datetime):
        @classmethod
        def now(cls, zone: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return dt.datetime.now(zone) + dt.timedelta(seconds=ahead_s)

    time.time_ns = lambda: time_ns() + ahead_ns
    source._stamp_of = lambda ancillary: None if (at_ns := stamp_of(ancillary)) is None else at_ns + ahead_ns
    link_watch.datetime = Ahead  # type: ignore[attr-defined]
