"""Who is doing what at an instant, drawn from the registered meetings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from contract.meetings import Meeting, Phase, current
from contract.messages import Agenda
from control_center.incidents.rules import Duty

KEPT_AFTER = timedelta(minutes=5)
"""A meeting stays on a site's agenda for this long after its last phase: clocks differ."""


def end_of(meeting: Meeting) -> datetime:
    """When the last phase of a meeting is over."""
    return meeting.plan.boundaries()[-1]


def duties(meetings: Iterable[Meeting], instant: datetime) -> dict[str, Duty]:
    """Phase and meeting of every site that is not idle; of two meetings the one that weighs more."""
    by_site: dict[str, list[Meeting]] = {}
    for meeting in meetings:
        if meeting.plan.phase_at(instant) is not Phase.IDLE:
            for part in meeting.participations:
                by_site.setdefault(part.site, []).append(meeting)
    found = {}
    for site, theirs in by_site.items():
        phase, meeting_now = current(theirs, instant)
        if meeting_now is not None:
            found[site] = Duty(meeting_now.id, phase)
    return found


def on_board(meetings: Sequence[Meeting], instant: datetime, next_within: timedelta = timedelta(hours=12)) -> tuple[Phase, Meeting | None]:
    """The meeting that the board is about: the one that weighs most now, else the next one that is near."""
    phase, meeting = current(meetings, instant)
    if meeting is not None:
        return phase, meeting
    coming = [one for one in meetings if instant < one.plan.live.begins_at <= instant + next_within]
    return Phase.IDLE, min(coming, key=lambda one: one.plan.live.begins_at, default=None)


def agenda_of(site: str, meetings: Iterable[Meeting], instant: datetime) -> Agenda:
    """What a site needs to know from now on."""
    concerned = (one for one in meetings if one.role_of(site) is not None and end_of(one) + KEPT_AFTER > instant)
    return Agenda(issued_at=instant, meetings=tuple(sorted(concerned, key=lambda one: (one.plan.live.begins_at, one.id))))


def over(meetings: Iterable[Meeting], instant: datetime, within: timedelta) -> list[Meeting]:
    """Meetings whose last phase ended not longer than `within` ago; their form is due."""
    return [one for one in meetings if instant - within <= end_of(one) <= instant]
