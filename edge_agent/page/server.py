"""A tiny HTTP server in the daemon's loop: four pages and one button; no framework, for the memory's sake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge_agent.page import paper
from edge_agent.page.html import render
from edge_agent.status import AgentStatus

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 8192
PATIENCE_S = 5.0
MAX_CONNECTIONS = 16
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_STATIC = {"/page.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8"}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = (
    f"Content-Security-Policy: {_POLICY}",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: same-origin",
    "Cache-Control: no-store",
    "Connection: close",
)


class Request(NamedTuple):
    """First line and headers (names in lower case) of one request."""

    method: str
    path: str
    headers: dict[str, str]


class Answer(NamedTuple):
    """What goes back."""

    status: HTTPStatus
    content: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    location: str = ""


class PageServer:
    """Serves what the daemon says now.

    Args:
        status: What the daemon says now.
        check: Starts a check of the site; returns at once.
        loopback: Whether it listens on the loopback only; then other names in ``Host`` are refused (DNS rebinding).
    """

    def __init__(self, status: Callable[[], AgentStatus], check: Callable[[], None], *, loopback: bool) -> None:
        self._status = status
        self._check = check
        self._loopback = loopback
        self._server: asyncio.Server | None = None
        self._open = 0

    async def start(self, host: str, port: int) -> str:
        """Listen; the page's address.

        Raises:
            OSError: the address is taken or is not this machine's.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_REQUEST_BYTES)
        name, bound = self._server.sockets[0].getsockname()[:2]
        return f"http://{f'[{name}]' if ':' in name else name}:{bound}/"

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_CONNECTIONS:
                async with asyncio.timeout(PATIENCE_S):
                    request = await _read(reader)
                    writer.write(_encode(self.answer(request) if request is not None else Answer(HTTPStatus.BAD_REQUEST)))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("a visitor of the local page went away")
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if self._loopback and request.headers.get("host", "").rpartition(":")[0] not in LOOPBACK_NAMES:
            return Answer(HTTPStatus.MISDIRECTED_REQUEST)
        if request.method == "POST" and request.path == "/check":
            if not _same_origin(request):
                return Answer(HTTPStatus.FORBIDDEN, "Chỉ nhận yêu cầu từ chính trang này.\n".encode())
            self._check()
            return Answer(HTTPStatus.SEE_OTHER, location="/")
        if request.method not in ("GET", "HEAD"):
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED)
        if request.path == "/":
            return Answer(HTTPStatus.OK, render(self._status()).encode(), "text/html; charset=utf-8")
        if request.path == "/form":
            return Answer(HTTPStatus.OK, paper.render(self._status()).encode(), "text/html; charset=utf-8")
        if request.path == "/status.json":
            return Answer(HTTPStatus.OK, msgspec.json.encode(self._status()), "application/json")
        if request.path in _STATIC:
            return Answer(HTTPStatus.OK, (Path(__file__).parent / request.path[1:]).read_bytes(), _STATIC[request.path])
        return Answer(HTTPStatus.NOT_FOUND, "Không có trang này.\n".encode())


def _same_origin(request: Request) -> bool:
    """Whether the button was pressed on this very page, and not by another site in the technician's browser."""
    host = request.headers.get("host", "")
    return bool(host) and request.headers.get("origin", "") == f"http://{host}"


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, _, rest = head.partition("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None
    lines = (line.partition(":") for line in rest.split("\r\n") if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    return Request(words[0], words[1].partition("?")[0], headers)


def _encode(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(answer.content)}",
        *_HEADERS,
    ]
    if answer.location:
        lines.append(f"Location: {answer.location}")
    return "\r\n".join([*lines, "", ""]).encode() + answer.content
