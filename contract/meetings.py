"""A meeting, the part each site has in it, and its phases as absolute instants."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec


class Phase(StrEnum):
    """What a site is doing for a meeting at a given instant."""

    IDLE = "idle"
    REHEARSAL = "rehearsal"
    PRECHECK = "precheck"
    LIVE = "live"
    WRAP_UP = "wrap_up"

    @property
    def rank(self) -> int:
        """How much a phase weighs when two meetings overlap in time: live above all, idle last."""
        return _WEIGHT.index(self)


_WEIGHT = (Phase.IDLE, Phase.REHEARSAL, Phase.WRAP_UP, Phase.PRECHECK, Phase.LIVE)


class Role(StrEnum):
    """Role of a site in one meeting, never of a site as such (R1)."""

    MAIN = "main"
    BRANCH = "branch"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Half-open span [begins_at, ends_at) of UTC instants."""

    begins_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.ends_at <= self.begins_at:
            raise ValueError(f"window ends ({self.ends_at}) before it begins ({self.begins_at})")

    def __contains__(self, instant: object) -> bool:
        return isinstance(instant, datetime) and self.begins_at <= instant < self.ends_at


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When each phase begins and ends; the center works it out, nobody scales a clock.

    The rehearsal is missing in an emergency meeting, whose plan of checks is compressed (R21).
    """

    live: Window
    wrap_up: Window
    precheck: Window
    rehearsal: Window | None = None

    def phase_at(self, instant: datetime) -> Phase:
        """Phase of the meeting at `instant`; later phases win where windows touch or overlap."""
        spans = ((Phase.LIVE, self.live), (Phase.WRAP_UP, self.wrap_up), (Phase.PRECHECK, self.precheck), (Phase.REHEARSAL, self.rehearsal))
        for phase, window in spans:
            if window is not None and instant in window:
                return phase
        return Phase.IDLE

    def boundaries(self) -> list[datetime]:
        """All instants at which the phase may change, in order."""
        windows = [window for window in (self.rehearsal, self.precheck, self.live, self.wrap_up) if window is not None]
        return sorted({edge for window in windows for edge in (window.begins_at, window.ends_at)})


class Participation(msgspec.Struct, frozen=True, kw_only=True):
    """One site's part in a meeting."""

    site: str
    role: Role


class Meeting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting as the sites need to know it; the register of the center holds the rest of Phụ lục I."""

    id: str
    title: str
    organizer: str
    plan: Plan
    participations: tuple[Participation, ...]
    emergency: bool = False

    def role_of(self, site: str) -> Role | None:
        """Role of `site` in this meeting, None if it takes no part."""
        return next((part.role for part in self.participations if part.site == site), None)


def current(meetings: Iterable[Meeting], instant: datetime) -> tuple[Phase, Meeting | None]:
    """The phase that weighs most at `instant`, and its meeting; idle and None when there is none."""
    best: tuple[Phase, Meeting | None] = (Phase.IDLE, None)
    for meeting in meetings:
        phase = meeting.plan.phase_at(instant)
        if phase.rank > best[0].rank:
            best = (phase, meeting)
    return best
