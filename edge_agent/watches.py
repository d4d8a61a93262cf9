"""The two things that never pause in a meeting: the microphone watch, a child kept alive here, and the link watch, a thread.

This file supervises; what they say goes to the judgement. A watch that falls silent is itself a finding.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from contract.findings import Component, Finding
from contract.messages import ProbeReport
from edge_agent.child import crashed, end_child, keep_tail, start_child, timed_out
from edge_agent.debounce import Policy
from edge_agent.judgement import Judgement, measured_in
from probes.interface import Look
from probes.microphone.watch_protocol import MODULE, SILENT_AFTER_S, WatchLine, WatchRequest

log = logging.getLogger(__name__)

MICROPHONE = Component.MICROPHONE.value
MICROPHONE_SOURCE = "microphone-watch"
FIRST_LINE_S = 20.0
"""NumPy and PortAudio take their time to load on a small machine that is busy."""
BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 30.0
HEALTHY_S = 60.0
"""A watch that lived this long starts again without delay."""
HOLDS_S = 10.0
"""A second's figures are current for this long."""
LEVELS = Policy(sightings=1, window=1, clean=3)
"""The watch tells ends itself; one that was lost with a killed child is seen three seconds later."""

WatchSettings = Callable[[], tuple[msgspec.Struct, msgspec.Struct, Look]]


class MicrophoneWatch:
    """Keeps ``python -m probes.microphone.watch`` alive while it is wanted.

    Args:
        judgement: Hears what the watch says.
        circumstances: Settings, limits and look of the next child.
        module: What to run instead, in tests.
        silent_after_s: Without a line for this long the child is replaced.
        first_line_s: The same for the first line.
    """

    def __init__(
        self,
        judgement: Judgement,
        circumstances: WatchSettings,
        *,
        module: str = MODULE,
        silent_after_s: float = SILENT_AFTER_S,
        first_line_s: float = FIRST_LINE_S,
    ) -> None:
        self.heard_at: datetime | None = None
        """When the last second's figures came."""
        self._judgement = judgement
        self._circumstances = circumstances
        self._module = module
        self._silent_after_s = silent_after_s
        self._first_line_s = first_line_s
        self._task: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self._turn = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether it listens, or tries to."""
        return self._task is not None

    async def follow(self, listen: bool) -> None:
        """Listen anew (a child learns its phase and limits at its start only), or not at all. Calls take turns."""
        async with self._turn:
            await self._end()
            if listen:
                self._begin()
            else:
                self._judgement.hand_over(MICROPHONE_SOURCE, MICROPHONE)
                self._judgement.put(MICROPHONE, MICROPHONE_SOURCE, (), HOLDS_S)

    async def restart(self) -> None:
        """Take up changed limits, if it listens."""
        async with self._turn:
            if self._task is not None:
                await self._end()
                self._begin()

    def _begin(self) -> None:
        self.heard_at = None
        self._task = asyncio.create_task(self._keep_alive(), name="microphone watch")

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def fresh(self, since: datetime, timeout_s: float) -> bool:
        """Wait for figures that were heard after `since`; whether they came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.heard_at is None or self.heard_at < since:
                    self._heard.clear()
                    await self._heard.wait()
                return True
        return False

    async def _keep_alive(self) -> None:
        backoff_s = BACKOFF_S
        while True:
            began_s = time.monotonic()
            try:
                await self._listen()
            except TimeoutError:
                self._broke(lambda look: timed_out(MICROPHONE, look, self._silent_after_s))
            except Exception as error:  # noqa: BLE001 — whatever breaks here must not end the supervision
                text = str(error)
                self._broke(lambda look: crashed(MICROPHONE, look, text))  # noqa: B023 — called at once
            backoff_s = BACKOFF_S if time.monotonic() - began_s > HEALTHY_S else min(2 * backoff_s, LONGEST_BACKOFF_S)
            await asyncio.sleep(backoff_s)

    async def _listen(self) -> None:
        """One life of the child."""
        settings, limits, look = self._circumstances()
        request = WatchRequest(settings=settings, limits=limits, look=look)  # type: ignore[arg-type]
        process = await start_child(self._module)
        tail = asyncio.create_task(keep_tail(process.stderr))
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            await process.stdin.drain()
            patience_s = self._first_line_s
            while line := await _line(process.stdout, patience_s):
                patience_s = self._silent_after_s
                self._take(msgspec.json.decode(line, type=WatchLine))
        finally:
            await end_child(process)
            said = (await tail).strip().splitlines()
        raise RuntimeError(f"exit status {process.returncode}" + (f": {said[-1]}" if said else ""))

    def _take(self, line: WatchLine) -> None:
        now = datetime.now(UTC)
        if line.kind == "onset":
            for found in line.report.findings:
                self._judgement.began(MICROPHONE, MICROPHONE_SOURCE, found, now)
        elif line.kind == "cleared":
            for found in line.report.findings:
                self._judgement.ended(MICROPHONE, found.key, _end(found, now), now)
        else:
            self._levels(line.report, now)
            self.heard_at = now
            self._heard.set()

    def _levels(self, report: ProbeReport, now: datetime) -> None:
        self._judgement.figures.add(report.readings)
        self._judgement.put(MICROPHONE, MICROPHONE_SOURCE, report.readings, HOLDS_S)
        self._judgement.watched(
            MICROPHONE, MICROPHONE_SOURCE, report.findings, now, measured=measured_in(report.readings)[0], policy=LEVELS
        )

    def _broke(self, report_of: Callable[[Look], ProbeReport]) -> None:
        report = report_of(self._circumstances()[2])
        log.warning("the microphone watch fell silent: %s", report.findings[0].details.get("error", "no line"))
        now = datetime.now(UTC)
        self._judgement.put(MICROPHONE, MICROPHONE_SOURCE, report.readings, HOLDS_S)
        self._judgement.watched(MICROPHONE, MICROPHONE_SOURCE, report.findings, now, measured=False)


async def _line(stream: asyncio.StreamReader, patience_s: float) -> bytes:
    """Next line; not through wait_for, which before Python 3.12 may swallow a cancellation."""
    async with asyncio.timeout(patience_s):
        return await stream.readline()


def _end(found: Finding, now: datetime) -> datetime:
    """End of a fault that a stream tells in seconds from its start."""
    if found.since is None or found.started_at_s is None or found.ended_at_s is None:
        return now
    return min(now, found.since + timedelta(seconds=found.ended_at_s - found.started_at_s))
