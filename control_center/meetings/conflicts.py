"""Two meetings cannot have one room at one time (R23). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from control_center.meetings.working_days import VIETNAM
from control_center.store.registry import MeetingRecord, Site


def room_of(site: Site) -> tuple[str, str]:
    """What cannot be used twice: the room of a unit where it is named, else the site itself (R50)."""
    return (site.unit, site.room) if site.unit and site.room else ("", site.id)


def conflicts(wanted: MeetingRecord, others: Iterable[MeetingRecord], sites: Mapping[str, Site]) -> list[str]:
    """Why `wanted` cannot be held, one sentence per room that is taken; empty if it can.

    Only the hours of the meetings themselves count: one may prepare while the other one ends.
    """
    rooms = {room_of(sites[part.site]): sites[part.site] for part in wanted.sites}
    live = wanted.plan.live
    reasons = []
    for other in others:
        theirs = other.plan.live
        if other.id == wanted.id or other.cancelled_at is not None or theirs.ends_at <= live.begins_at or live.ends_at <= theirs.begins_at:
            continue
        begins, ends = theirs.begins_at.astimezone(VIETNAM), theirs.ends_at.astimezone(VIETNAM)
        for part in other.sites:
            taken = rooms.get(room_of(sites[part.site])) if part.site in sites else None
            if taken is not None:
                reasons.append(f"Điểm cầu «{taken.name}» đã có cuộc họp «{other.title}» từ {begins:%H:%M} đến {ends:%H:%M ngày %d/%m/%Y}")
    return reasons
