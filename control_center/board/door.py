"""Who is there: the session behind a request, what it may do, and the log of what changed something.

As long as no account exists, a board on the loopback is open, as it is for a demonstration; anywhere else it says how to make the first
account and shows nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_center.board.painter import Painter
from control_center.store import accounts
from control_center.store.accounts import Account, Note, Role

COOKIE = "diemcau_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
_ADMINISTRATION = ("/accounts", "/audit")
_OF_LEADERS = ("/form/confirm", "/form/lock")
_OWN = ("/logout", "/password")
_FREE = ("/login", "/static/")

STILL_WELCOME = "diemcau.still_welcome"
"""Key of the request's scope: asks whether who asked may still look, for answers that last."""
USER: ContextVar[Account | None] = ContextVar("user", default=None)
"""Who asks; read by the templates."""


def needed(method: str, path: str) -> Role | None:
    """Least role for a request; None: anybody."""
    if path.startswith(_FREE):
        return None
    if _below(path, _ADMINISTRATION):
        return Role.ADMINISTRATOR
    if _below(path, _OWN) or method in _SAFE:
        return Role.VIEWER
    if path.endswith(_OF_LEADERS):
        return Role.LEADER
    return Role.OPERATOR


def _below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(root + "/") for root in roots)


def secret_of(headers: Headers) -> str:
    """The session's secret that a browser sent; empty without one."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Door:
    """ASGI middleware behind the guard; plain, because a stream of events must pass through it unbuffered.

    Args:
        app: What lies behind.
        engine: The store.
        painter: Paints what is refused.
        clock: The center's time, UTC.
        open_without_accounts: Whether everything is open as long as no account exists.
    """

    def __init__(
        self, app: ASGIApp, engine: Engine, painter: Painter, clock: Callable[[], datetime], *, open_without_accounts: bool
    ) -> None:
        self._app, self._engine, self._painter, self._clock = app, engine, painter, clock
        self._open = open_without_accounts
        self._exist = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in as somebody, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path, headers = scope["method"], scope["path"], Headers(scope=scope)
        account, exist = await run_in_threadpool(self._who, secret_of(headers))
        refusal = None if self._own_question(scope) else self._refusal(method, path, account, exist=exist)
        if refusal is not None:
            if method not in _SAFE:
                await self._note(account, method, path, refusal.status_code)
            await refusal(scope, receive, send)
            return
        scope[STILL_WELCOME] = lambda: self._still(secret_of(headers))
        token = USER.set(account)
        try:
            await self._app(
                scope, receive, send if method in _SAFE or path.startswith(_FREE) else self._noting(send, account, method, path)
            )
        finally:
            USER.reset(token)

    def _who(self, secret: str) -> tuple[Account | None, bool]:
        self._exist = self._exist or accounts.exist(self._engine)
        account = accounts.of_session(self._engine, secret, self._clock()) if self._exist and secret else None
        return account, self._exist

    async def _still(self, secret: str) -> bool:
        """Whether who asked may still look: an open page is a use of its session, and ends with it."""
        account, exist = await run_in_threadpool(self._who, secret)
        return account is not None or (self._open and not exist)

    @staticmethod
    def _own_question(scope: Scope) -> bool:
        """``control-center site health`` and Prometheus ask from this machine itself, without a session."""
        client, path = scope.get("client"), scope["path"]
        asked = path.startswith("/api/site/") or path == "/metrics"
        return asked and scope["method"] in _SAFE and client is not None and is_loopback(client[0])

    def _refusal(self, method: str, path: str, account: Account | None, *, exist: bool) -> Response | None:
        least = needed(method, path)
        if not exist:
            return None if self._open or path.startswith("/static/") else self._page(503, "no_account")
        if least is None or (account is not None and account.role.rank >= least.rank):
            return None
        if account is not None:
            return self._page(403, "not_allowed")
        if method in _SAFE and path != "/events" and not path.startswith("/api/"):
            return RedirectResponse(f"/login?next={quote(path)}", status_code=303)
        return PlainTextResponse("Hãy đăng nhập lại.", status_code=401)

    def _page(self, status: int, why: str) -> Response:
        heading, advice = {
            "no_account": (
                "Chưa có tài khoản nào",
                "Tạo quản trị viên đầu tiên tại máy chủ: control-center user add TÊN --role administrator",
            ),
            "not_allowed": ("Không đủ quyền", "Tài khoản của bạn không được làm việc này. Hãy hỏi quản trị viên."),
        }[why]
        return HTMLResponse(self._painter.page("error.html", status=status, heading=heading, advice=advice), status_code=status)

    def _noting(self, send: Send, account: Account | None, method: str, path: str) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(account, method, path, message["status"])
            await send(message)

        return noting

    async def _note(self, account: Account | None, method: str, path: str, status: int) -> None:
        name = "" if account is None else account.name
        line = Note(at=self._clock(), account=name, action=f"{method} {path}", result=str(status))
        await run_in_threadpool(accounts.note, self._engine, line)
