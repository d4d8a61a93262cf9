"""The rounds: each probe looks again and again, as often as the phase asks for, and never beside itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable

import msgspec

from contract.messages import ProbeReport
from edge_agent.child import run_probe
from probes.interface import Look
from probes.registry import PROBES

log = logging.getLogger(__name__)

CONFIRM_S = 1.0
"""After a look that leaves something undecided the next one comes this soon."""
LOOKS_PER_CHECK = 3
"""At most, until nothing is undecided."""
OVERDUE_FACTOR = 3.0
"""A round that is later than so many periods (beside its deadline) is stuck."""

Take = Callable[[ProbeReport, float], None]
Run = Callable[[str, msgspec.Struct, msgspec.Struct, Look], Awaitable[ProbeReport]]


class Round:
    """The rounds of one probe.

    Args:
        name: The probe.
        period_s: How often it looks now; asked before each wait.
        circumstances: Settings, limits and look of the next run; asked before each.
        take: Gets each report and for how many seconds it holds.
        undecided: Whether the next look should come soon.
        run: Runs the probe once.
    """

    def __init__(
        self,
        name: str,
        *,
        period_s: Callable[[], float],
        circumstances: Callable[[], tuple[msgspec.Struct, msgspec.Struct, Look]],
        take: Take,
        undecided: Callable[[], bool],
        run: Run = run_probe,
    ) -> None:
        self.name = name
        self.paused = False
        """While a watch looks in its place."""
        self.slow = 0
        """Rounds that took longer than their period."""
        self.finished_s = time.monotonic()
        """When the last round was finished, by the monotonic clock."""
        self._period_s = period_s
        self._circumstances = circumstances
        self._take = take
        self._undecided = undecided
        self._run = run
        self._deadline_s = 0.0
        self._turn = asyncio.Lock()
        self._hurry = asyncio.Event()

    def hurry(self) -> None:
        """Look as soon as possible: the phase has changed, or somebody asks."""
        self._hurry.set()

    @property
    def overdue(self) -> bool:
        """Whether a round should long be finished."""
        if self.paused:
            return False
        allowed_s = OVERDUE_FACTOR * self._period_s() + 2 * max(PROBES[self.name].deadline_s, self._deadline_s) + 10
        return time.monotonic() - self.finished_s > allowed_s

    async def look(self) -> None:
        """Look once, now; waits for a look that is under way."""
        async with self._turn:
            began_s = time.monotonic()
            settings, limits, circumstances = self._circumstances()
            self._deadline_s = circumstances.deadline_s
            report = await self._run(self.name, settings, limits, circumstances)
            period_s = self._period_s()
            self._take(report, 2.5 * period_s + PROBES[self.name].deadline_s)
            self.finished_s = time.monotonic()
            if self.finished_s - began_s > period_s:
                self.slow += 1

    async def check(self) -> None:
        """Look until what was seen is decided."""
        for count in range(LOOKS_PER_CHECK):
            if count:
                await asyncio.sleep(CONFIRM_S / 2)
            await self.look()
            if not self._undecided():
                return

    async def go_on(self) -> None:
        """Look for ever."""
        while True:
            began_s = time.monotonic()
            self._hurry.clear()
            if not self.paused:
                await self.look()
            await self._wait(time.monotonic() - began_s)

    async def _wait(self, taken_s: float) -> None:
        period_s = self._period_s()
        if period_s > 5:
            # Jitter, so that a province of sites does not look (and speak) in step.
            period_s *= random.uniform(0.95, 1.05)  # noqa: S311 — no secret
        if self._undecided() and not self.paused:
            period_s = min(period_s, CONFIRM_S)
        with contextlib.suppress(TimeoutError):
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            async with asyncio.timeout(max(0.05, period_s - taken_s)):
                await self._hurry.wait()
