"""The form's page: look at it, correct a pair of boxes with a reason, confirm, lock (R11, R39, R51)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from contract.catalog import FormLine
from control_center.board import wording
from control_center.board.bodies import Fields, fields
from control_center.board.desk import Desk
from control_center.board.door import USER
from control_center.board.forms import DOWNLOADS
from control_center.board.records import span_words
from control_center.logbook import UnknownMeetingError, files, revising
from control_center.logbook.corrections import SITE, corrections, digest, pairs
from control_center.logbook.form import Tick
from control_center.logbook.revising import LONGEST_REASON, LONGEST_SENTENCE, MOST_SENTENCES, RevisionError, Wanted
from control_center.store import forms as form_store
from control_center.store import registry
from control_center.store.accounts import Role
from control_center.store.forms import FormState

_LONGEST_BODY = 64 * 1024
_PAIR_NAMES = {SITE: "Tình trạng"}


class Correcting:
    """Handlers of the form's page."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        self._desk, self._engine = desk, engine

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/meeting/{meeting}/form", self.page),
            Route("/meeting/{meeting}/form/correct", self.correct, methods=["POST"]),
            Route("/meeting/{meeting}/form/confirm", self.confirm, methods=["POST"]),
            Route("/meeting/{meeting}/form/lock", self.lock, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The form with its ticks and what they rest on; with ``?site=`` also the form that corrects that row."""
        return await self._page(request.path_params["meeting"], request.query_params.get("site", ""))

    async def correct(self, request: Request) -> Response:
        """Set one pair of boxes."""
        given, meeting = await fields(request, _LONGEST_BODY, most=20), request.path_params["meeting"]
        site = given.one("site", 40)
        await self._own_row(site)
        ticks = {tick.value: tick for tick in Tick}
        if given.one("tick") not in ticks or given.one("pair") not in {SITE, *FormLine}:
            raise HTTPException(400)
        wanted = Wanted(
            site=site,
            pair=given.one("pair"),
            tick=ticks[given.one("tick")],
            reason=given.one("reason", LONGEST_REASON),
            seen=given.one("seen", 64),
            description=_sentences(given) if given.one("pair") == SITE else None,
        )
        author = _author(given)
        return await self._done(
            meeting, lambda: revising.correct(self._engine, meeting, wanted, author=author, at=self._desk.clock()), site, given
        )

    async def confirm(self, request: Request) -> Response:
        """Stand for the form that was looked at."""
        given, meeting = await fields(request, 4096, most=10), request.path_params["meeting"]
        _whole_form()
        author, seen = _author(given), given.one("seen", 64)
        return await self._done(meeting, lambda: revising.confirm(self._engine, meeting, seen, author=author, at=self._desk.clock()))

    async def lock(self, request: Request) -> Response:
        """Make it final."""
        given, meeting = await fields(request, 4096, most=10), request.path_params["meeting"]
        _whole_form()
        author = _author(given)
        return await self._done(meeting, lambda: revising.lock(self._engine, meeting, author=author, at=self._desk.clock()))

    async def _done(self, meeting: str, act: Callable[[], object], site: str = "", given: Fields | None = None) -> Response:
        try:
            await run_in_threadpool(act)
        except UnknownMeetingError as error:
            raise HTTPException(404) from error
        except RevisionError as error:
            return await self._page(meeting, site, fault=str(error), given=given)
        return RedirectResponse(f"/meeting/{meeting}/form", status_code=303)

    async def _own_row(self, site: str) -> None:
        """Who belongs to a unit corrects the rows of that unit only (R51)."""
        account = USER.get()
        if account is None or not account.unit:
            return
        units = await run_in_threadpool(lambda: {one.id: one.unit for one in registry.sites(self._engine)})
        if units.get(site) != account.unit:
            raise HTTPException(403)

    async def _page(self, meeting: str, site: str, fault: str = "", given: Fields | None = None) -> Response:
        context = await run_in_threadpool(self._context, meeting, site)
        if context is None:
            raise HTTPException(404)
        said = {} if given is None else {name: given.raw(name) for name in ("pair", "tick", "reason", "description", "by")}
        page = self._desk.painter.page("form.html", fault=fault, said=said, **context)
        return HTMLResponse(page, status_code=422 if fault else 200)

    def _context(self, meeting: str, site: str) -> dict[str, Any] | None:
        record = registry.meeting(self._engine, meeting)
        if record is None:
            return None
        try:
            document = files.document_of(self._engine, meeting, self._desk.clock())
        except UnknownMeetingError:
            return None
        versions = form_store.history(self._engine, meeting)
        state = versions[-1].state if versions else FormState.DRAFT
        units = {one.id: one.unit for one in registry.sites(self._engine)}
        account = USER.get()
        may = Role.ADMINISTRATOR.rank if account is None else account.role.rank
        open_rows = {row.site for row in document.rows if _may_correct(units.get(row.site, ""))} if may >= Role.OPERATOR.rank else set()
        chosen = next((row for row in document.rows if row.site == site and row.site in open_rows), None)
        return {
            "record": record,
            "span": span_words(record),
            "downloads": DOWNLOADS,
            "state": state,
            "state_words": wording.FORM[state],
            "rows": [(row, pairs(row)) for row in document.rows],
            "open_rows": open_rows if state is not FormState.LOCKED else set(),
            "chosen": chosen if state is not FormState.LOCKED else None,
            "chosen_pairs": [] if chosen is None else pairs(chosen),
            "row_seen": "" if chosen is None else digest(chosen),
            "seen": digest(document),
            "corrections": corrections(document),
            "versions": list(reversed(versions)),
            "may_confirm": may >= Role.LEADER.rank and (account is None or not account.unit),
            "over": revising.over(document, self._desk.clock()),
            "named": account is not None,
            "pair_names": _PAIR_NAMES,
            "tick_words": wording.TICK,
            "longest_reason": LONGEST_REASON,
        }


def _may_correct(unit: str) -> bool:
    account = USER.get()
    return account is None or not account.unit or account.unit == unit


def _whole_form() -> None:
    """The whole form is confirmed by a leader who belongs to no single unit."""
    account = USER.get()
    if account is not None and account.unit:
        raise HTTPException(403)


def _author(given: Fields) -> str:
    account = USER.get()
    return given.one("by", 60) if account is None else account.shown


def _sentences(given: Fields) -> tuple[str, ...]:
    lines = (line.strip()[:LONGEST_SENTENCE] for line in given.raw("description").splitlines())
    return tuple(line for line in lines if line)[:MOST_SENTENCES]
