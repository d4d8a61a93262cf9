"""Serves the board inside the service's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from starlette.applications import Starlette


class BoardServer(uvicorn.Server):
    """Ends the pages' streams before it waits for connections to close; leaves signals to the service."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._board = app.state.board
        self.listening = asyncio.Event()
        """Set once the board can be asked."""

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        return int(self.servers[0].sockets[0].getsockname()[1])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then say so."""
        await super().startup(sockets)
        if not self.should_exit:
            self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell every open page that the center goes, then stop."""
        self._board.closing.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are the service's business."""
        yield


def make_server(app: Starlette, *, host: str = "127.0.0.1", port: int = 8080) -> BoardServer:
    """Server of the board; ``await server.serve()`` in the loop of `Live`, ``server.should_exit = True`` ends it.

    Args:
        app: What `create_app` made.
        host: Address to listen on.
        port: 0 takes a free one; `BoardServer.port` says which.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        limit_concurrency=1000,
    )
    return BoardServer(config, app)
