"""The door of every page: who may ask, what a browser may do with the answer, and an answer in Vietnamese to every fault.

Who asks is `door`'s business. Here the host name is checked, so that no page elsewhere reaches the board by DNS rebinding, and what changes
something must come from a page of ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_NAMES = ("localhost",)
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FORM_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; frame-ancestors 'self'; sandbox"
)
"""For the form's own document, shown in a frame: it may draw itself, and nothing else."""
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def host_name(host: str) -> str:
    """Name in a Host header or an origin's authority, without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def is_address(host: str) -> bool:
    """Whether a host is an IP address. DNS rebinding needs a name, so an address is as good as a name that is allowed."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_own(headers: Headers) -> bool:
    """Whether a request was sent by a page of ours.

    A browser says so in Sec-Fetch-Site; where it does not (plain HTTP on the internal network), Origin must be this
    host. A request that says neither is refused: it cannot be told from a foreign one.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    try:
        origin = urlsplit(headers.get("origin", "")).netloc.lower()
    except ValueError:
        return False
    return bool(origin) and origin == headers.get("host", "").lower()


class Guard:
    """ASGI middleware; plain, because a stream of events must pass through it unbuffered."""

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str] = OWN_NAMES) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in or refuse it; put the headers on every answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = host_name(headers.get("host", ""))
        if not ("*" in self._hosts or host in self._hosts or is_address(host)):
            await self._refuse(400, "Tên máy chủ không được phép.", scope, receive, send)
        elif scope["method"] in _CHANGES and not is_own(headers):
            await self._refuse(403, "Yêu cầu không đến từ trang của hệ thống.", scope, receive, send)
        else:
            await self._app(scope, receive, self._dressed(send))

    async def _refuse(self, status: int, text: str, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(text, status_code=status)(scope, receive, self._dressed(send))

    @staticmethod
    def _dressed(send: Send) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in _HEADERS.items():
                    headers.setdefault(name, text)
                headers.setdefault("Content-Security-Policy", PAGE_POLICY)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return dressed
