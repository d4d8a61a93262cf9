"""Pure: meetings and an instant → phase, and how often each probe looks. Knows no clock and no device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from contract.meetings import Meeting, Phase, current

FILE = "agenda.json"
"""The agenda that came last, in the state directory."""
Periods = Mapping[Phase, Mapping[str, float]]
"""Seconds between two rounds, per phase and probe."""

DEFAULT_PERIODS_S: Periods = MappingProxyType(
    {
        # Nobody meets: rare looks; the camera and the microphone are left to the room.
        Phase.IDLE: {"camera": 600, "microphone": 900, "link": 60, "codec": 60, "cables": 60, "host": 60},
        # The rehearsal tunes the room: what is changed is seen while one stands there.
        Phase.REHEARSAL: {"camera": 15, "microphone": 60, "link": 15, "codec": 30, "cables": 15, "host": 60},
        Phase.PRECHECK: {"camera": 30, "microphone": 60, "link": 15, "codec": 30, "cables": 15, "host": 60},
        # Link and microphone have watches of their own that never pause; these are the looks beside them.
        Phase.LIVE: {"camera": 10, "microphone": 60, "link": 15, "codec": 30, "cables": 10, "host": 30},
        Phase.WRAP_UP: {"camera": 60, "microphone": 120, "link": 30, "codec": 60, "cables": 60, "host": 60},
    }
)
CHECKED_PHASES = frozenset({Phase.REHEARSAL, Phase.PRECHECK, Phase.WRAP_UP})
"""Phases whose begin asks for a check of the whole site, with proof that it ran (R25, R32, R37)."""
WATCHED_PHASES = frozenset({Phase.REHEARSAL, Phase.LIVE})
"""Phases in which the microphone is listened to without a pause."""
FALLBACK_PERIOD_S = 60.0
"""Of a probe that the table above does not know yet."""


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What the agenda says at one instant.

    Attributes:
        phase: The phase that weighs most now.
        meeting: Its meeting; None when idle.
        changes_at: Next instant at which the phase may change; None when nothing is planned.
        check: Key of the check that this phase asks for, once; empty when it asks for none.
    """

    phase: Phase
    meeting: Meeting | None
    changes_at: datetime | None
    check: str

    @property
    def meeting_id(self) -> str:
        """The meeting's id, empty when there is none."""
        return self.meeting.id if self.meeting is not None else ""


def outlook(meetings: Iterable[Meeting], now: datetime) -> Outlook:
    """What holds at `now`, and until when."""
    kept = tuple(meetings)
    phase, meeting = current(kept, now)
    edges = [edge for each in kept for edge in each.plan.boundaries() if edge > now]
    check = f"{meeting.id}/{phase}" if meeting is not None and phase in CHECKED_PHASES else ""
    return Outlook(phase=phase, meeting=meeting, changes_at=min(edges, default=None), check=check)


def period_s(periods: Periods, phase: Phase, probe: str) -> float:
    """Seconds between two rounds of `probe` in `phase`."""
    return float(periods.get(phase, {}).get(probe, FALLBACK_PERIOD_S))
