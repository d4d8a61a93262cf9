"""The link watch: asks every end of the link all the time, and says within half a second that one fell silent.

A thread of its own that waits for its sockets and for nothing else: no disk, no TLS, no name server, no event loop. What it
says goes to `on_event`, called in this thread, which must only hand it over.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from contract.findings import Finding
from contract.meetings import Phase
from contract.messages import Rollup
from contract.placing import CENTER
from contract.readings import Failure
from edge_agent.clock_offset import Offset
from edge_agent.drop_rule import Confirmed, DropRule, Light, Returned, Suspected, WatchEvent
from edge_agent.link_end import Resolver, WatchedEnd
from probes.link.limits import LinkLimits, LinkSettings

__all__ = ["Confirmed", "EndLight", "Light", "LinkWatch", "Returned", "Suspected", "WatchEvent"]

log = logging.getLogger(__name__)

_GOODBYES = 3
_LONGEST_WAIT_S = 1.0
_EARLY_S = 0.001
_CLOCK_CHECK_S = 1.0
_CLOCK_DRIFT = timedelta(milliseconds=20)


class EndLight(msgspec.Struct, frozen=True, kw_only=True):
    """One end, now.

    Attributes:
        name: As in findings and figures.
        light: ``up`` · ``suspect`` · ``down`` · ``unknown``.
        since: Begin of its silence, None while it answers.
        answered_at: Last answer.
        rtt_ms: Last round trip.
        loss_percent: Since the figures were last taken.
        failure: Why it could not be asked the last time.
    """

    name: str
    light: Light
    since: datetime | None = None
    answered_at: datetime | None = None
    rtt_ms: float | None = None
    loss_percent: float | None = None
    failure: Failure | None = None


class _Clock:
    """Wall time of monotonic instants from one anchor; it moves only while nothing is being timed."""

    def __init__(self) -> None:
        self._checked_s = 0.0
        self._anchor()

    def _anchor(self) -> None:
        self._checked_s = self._at_s = time.monotonic()
        self._at = datetime.now(UTC)

    def utc(self, instant_s: float) -> datetime:
        return self._at + timedelta(seconds=instant_s - self._at_s)

    def follow(self, now_s: float) -> None:
        """Follow the system's clock if it was set."""
        if now_s - self._checked_s >= _CLOCK_CHECK_S:
            self._checked_s = now_s
            if abs(datetime.now(UTC) - self.utc(time.monotonic())) > _CLOCK_DRIFT:
                self._anchor()


class LinkWatch:
    """Watches all ends of the link.

    Args:
        settings: Whom to ask.
        limits: Rates and the drop rule.
        on_event: Hears of each suspicion, confirmation and return, in the watch's thread; it must not wait.
    """

    def __init__(self, settings: LinkSettings, limits: LinkLimits, on_event: Callable[[WatchEvent], None]) -> None:
        self._settings = settings
        self._limits = limits
        self._on_event = on_event
        self._clock = _Clock()
        self._resolver = Resolver([target.host for target in settings.ends])
        self._ends = {target.label: WatchedEnd(target, settings, self._resolver) for target in settings.ends}
        self._rule = DropRule(self._ends, limits, self._clock.utc)
        self._orders: list[tuple[Phase, str, LinkLimits]] = []
        self._poll = select.poll()
        self._by_number: dict[int, WatchedEnd] = {}
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll.register(self._wake, select.POLLIN)
        self._ended = threading.Event()
        self._phase, self._meeting = Phase.IDLE, ""
        self._thread = threading.Thread(target=self._run, name="link watch", daemon=True)

    def start(self) -> None:
        """Begin to ask; without targets there is nothing to do."""
        if self._settings.fitted and self._ends:
            self._resolver.begin()
            self._thread.start()

    def stop(self) -> None:
        """Tell the center that the silence is meant, and stop; returns within a second or so."""
        self._ended.set()
        self._resolver.end()
        if self._thread.is_alive():
            os.eventfd_write(self._wake, 1)
            self._thread.join(5)
        if not self._thread.is_alive() and self._wake >= 0:
            os.close(self._wake)
            self._wake = -1

    def set_phase(self, phase: Phase, meeting: str = "") -> None:
        """Ask as often as this phase of this meeting wants it."""
        self._phase, self._meeting = phase, meeting
        self._order()

    def set_limits(self, limits: LinkLimits) -> None:
        """Judge by these limits from now on."""
        self._limits = limits
        self._order()

    def rollups(self) -> list[Rollup]:
        """Figures of each end since the last call."""
        return [line for end in self._ends.values() for line in end.take_rollups()]

    def light(self) -> tuple[EndLight, ...]:
        """State of each end."""
        return tuple(self._light(name, end) for name, end in self._ends.items())

    def clock_offset(self) -> Offset | None:
        """Our clock minus the center's; None before its reflector has answered."""
        center = self._ends.get(CENTER)
        return None if center is None else center.clock_offset()

    def standing(self) -> tuple[Finding, ...]:
        """Findings of the outages that are confirmed and last."""
        return self._rule.standing()

    def _order(self) -> None:
        self._orders.append((self._phase, self._meeting, self._limits))
        if self._wake >= 0:
            os.eventfd_write(self._wake, 1)

    def _light(self, name: str, end: WatchedEnd) -> EndLight:
        rule = self._rule.ends[name]
        silent_s, answered_s = rule.silent_since_s, rule.answered_at_s
        dark = rule.light in (Light.SUSPECT, Light.DOWN)
        return EndLight(
            name=name,
            light=rule.light,
            since=self._clock.utc(silent_s) if dark and silent_s is not None else None,
            answered_at=None if answered_s is None else self._clock.utc(answered_s),
            rtt_ms=end.rtt_ms,
            loss_percent=end.loss_percent(),
            failure=end.failure,
        )

    # The thread

    def _run(self) -> None:
        self._pace()
        while not self._ended.is_set():
            try:
                self._watch()
            except Exception:
                log.exception("the link watch broke and begins anew")
                self._ended.wait(1)
        for _ in range(_GOODBYES):
            for end in self._ends.values():
                end.say_goodbye()
            time.sleep(0.02)
        for end in self._ends.values():
            end.close()

    def _watch(self) -> None:
        """Hear, judge, send, wait; whoever comes late after the wait has slept and knows nothing of that time."""
        before_s, wait_s = time.monotonic(), 0.0
        ready: list[tuple[int, int]] = []
        while not self._ended.is_set():
            now_s = time.monotonic()
            overslept_s = now_s - before_s - wait_s
            stalled = overslept_s > self._limits.stall_ms / 1000
            self._hear(now_s, None if stalled else [number for number, _ in ready])
            if stalled:
                self._rule.stalled(overslept_s)
            for event in self._rule.look(now_s):
                self._tell(event)
            before_s = now_s
            self._obey()
            if not self._rule.open:
                self._clock.follow(now_s)
            wait_s = self._send(now_s)
            ready = self._poll.poll(wait_s * 1000)

    def _hear(self, now_s: float, ready: list[int] | None) -> None:
        """Take what has come, from all sockets after a stall."""
        ends = self._ends.values() if ready is None else [self._by_number[number] for number in ready if number in self._by_number]
        for end in ends:
            for sent_s, came_s in end.hear(now_s):
                self._rule.answered(end.target.label, sent_s, came_s)

    def _send(self, now_s: float) -> float:
        """Send what is due; how long to wait until the next."""
        hurried = self._rule.hurried
        hurry_s = self._limits.burst_interval_ms / 1000
        next_s = now_s + _LONGEST_WAIT_S
        for name, end in self._ends.items():
            interval_s = min(end.interval_s, hurry_s) if hurried else end.interval_s
            end.due_s = min(end.due_s, now_s + interval_s)
            if now_s >= end.due_s - _EARLY_S:
                self._ask(name, end, now_s)
                # In one beat with the others: a thread that wakes once for three packets costs a third.
                end.due_s = ((now_s + _EARLY_S) // interval_s + 1) * interval_s
            next_s = min(next_s, end.due_s)
        return max(0.0, next_s - time.monotonic())

    def _ask(self, name: str, end: WatchedEnd, now_s: float) -> None:
        rule = self._rule.ends[name]
        old = end.wire.fileno() if end.wire is not None else -1
        if end.keep_open(now_s, silent=rule.light is Light.DOWN or end.wire is None):
            self._replace(old, end)
        judged, refused = end.send(now_s)
        if judged:
            rule.sent(now_s, refused=refused)
        if end.wire is not None:
            # The time of leaving lies in the socket at once; taken now, it does not wake the thread again.
            for sent_s, came_s in end.hear(now_s):
                self._rule.answered(name, sent_s, came_s)

    def _replace(self, old: int, end: WatchedEnd) -> None:
        if old >= 0:
            self._by_number.pop(old, None)
            with contextlib.suppress(KeyError, OSError):
                self._poll.unregister(old)
        if end.wire is not None:
            self._by_number[end.wire.fileno()] = end
            self._poll.register(end.wire.fileno(), select.POLLIN)

    def _obey(self) -> None:
        """Take the latest order of the other threads."""
        if self._orders:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            while self._orders:
                phase, meeting, limits = self._orders.pop(0)
                self._rule.phase, self._rule.meeting = phase, meeting
                self._rule.limit(limits)
            self._pace()

    def _pace(self) -> None:
        limits, phase = self._limits, self._rule.phase
        for end in self._ends.values():
            if phase is Phase.LIVE:
                interval_s = (limits.live_interval_ms if end.target.name == CENTER else limits.others_interval_ms) / 1000
            else:
                interval_s = limits.idle_interval_s if phase is Phase.IDLE else limits.meeting_interval_s
            end.pace(interval_s)

    def _tell(self, event: WatchEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("nobody could be told of %s", event)
