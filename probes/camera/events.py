"""Suspicions over the time of a recording, folded into events: one per fault, with begin, end and moment of detection. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probes.camera.suspicion import Suspicion

_GAP_S = 0.25
"""An unconfirmed fault may be well for this long in between: one odd frame neither makes nor breaks an event."""
_AT_ONCE = frozenset({"camera.low_resolution"})
"""Facts of the format; they need no confirmation."""
_UNBROKEN = frozenset({"camera.frozen"})
"""One frame that moved and the picture was not frozen."""
_SEEN_LATE_S = {"camera.low_frame_rate": 1.0, "camera.frozen": 1.9, "camera.banding": 0.6, "camera.dropped_frames": 1.0}
"""By how much a suspicion comes after what it tells: a rate is counted over a second, stillness told against two before."""
_CONFIRMED_S = {"camera.dropped_frames": 1.0, "camera.frozen": 0.4}
"""What is counted over seconds needs less confirmation."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fault of a recording, in seconds from its start.

    Attributes:
        worst: The suspicion with the figure furthest beyond its limit.
        started_at_s: First moment at which it showed.
        ended_at_s: End of the last moment at which it showed.
        detected_at_s: End of the frame by which it was certain; a recording cut there yields the same event.
    """

    worst: Suspicion
    started_at_s: float
    ended_at_s: float
    detected_at_s: float


@dataclass(slots=True)
class _Open:
    worst: Suspicion
    started_at_s: float
    first_seen_s: float
    last_seen_s: float
    detected_at_s: float | None = None


class EventFold:
    """Feed it moments in order, then ask for the events."""

    def __init__(self, *, confirm_s: float, clear_s: float) -> None:
        self._confirm_s = confirm_s
        self._clear_s = clear_s
        self._open: dict[str, _Open] = {}
        self._events: list[Event] = []

    def push(self, from_s: float, until_s: float, seen: Sequence[Suspicion]) -> None:
        """Take one moment of the recording, from the begin to the end of what it stands for."""
        for suspicion in seen:
            self._saw(suspicion, from_s, until_s)
        codes = {suspicion.code for suspicion in seen}
        for code in [code for code in self._open if code not in codes]:
            self._missed(code, until_s)

    def finish(self) -> list[Event]:
        """All events, those that lasted to the end included, in the order of their begin."""
        for code in list(self._open):
            self._close(code)
        return sorted(self._events, key=lambda event: (event.started_at_s, event.worst.code))

    def _saw(self, suspicion: Suspicion, from_s: float, until_s: float) -> None:
        code = suspicion.code
        fault = self._open.get(code)
        if fault is None:
            start = max(0.0, from_s - _SEEN_LATE_S.get(code, 0.0))
            fault = self._open[code] = _Open(worst=suspicion, started_at_s=start, first_seen_s=from_s, last_seen_s=until_s)
        fault.last_seen_s = until_s
        if _beyond(suspicion) > _beyond(fault.worst):
            fault.worst = suspicion
        needed_s = 0.0 if code in _AT_ONCE else min(self._confirm_s, _CONFIRMED_S.get(code, self._confirm_s))
        if fault.detected_at_s is None and until_s - fault.first_seen_s >= needed_s:
            fault.detected_at_s = until_s

    def _missed(self, code: str, until_s: float) -> None:
        fault = self._open[code]
        patience_s = self._clear_s if fault.detected_at_s is not None else 0.0 if code in _UNBROKEN else _GAP_S
        if until_s - fault.last_seen_s > patience_s:
            self._close(code)

    def _close(self, code: str) -> None:
        fault = self._open.pop(code)
        if fault.detected_at_s is not None:
            self._events.append(Event(fault.worst, fault.started_at_s, fault.last_seen_s, fault.detected_at_s))


def _beyond(suspicion: Suspicion) -> float:
    """How far a figure is beyond its limit, whichever way is worse."""
    if not suspicion.figure or not suspicion.limit:
        return 0.0
    return max(suspicion.figure / suspicion.limit, suspicion.limit / suspicion.figure)
