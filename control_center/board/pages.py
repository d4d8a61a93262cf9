"""Pages that show: wall, site, meetings, meeting, incidents, incident, and the logbook form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from contract.meetings import Phase
from control_center.board import wording
from control_center.board.alerts import IncidentView, incident_view
from control_center.board.charts import WINDOWS, ChartView, charts
from control_center.board.desk import Desk
from control_center.board.forms import Forms
from control_center.board.guard import FORM_POLICY
from control_center.board.records import check_view, span_lines, span_words
from control_center.incidents.model import Incident
from control_center.meetings.request import NEEDS
from control_center.store.registry import MeetingRecord

_HISTORY = timedelta(days=30)
_CHARTED_H = 6
_ERRORS = {
    400: ("Yêu cầu không đọc được", "Hãy quay lại và thử lần nữa."),
    403: ("Không được phép", "Yêu cầu không đến từ trang của hệ thống."),
    404: ("Không tìm thấy trang này", "Địa chỉ sai, hoặc mục này không còn nữa."),
    405: ("Không làm được như vậy", "Trang này không nhận cách gọi đó."),
    413: ("Yêu cầu quá lớn", "Hãy quay lại và thử lần nữa."),
    500: ("Hệ thống gặp lỗi", "Lỗi đã được ghi vào nhật ký của trung tâm. Hãy tải lại trang."),
    503: ("Tạm thời chưa có", "Hãy thử lại sau ít phút."),
}


def error_words(status: int) -> dict[str, str]:
    """Heading and advice of an error page."""
    heading, advice = _ERRORS.get(status, _ERRORS[500] if status >= 500 else _ERRORS[400])
    return {"heading": heading, "advice": advice}


class Pages:
    """Handlers of the pages that only show."""

    def __init__(self, desk: Desk, forms: Forms) -> None:
        self._desk = desk
        self._forms = forms

    def _html(self, template: str, **context: Any) -> HTMLResponse:
        return HTMLResponse(self._desk.painter.page(template, now=self._desk.clock(), **context))

    async def wall(self, _request: Request) -> Response:
        """The live wall."""
        await self._desk.refresh_contacts()
        shown = self._desk.wall()
        parts = await run_in_threadpool(self._desk.paint_wall, shown)
        return self._html("wall.html", wall=shown, parts=parts)

    async def site(self, request: Request) -> Response:
        """One site: verdicts with figures, latest figures, incidents of the last month."""
        site = request.path_params["site"]
        known = self._desk.live.sites.get(site)
        if known is None:
            raise HTTPException(404)
        await self._desk.refresh_contacts()
        now = self._desk.clock()
        past = await run_in_threadpool(self._desk.archive.incidents_between, now - _HISTORY, now + timedelta(days=1), site)
        hours = _hours(request.query_params.get("hours", ""))
        drawn = await run_in_threadpool(self._charts, site, now - timedelta(hours=hours), now)
        return self._html(
            "site.html",
            site=known,
            parts=self._desk.site_parts(site),
            past=self._views(past, {}),
            charts=drawn,
            hours=hours,
            windows=WINDOWS,
        )

    def _charts(self, site: str, begins_at: datetime, ends_at: datetime) -> tuple[ChartView, ...]:
        return charts(self._desk.archive.figures(site, begins_at, ends_at), begins_at, ends_at)

    async def meetings(self, _request: Request) -> Response:
        """All meetings, the latest first."""
        records = await run_in_threadpool(self._desk.archive.meetings)
        now = self._desk.clock()
        rows = [{"record": record, "phase": _phase(record, now), "span": span_words(record)} for record in records]
        return self._html("meetings.html", rows=rows)

    async def meeting(self, request: Request) -> Response:
        """One meeting: its sites, the checks that ran, and what went wrong."""
        record = await self._meeting(request)
        names = await run_in_threadpool(self._desk.archive.site_names)
        incidents = await run_in_threadpool(self._desk.archive.incidents_of_meeting, record.id)
        checks = await run_in_threadpool(self._desk.archive.checks_of_meeting, record.id)
        counts = {part.site: sum(incident.site == part.site for incident in incidents) for part in record.sites}
        return self._html(
            "meeting.html",
            record=record,
            phase=_phase(record, self._desk.clock()),
            span=span_words(record),
            plan=_plan_lines(record),
            names=names,
            roles=wording.ROLE,
            counts=counts,
            needs=" ".join(NEEDS[need] for need in record.needs),
            checks=[check_view(site, names.get(site, site), check) for site, check in checks],
            incidents=self._views(incidents, names),
        )

    async def form_file(self, request: Request) -> Response:
        """The form itself: HTML for the preview's frame, DOCX and PDF to download."""
        made = await run_in_threadpool(self._forms.make, request.path_params["meeting"], request.path_params["format"], self._desk.clock())
        if made is None:
            raise HTTPException(404)
        headers = {"Content-Security-Policy": FORM_POLICY}
        if not made.shown:
            headers["Content-Disposition"] = f'attachment; filename="{made.name}"'
        return Response(made.content, media_type=made.media_type, headers=headers)

    async def incidents(self, _request: Request) -> Response:
        """Incidents of the last month, the latest first."""
        now = self._desk.clock()
        past = await run_in_threadpool(self._desk.archive.incidents_between, now - _HISTORY, now + timedelta(days=1))
        names = await run_in_threadpool(self._desk.archive.site_names)
        return self._html("incidents.html", incidents=self._views(past, names), days=_HISTORY.days)

    async def incident(self, request: Request) -> Response:
        """One incident with every state it was in."""
        incident_id = request.path_params["incident"]
        stored = await run_in_threadpool(self._desk.archive.incident, incident_id)
        incident = self._desk.live.incidents.get(incident_id, stored)
        if incident is None:
            raise HTTPException(404)
        await self._desk.refresh_contacts()
        history = await run_in_threadpool(self._desk.archive.history, incident_id)
        steps = [{"at": at, "view": self._desk.view_of(state)} for at, state in history]
        return self._html("incident.html", view=self._desk.view_of(incident), steps=steps, spans=span_lines(incident))

    async def _meeting(self, request: Request) -> MeetingRecord:
        """The registered meeting that the address names."""
        meeting_id = request.path_params["meeting"]
        record = await run_in_threadpool(self._desk.archive.meeting, meeting_id)
        if record is None:
            raise HTTPException(404)
        return record

    def _views(self, incidents: list[Incident], names: dict[str, str]) -> list[IncidentView]:
        return [incident_view(incident, names.get(incident.site) or self._desk.name_of(incident.site)) for incident in incidents]


def _hours(asked: str) -> int:
    """How far back charts go; the default for what no link of ours asks."""
    return int(asked) if asked in {str(hours) for hours in WINDOWS} else _CHARTED_H


def _phase(record: MeetingRecord, now: datetime) -> str:
    """Where a meeting stands at `now`, in words."""
    if record.cancelled_at is not None:
        return "Đã hủy"
    phase = record.plan.phase_at(now)
    if phase is not Phase.IDLE:
        return wording.PHASE[phase]
    return "Đã họp xong" if now >= record.plan.live.ends_at else "Sắp họp"


def _plan_lines(record: MeetingRecord) -> list[dict[str, str]]:
    plan = record.plan
    windows = ((Phase.REHEARSAL, plan.rehearsal), (Phase.PRECHECK, plan.precheck), (Phase.LIVE, plan.live), (Phase.WRAP_UP, plan.wrap_up))
    return [
        {"phase": wording.PHASE[phase], "span": "không có" if window is None else wording.span(window.begins_at, window.ends_at)}
        for phase, window in windows
    ]
