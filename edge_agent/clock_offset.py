"""How far this machine's clock is ahead of the center's, from the four times of each STAMP exchange. Pure.

The NTP formula (RFC 5905, 8) without NTP: the link watch asks the center's reflector all the time, and the kernel stamps its packets.
What an exchange says is off by half of its round trip at most, however the two ways differ; so each exchange is an interval, and what all
of the last ones agree on is narrower than the best of them (Marzullo's intersection).
"""

from __future__ import annotations

from collections import deque

import msgspec

_KEPT = 32
_DRIFT_MS = 0.5
"""What the clocks may drift apart, and stamps be off, between the oldest exchange and the newest."""


class Offset(msgspec.Struct, frozen=True, kw_only=True):
    """Our clock minus the center's.

    Attributes:
        offset_ms: Positive: ours is ahead.
        error_ms: It is off by this much at most.
    """

    offset_ms: float
    error_ms: float


class ClockOffset:
    """Takes exchanges; tells the offset that the last ones agree on.

    A clock that is set makes the newest exchange disagree with those before, which then count no more.
    """

    def __init__(self) -> None:
        self._intervals: deque[tuple[float, float]] = deque(maxlen=_KEPT)

    def add(self, sent_ns: int, arrived_ns: int, left_ns: int, came_ns: int) -> None:
        """Take one exchange: T1 and T4 by our clock, T2 and T3 by the center's, Unix time in nanoseconds."""
        # Integers first: a double cannot hold a Unix time to the nanosecond.
        low_ms, high_ms = (sent_ns - arrived_ns) / 1e6 - _DRIFT_MS, (came_ns - left_ns) / 1e6 + _DRIFT_MS
        if low_ms > high_ms:
            return  # a clock was set between sending and hearing
        if any(low_ms > high or high_ms < low for low, high in self._intervals):
            self._intervals.clear()
        self._intervals.append((low_ms, high_ms))

    @property
    def now(self) -> Offset | None:
        """What is known; None before the first exchange."""
        if not self._intervals:
            return None
        low_ms = max(low for low, _ in self._intervals)
        high_ms = min(high for _, high in self._intervals)
        # Each meets the newest, and yet two of them may miss each other by some of the drift.
        return Offset(offset_ms=round((low_ms + high_ms) / 2, 3), error_ms=round(abs(high_ms - low_ms) / 2, 3))
