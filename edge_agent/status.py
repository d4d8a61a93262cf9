"""What the daemon says of itself in ``status.json``, for `edge-agent status` and the local page."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contract.meetings import Phase
from contract.messages import ComponentState

FILE = "status.json"
SILENT_AFTER_S = 60.0
"""A daemon that has said nothing for so long does not run any more, or hangs."""


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One moment of the daemon.

    Attributes:
        uplink: How the center is reached: ``primary``, ``standby``, ``none`` or empty without a center.
        uplink_error: Why there is no connection, or empty.
        outbox_error: Why the disk refuses, or empty.
        page: Address of the local page, empty without one.
        checked_at: When the last check of the whole site ended.
    """

    site: str
    name: str
    at: datetime
    started_at: datetime
    pid: int
    version: str
    phase: Phase
    meeting: str = ""
    meeting_title: str = ""
    next_change_at: datetime | None = None
    uplink: str = ""
    uplink_error: str = ""
    outbox_rows: int = 0
    outbox_error: str = ""
    limits_version: str = ""
    slow_rounds: int = 0
    page: str = ""
    checked_at: datetime | None = None
    components: tuple[ComponentState, ...] = ()

    def speaks(self, now: datetime) -> bool:
        """Whether the daemon runs, as far as can be told at `now`."""
        return self.pid != 0 and (now - self.at).total_seconds() <= SILENT_AFTER_S
