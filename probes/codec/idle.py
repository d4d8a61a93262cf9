"""A conferencing system that is on while nobody meets: how long already, remembered from look to look (R18)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from contract.catalog import finding
from contract.findings import Finding
from contract.meetings import Phase
from probes.codec.limits import CodecLimits
from probes.interface import Look
from probes.seldom import keep, recall

FILE = "codec-idle.json"
_GAP = timedelta(hours=1)
"""After so long without a look nothing is known of the time between: the count begins anew."""


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """Since when it has been on without a meeting, as far as looks saw it, and when that was seen last."""

    since: datetime
    seen_at: datetime


def on_when_idle(look: Look, limits: CodecLimits, host: str, at: datetime, *, alive: bool) -> tuple[Finding, ...]:
    """The reminder, once the system has been on for longer than it should; a meeting, or a system that is off, ends the count."""
    if not look.state_directory or limits.idle_on_h == 0:
        return ()
    path = Path(look.state_directory) / FILE
    if not alive or look.phase is not Phase.IDLE:
        path.unlink(missing_ok=True)
        return ()
    before = recall(path, Idle)
    # A clock that was set back would make the count negative.
    goes_on = before is not None and before.since <= at and timedelta() <= at - before.seen_at < _GAP
    since = before.since if before is not None and goes_on else at
    keep(path, Idle(since=since, seen_at=at))
    hours = (at - since) / timedelta(hours=1)
    if hours < limits.idle_on_h:
        return ()
    return (
        finding(
            "codec.on_when_idle",
            look.phase,
            target=host,
            figure=round(hours, 1),
            limit=limits.idle_on_h,
            unit="h",
            since=since,
            limits_version=look.limits_version,
        ),
    )
