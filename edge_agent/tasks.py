"""What runs beside each other in the daemon's loop: a task that breaks is logged and takes nothing else with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

RESTART_S = 5.0
"""A part that broke is begun again after this pause."""


class Tasks:
    """Tasks of one loop; made in it or before it, used in it only."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Run once what ends by itself."""
        task = asyncio.create_task(_guarded(work, what), name=what)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def keep_going(self, work: Callable[[], Coroutine[Any, Any, None]], what: str) -> None:
        """Run what never ends; if it breaks it is begun again."""

        async def for_ever() -> None:
            while True:
                await _guarded(work(), what)
                await asyncio.sleep(RESTART_S)

        self.spawn(for_ever(), what)

    async def end(self) -> None:
        """Cancel all and wait for them."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def _guarded(work: Coroutine[Any, Any, None], what: str) -> None:
    try:
        await work
    except Exception:
        log.exception("%s broke off", what)
