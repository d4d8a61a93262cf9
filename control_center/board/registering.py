"""Pages of meetings that are to come: registration (Phụ lục I), its papers, and the duties of articles 9 and 12."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from control_center.board import wording
from control_center.board.bodies import Fields, fields
from control_center.board.desk import Desk
from control_center.board.door import USER
from control_center.config import NamesSettings
from control_center.meetings import calendars, duties, papers
from control_center.meetings.calendars import CalendarError, Invitation
from control_center.meetings.registration import Attendance, RefusedMeetingError, register
from control_center.meetings.request import NEEDS
from control_center.meetings.working_days import VIETNAM
from control_center.store import registry
from control_center.store.registry import MeetingRecord, Need, Site

_LONGEST_BODY = 3 * calendars.LARGEST
"""A calendar comes in a field, where most letters take three bytes."""
_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "ics": "text/calendar; charset=utf-8",
}
_WORDS = ("title", "organizer", "basis", "place", "chair", "chair_position", "technician", "phone")
DUTY_WORDS = {
    duties.Kind.CONFIRM: "Xác nhận phiếu đăng ký (Điều 9.1)",
    duties.Kind.POWER: "Thông báo điện lực (Điều 9.2)",
    duties.Kind.HANDOVER: "Bàn giao bản ghi cuộc họp (Điều 12.2)",
}
DUTY_DEEDS = {duties.Kind.CONFIRM: "Đã xác nhận", duties.Kind.POWER: "Đã thông báo điện lực"}


class Registering:
    """Handlers; what changes something is a POST, which the guard at the door lets in or not."""

    def __init__(self, desk: Desk, engine: Engine, names: NamesSettings) -> None:
        self._desk = desk
        self._engine = engine
        self._names = names

    def routes(self) -> list[Route]:
        """To be put before the routes of the pages that show: ``/meetings/new`` is no meeting's name."""
        return [
            Route("/meetings/new", self.empty, methods=["GET"]),
            Route("/meetings/new", self.register, methods=["POST"]),
            Route("/meetings/duties", self.duties),
            Route("/meeting/{meeting}/registration.{format}", self.paper),
            Route("/meeting/{meeting}/duties", self.letters),
            Route("/meeting/{meeting}/duties/{duty}", self.done, methods=["POST"]),
        ]

    async def empty(self, _request: Request) -> Response:
        """The form, to be filled in."""
        return await self._form({}, [])

    async def register(self, request: Request) -> Response:
        """Register what the form says; with a calendar in it, fill the form in from that and ask for the rest."""
        given = await fields(request, _LONGEST_BODY)
        if given.one("step") == "calendar":
            return await self._from_calendar(given.raw("calendar"))
        said = _said(given)
        try:
            record = await run_in_threadpool(self._register, given)
        except RefusedMeetingError as error:
            return await self._form(said, error.reasons, status=422)
        return RedirectResponse(f"/meeting/{record.id}", status_code=303)

    def _register(self, given: Fields) -> MeetingRecord:
        begins_at, ends_at = (_instant(given.one(name), label) for name, label in (("begins", "bắt đầu"), ("ends", "kết thúc")))
        main = given.one("main")
        branches = [site for site in dict.fromkeys(given.all("branch")) if site != main]
        return register(
            self._engine,
            title=given.one("title"),
            organizer=given.one("organizer"),
            main=main,
            branches=branches,
            begins_at=begins_at,
            ends_at=ends_at,
            registered_at=self._desk.clock(),
            emergency=bool(given.one("emergency")),
            who_comes={site: _attendance(given, site) for site in branches},
            more={name: given.one(name) for name in _WORDS[2:]} | {"needs": tuple(need for need in Need if given.one(f"need-{need}"))},
        )

    async def _from_calendar(self, text: str) -> Response:
        sites = await run_in_threadpool(self._sites)
        try:
            found = await run_in_threadpool(calendars.read, text.encode(), sites)
        except CalendarError as error:
            return await self._form({}, [str(error)], status=422)
        notes = [] if len(found) == 1 else [f"Tệp có {len(found)} cuộc họp; đây là cuộc họp đầu tiên, các cuộc họp sau đăng ký riêng."]
        return await self._form(_told(found[0]), [], notes=notes)

    async def _form(self, said: Mapping[str, Any], reasons: list[str], *, notes: list[str] | None = None, status: int = 200) -> Response:
        sites = await run_in_threadpool(registry.sites, self._engine)
        blank = dict.fromkeys((*_WORDS, "begins", "ends", "main"), "") | {"branches": {}, "needs": (), "emergency": False}
        page = self._desk.painter.page(
            "register.html",
            sites=sites,
            said=blank | dict(said),
            needs=NEEDS,
            reasons=[_sentence(one) for one in reasons],
            notes=notes or [],
        )
        return HTMLResponse(page, status_code=status)

    async def paper(self, request: Request) -> Response:
        """Phụ lục I as DOCX or PDF, or the meeting as calendar."""
        meeting, kind = request.path_params["meeting"], request.path_params["format"]
        made = await run_in_threadpool(papers.make, self._engine, meeting, kind, self._names, self._desk.clock())
        if made is None:
            raise HTTPException(404)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", meeting).strip(".-") or "cuoc-hop"
        stem = "cuoc-hop" if kind == "ics" else "phieu-dang-ky"
        return Response(made, media_type=_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{stem}-{name}.{kind}"'})

    async def duties(self, _request: Request) -> Response:
        """What is to be done for all meetings, the soonest due first."""
        now = self._desk.clock()
        waiting = duties.waiting(await run_in_threadpool(registry.meetings, self._engine), now)
        rows = [{"record": record, "duty": duty, "words": DUTY_WORDS[duty.kind], "overdue": duty.overdue(now)} for record, duty in waiting]
        return HTMLResponse(self._desk.painter.page("duties.html", rows=rows))

    async def letters(self, request: Request) -> Response:
        """Duties of one meeting, each with its due date and the draft of its letter."""
        record = await run_in_threadpool(registry.meeting, self._engine, request.path_params["meeting"])
        if record is None:
            raise HTTPException(404)
        return await self._letters(record, "")

    async def _letters(self, record: MeetingRecord, refused: str, status: int = 200) -> Response:
        sites, now = await run_in_threadpool(self._sites), self._desk.clock()
        rows = [
            {
                "duty": duty,
                "words": DUTY_WORDS[duty.kind],
                "deed": DUTY_DEEDS.get(duty.kind, "") if duty.waits(now) else "",
                "overdue": duty.overdue(now),
                "letter": duties.draft(duty.kind, record, sites, self._names),
            }
            for duty in duties.duties(record)
        ]
        span = wording.span(record.plan.live.begins_at, record.plan.live.ends_at)
        page = self._desk.painter.page("letters.html", record=record, rows=rows, refused=refused, span=span)
        return HTMLResponse(page, status_code=status)

    async def done(self, request: Request) -> Response:
        """Put down that a duty was done."""
        given = await fields(request, 4096)
        meeting, duty = request.path_params["meeting"], request.path_params["duty"]
        if duty not in set(duties.Kind):
            raise HTTPException(404)
        try:
            await run_in_threadpool(duties.done, self._engine, meeting, duties.Kind(duty), at=self._desk.clock(), by=_who(given))
        except LookupError as error:
            raise HTTPException(404) from error
        except duties.DutyError as error:
            record = await run_in_threadpool(registry.meeting, self._engine, meeting)
            if record is None:
                raise HTTPException(404) from error
            return await self._letters(record, _sentence(str(error)), status=422)
        return RedirectResponse(f"/meeting/{meeting}/duties", status_code=303)

    def _sites(self) -> dict[str, Site]:
        return {site.id: site for site in registry.sites(self._engine)}


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}"


def _instant(text: str, label: str) -> datetime:
    """What a field of kind datetime-local says, which is Vietnam's time."""
    read: datetime | None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or not 2000 <= read.year <= 2100:
        raise RefusedMeetingError([f"thời gian {label} chưa ghi hoặc không đọc được"])
    return (read if read.tzinfo is not None else read.replace(tzinfo=VIETNAM)).astimezone(UTC)


def _attendance(given: Fields, site: str) -> Attendance:
    number = given.one(f"people-{site}", 7)
    if number and not (number.isascii() and number.isdigit() and int(number) <= 100_000):
        raise RefusedMeetingError([f"số người tham dự «{number}» không phải số"])
    return Attendance(int(number) if number else None, given.one(f"contact-{site}"))


def _said(given: Fields) -> dict[str, Any]:
    """What was filled in, to be shown again."""
    words = {name: given.one(name) for name in (*_WORDS, "begins", "ends", "main")}
    branches = {site: {"people": given.one(f"people-{site}", 7), "contact": given.one(f"contact-{site}")} for site in given.all("branch")}
    needs = tuple(need for need in Need if given.one(f"need-{need}"))
    return words | {"branches": branches, "needs": needs, "emergency": bool(given.one("emergency"))}


def _told(found: Invitation) -> dict[str, Any]:
    """What a calendar tells, to be shown in the form."""
    words = {name: found.more.get(name, "") for name in _WORDS} | {"title": found.title, "organizer": found.organizer, "main": found.main}
    times = {name: f"{at.astimezone(VIETNAM):%Y-%m-%dT%H:%M}" for name, at in (("begins", found.begins_at), ("ends", found.ends_at))}
    coming = {site: found.who_comes.get(site, Attendance()) for site in found.branches}
    branches = {site: {"people": "" if one.people is None else str(one.people), "contact": one.contact} for site, one in coming.items()}
    return words | times | {"branches": branches, "needs": found.more.get("needs", ()), "emergency": found.emergency}


def _who(given: Fields) -> str:
    """Who is logged in; without accounts, whom the form names."""
    account = USER.get()
    return given.one("by", 60) if account is None else account.shown
