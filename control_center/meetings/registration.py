"""Register a meeting: plan it, check it against the others, write it down."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from contract.meetings import Role
from control_center.meetings import plan
from control_center.meetings.conflicts import conflicts
from control_center.meetings.working_days import VIETNAM
from control_center.store import registry
from control_center.store.registry import MeetingRecord, MeetingSite, Site

MEETING_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


class Attendance(NamedTuple):
    """What Phụ lục I asks of a site: number of people, and the contact there."""

    people: int | None = None
    contact: str = ""


class RefusedMeetingError(ValueError):
    """The meeting cannot be registered; one sentence per reason in `reasons`."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)


def register(
    engine: Engine,
    *,
    title: str,
    organizer: str,
    main: str,
    branches: Sequence[str],
    begins_at: datetime,
    ends_at: datetime,
    registered_at: datetime,
    meeting_id: str = "",
    emergency: bool = False,
    leads: plan.Leads | None = None,
    who_comes: Mapping[str, Attendance] | None = None,
    more: Mapping[str, Any] | None = None,
) -> MeetingRecord:
    """Register a meeting of one main site and its branches.

    Args:
        engine: The database.
        title: What the meeting is about.
        organizer: Unit in charge of it.
        main: Id of the main site.
        branches: Ids of the branch sites, in the order of the form.
        begins_at: When it opens.
        ends_at: When it is over.
        registered_at: Now.
        meeting_id: ASCII; made from time and main site when empty.
        emergency: Called at short notice (R21).
        leads: Leads and lengths of the phases; the regulation's when None.
        who_comes: By site id, how many people are expected there and whom to ask for.
        more: Further fields of `MeetingRecord` (place, chair, technician, phone, basis, needs …).

    Returns:
        The meeting as registered; `late` says whether it came too late.

    Raises:
        RefusedMeetingError: if it cannot be held so.
    """
    sites = {site.id: site for site in registry.sites(engine)}
    reasons = _site_faults(main, branches, sites)
    if not title.strip() or not organizer.strip():
        reasons.append("cuộc họp cần có nội dung và đơn vị chủ trì")
    if meeting_id and not MEETING_ID.fullmatch(meeting_id):
        reasons.append(f"mã cuộc họp «{meeting_id}» chỉ được gồm a–z, 0–9 và dấu gạch nối, tối đa 60 ký tự")
    elif meeting_id and registry.meeting(engine, meeting_id) is not None:
        reasons.append(f"mã cuộc họp «{meeting_id}» đã có")
    if reasons:
        raise RefusedMeetingError(reasons)
    try:
        drawn = plan.draw(begins_at, ends_at, registered_at=registered_at, emergency=emergency, leads=leads)
    except plan.PlanError as error:
        raise RefusedMeetingError([str(error)]) from error
    roles = {main: Role.MAIN} | dict.fromkeys(branches, Role.BRANCH)
    parts = tuple(_part(site, role, (who_comes or {}).get(site, Attendance())) for site, role in roles.items())
    record = MeetingRecord(
        id=meeting_id or _free_id(engine, begins_at, main),
        title=unicodedata.normalize("NFC", title.strip()),
        organizer=unicodedata.normalize("NFC", organizer.strip()),
        plan=drawn,
        sites=parts,
        registered_at=registered_at,
        emergency=emergency,
        late=plan.late(begins_at, registered_at=registered_at, emergency=emergency),
        **dict(more or {}),
    )
    taken = conflicts(record, registry.meetings(engine, ends_after=begins_at), sites)
    if taken:
        raise RefusedMeetingError(taken)
    registry.save_meeting(engine, record)
    return record


def _part(site: str, role: Role, coming: Attendance) -> MeetingSite:
    return MeetingSite(site=site, role=role, attendees=coming.people, contact=unicodedata.normalize("NFC", coming.contact.strip()))


def _site_faults(main: str, branches: Sequence[str], sites: Mapping[str, Site]) -> list[str]:
    named = [main, *branches]
    faults = [f"điểm cầu «{site}» chưa có trong danh bạ" for site in dict.fromkeys(named) if site not in sites]
    return faults + [f"điểm cầu «{site}» được ghi hai lần" for site in dict.fromkeys(named) if named.count(site) > 1]


def _free_id(engine: Engine, begins_at: datetime, main: str) -> str:
    stem = f"{begins_at.astimezone(VIETNAM):%Y%m%d-%H%M}-{main}"
    candidates = [stem, *(f"{stem[:56]}-{number}" for number in range(2, 100))]
    return next(candidate for candidate in candidates if registry.meeting(engine, candidate) is None)
