"""What systemd hears of the center (``Type=notify``, ``WatchdogSec=``): ready, and alive from then on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from contract import systemd

log = logging.getLogger(__name__)

PATIENCE_S = 20.0
"""How long the start waits for the broker; a board without a broker says so, which no board at all could not."""
PERIOD_S = 5.0
"""How often the watchdog is told; its unit must be more patient by several of these."""


async def tell(board: asyncio.Event, connected: Callable[[], bool], alive: Callable[[], bool], *, patience_s: float = PATIENCE_S) -> None:
    """Tell systemd for ever; the loop that stops does so by not coming here any more.

    Args:
        board: Set once the board can be asked.
        connected: Whether the broker has us.
        alive: Whether the threads that this loop cannot see into are there.
        patience_s: How long the broker is waited for.
    """
    await board.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while not connected():  # noqa: ASYNC110 — the word is another thread's
                await asyncio.sleep(0.05)
    systemd.notify("READY=1", "STATUS=board up, broker " + ("connected" if connected() else "not connected"))
    dead = False
    while True:
        if alive():
            systemd.notify("WATCHDOG=1")
        elif not dead:
            dead = True
            log.error("a thread of the ingest has ended; systemd's watchdog is no longer told")
        await asyncio.sleep(PERIOD_S)
