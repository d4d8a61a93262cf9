"""Login and logout, one's own password, and the administrator's pages: accounts and the log of what was done."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from control_center.board.bodies import Fields, fields
from control_center.board.desk import Desk
from control_center.board.door import COOKIE, USER, secret_of
from control_center.board.wording import ROLES
from control_center.store import accounts
from control_center.store.accounts import LONGEST_PASSWORD, LONGEST_SESSION, Account, AccountError, Note, Role

_LONGEST_BODY = 4096
_WITHIN = timedelta(minutes=15)
_PER_NAME, _PER_ADDRESS = 5, 30
"""Wrong passwords within that time, for one name and from one address, before the next must wait."""
_AT_ONCE = 2
"""Passwords verified at once: each takes 64 MiB for some tens of milliseconds."""


class Throttle:
    """Counts wrong passwords. Pure but for what it remembers."""

    def __init__(self, most: int, within: timedelta = _WITHIN) -> None:
        self._most, self._within = most, within
        self._failed: dict[str, deque[datetime]] = {}

    def waits(self, key: str, at: datetime) -> timedelta:
        """How long a key must wait; zero: not at all."""
        failed = self._failed.get(key)
        if failed is None or len(failed) < self._most:
            return timedelta()
        return max(timedelta(), failed[0] + self._within - at)

    def fail(self, key: str, at: datetime) -> None:
        """One more wrong password."""
        if len(self._failed) > 10_000:  # strangers cannot fill the memory with names
            self._failed = {name: kept for name, kept in self._failed.items() if at - kept[-1] < self._within}
        self._failed.setdefault(key, deque(maxlen=self._most)).append(at)

    def succeed(self, key: str) -> None:
        """The right one: forgiven."""
        self._failed.pop(key, None)


class Entering:
    """Handlers of these pages."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        self._desk, self._engine = desk, engine
        self._names, self._addresses = Throttle(_PER_NAME), Throttle(_PER_ADDRESS)
        self._verifying = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/login", self.login_page),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/password", self.password_page),
            Route("/password", self.password, methods=["POST"]),
            Route("/accounts", self.accounts_page),
            Route("/accounts", self.add, methods=["POST"]),
            Route("/accounts/{name}", self.change, methods=["POST"]),
            Route("/audit", self.audit_page),
        ]

    def _html(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        return HTMLResponse(self._desk.painter.page(template, now=self._desk.clock(), **context), status_code=status)

    async def login_page(self, request: Request) -> Response:
        """Ask who is there."""
        return self._html("login.html", next=_inside(request.query_params.get("next", "/")), name="", fault="")

    async def login(self, request: Request) -> Response:
        """Begin a session, or say what is wrong; never which of name and password."""
        given, at = await fields(request, _LONGEST_BODY, most=10), self._desk.clock()
        name, address = given.one("name", 40).lower(), request.client.host if request.client else ""
        wanted = _inside(given.one("next", 300))
        wait = max(self._names.waits(name, at), self._addresses.waits(address, at))
        if wait:
            minutes = -(-wait // timedelta(minutes=1))
            await self._note(name, "login", "throttled")
            fault = f"Sai mật khẩu quá nhiều lần. Hãy thử lại sau {minutes} phút."
            return self._html("login.html", 429, next=wanted, name=name, fault=fault)
        async with self._verifying:
            account = await run_in_threadpool(accounts.verify, self._engine, name, _secret(given, "password"))
        if account is None:
            self._names.fail(name, at)
            self._addresses.fail(address, at)
            await self._note(name, "login", "refused")
            return self._html("login.html", 401, next=wanted, name=name, fault="Tên đăng nhập hoặc mật khẩu không đúng.")
        self._names.succeed(name)
        secret = await run_in_threadpool(accounts.open_session, self._engine, account.name, at)
        await self._note(account.name, "login", "ok")
        answer = RedirectResponse(wanted, status_code=303)
        answer.set_cookie(
            COOKIE,
            secret,
            max_age=int(LONGEST_SESSION.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    async def logout(self, request: Request) -> Response:
        """End this session."""
        await run_in_threadpool(accounts.close_session, self._engine, secret_of(request.headers))
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    async def password_page(self, _request: Request) -> Response:
        """Ask for one's own new password."""
        return self._html("password.html", fault="")

    async def password(self, request: Request) -> Response:
        """Change one's own password; every session ends, this one too."""
        given, account = await fields(request, _LONGEST_BODY, most=10), _somebody()
        async with self._verifying:
            right = await run_in_threadpool(accounts.verify, self._engine, account.name, _secret(given, "old"))
        if right is None:
            return self._html("password.html", 401, fault="Mật khẩu hiện tại không đúng.")
        if _secret(given, "new") != _secret(given, "again"):
            return self._html("password.html", 400, fault="Hai lần nhập mật khẩu mới không giống nhau.")
        try:
            await run_in_threadpool(accounts.set_password, self._engine, account.name, _secret(given, "new"))
        except AccountError as error:
            return self._html("password.html", 400, fault=_sentence(error))
        return RedirectResponse("/login", status_code=303)

    async def accounts_page(self, _request: Request) -> Response:
        """All accounts."""
        return await self._accounts(200, "")

    async def _accounts(self, status: int, fault: str) -> Response:
        known = await run_in_threadpool(accounts.accounts, self._engine)
        return self._html("accounts.html", status, accounts=known, roles=ROLES, fault=fault)

    async def add(self, request: Request) -> Response:
        """Make an account."""
        given = await fields(request, _LONGEST_BODY, most=10)

        def act() -> None:
            made = Account(name=given.one("name", 40).lower(), shown=given.one("shown", 60), role=_role(given), unit=given.one("unit", 120))
            accounts.add(self._engine, made, _secret(given, "password"), self._desk.clock())

        return await self._done(act)

    async def change(self, request: Request) -> Response:
        """Another role, another password, blocked or free again."""
        given, name = await fields(request, _LONGEST_BODY, most=10), request.path_params["name"]

        def act() -> None:
            match given.one("act"):
                case "role":
                    accounts.change(self._engine, name, role=_role(given))
                case "unit":
                    accounts.change(self._engine, name, unit=given.one("unit", 120))
                case "password":
                    accounts.set_password(self._engine, name, _secret(given, "password"))
                case "block" | "free" as wanted:
                    accounts.change(self._engine, name, active=wanted == "free")
                case _:
                    raise AccountError("không rõ cần làm gì")

        return await self._done(act)

    async def _done(self, act: Callable[[], None]) -> Response:
        try:
            await run_in_threadpool(act)
        except AccountError as error:
            return await self._accounts(400, _sentence(error))
        return RedirectResponse("/accounts", status_code=303)

    async def audit_page(self, _request: Request) -> Response:
        """What was done, the latest first."""
        lines = await run_in_threadpool(accounts.notes, self._engine)
        return self._html("audit.html", lines=lines)

    async def _note(self, name: str, action: str, result: str) -> None:
        await run_in_threadpool(accounts.note, self._engine, Note(at=self._desk.clock(), account=name, action=action, result=result))


def _inside(path: str) -> str:
    """A page of ours to go on to, whatever was asked for."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\", "/login")) else "/"


def _secret(given: Fields, name: str) -> str:
    return given.raw(name)[: LONGEST_PASSWORD + 1]


def _role(given: Fields) -> Role:
    try:
        return Role(given.one("role"))
    except ValueError:
        raise AccountError("không có vai trò đó") from None


def _sentence(error: AccountError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _somebody() -> Account:
    account = USER.get()
    if account is None:
        raise HTTPException(403)
    return account
