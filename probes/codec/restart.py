"""A conferencing system that was restarted while people meet, told by its own uptime (SNMP), remembered from look to look."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from contract.catalog import finding
from contract.findings import Finding
from contract.meetings import Phase
from probes.interface import Look
from probes.seldom import keep, recall

FILE = "codec-uptime.json"
_MEETING = frozenset({Phase.PRECHECK, Phase.LIVE})
_TOLD_FOR = timedelta(minutes=5)
"""So long it is told: the restart is over, what it means for the call is not."""
_SLACK_S = 5.0


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """What a system said last.

    Attributes:
        host: Which system.
        uptime_s: Its own word.
        seen_at: When it said so, UTC.
        restarted_at: Of the last restart that was seen in a meeting; None if none was.
    """

    host: str
    uptime_s: float
    seen_at: datetime
    restarted_at: datetime | None = None


def restarted(look: Look, host: str, uptime_s: float | None, at: datetime) -> tuple[Finding, ...]:
    """The finding, for some minutes after the uptime began anew.

    A system that was on before a look and says a shorter uptime than before has been restarted. One that was first seen in this meeting
    has only been switched on late: nothing is told of it.
    """
    if not look.state_directory or uptime_s is None:
        return ()
    path = Path(look.state_directory) / FILE
    before = recall(path, Uptime)
    if before is not None and before.host != host:
        before = None
    restarted_at = None if before is None else before.restarted_at
    if before is not None and look.phase in _MEETING and uptime_s < before.uptime_s - _SLACK_S:
        restarted_at = at - timedelta(seconds=uptime_s)
    keep(path, Uptime(host=host, uptime_s=uptime_s, seen_at=at, restarted_at=restarted_at))
    if restarted_at is None or look.phase not in _MEETING or not timedelta() <= at - restarted_at < _TOLD_FOR:
        return ()
    return (
        finding(
            "codec.restarted",
            look.phase,
            target=host,
            figure=round(uptime_s),
            unit="s",
            since=restarted_at,
            limits_version=look.limits_version,
        ),
    )
