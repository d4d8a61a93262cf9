"""Follows tones that stand still in level and frequency, once every 100 ms; constant memory. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

_MOST = 20
_MOVED_DB, _MOVED_HZ = 2.5, 2.0
_APART = 1
_LOOKS, _STANDS_OUT_DB = 10, 15.0
"""Height over the neighbourhood in all but one of the looks of the last second."""


class Peak(NamedTuple):
    """A peak of the spectrum over 100 ms.

    Attributes:
        bin: Where it stands.
        frequency_hz: Finer than a bin.
        level_dbfs: Of the line.
        height_db: Over the neighbourhood.
    """

    bin: int
    frequency_hz: float
    level_dbfs: float
    height_db: float


@dataclass
class SteadyLine:
    """A line from the moment since which it has not moved.

    Attributes:
        peak: As it is now.
        since_s: Since when neither level nor frequency moved.
        told: Whether it was told.
    """

    peak: Peak
    since_s: float
    told: bool = False
    still: Peak = field(init=False)
    looks: deque[Peak] = field(default_factory=lambda: deque(maxlen=_LOOKS))

    def __post_init__(self) -> None:
        self.still = self.peak

    def move_to(self, peak: Peak, now_s: float) -> None:
        """Take the next look at it."""
        if abs(peak.level_dbfs - self.still.level_dbfs) > _MOVED_DB or abs(peak.frequency_hz - self.still.frequency_hz) > _MOVED_HZ:
            self.still, self.since_s = peak, now_s
        self.peak = peak
        self.looks.append(peak)

    @property
    def stands_out(self) -> bool:
        """Whether it stood over its neighbourhood for a second."""
        return len(self.looks) == _LOOKS and sum(look.height_db < _STANDS_OUT_DB for look in self.looks) <= 1


class SteadyLines:
    """All lines of one channel that go on from look to look."""

    def __init__(self) -> None:
        self._lines: list[SteadyLine] = []

    def follow(self, peaks: Iterable[Peak], began_s: float) -> list[SteadyLine]:
        """Continue each line at the peak of its bin or the next one; new peaks, the highest first, are new lines. The lines that live.

        Args:
            peaks: Of this look.
            began_s: When the 100 ms began.
        """
        free = {peak.bin: peak for peak in sorted(peaks, key=lambda peak: peak.height_db)}
        alive = []
        for line in self._lines:
            own = line.peak.bin
            near = next((free.pop(bin_) for bin_ in (own, own - _APART, own + _APART) if bin_ in free), None)
            if near is not None:
                line.move_to(near, began_s)
                alive.append(line)
        self._lines = (alive + [SteadyLine(peak, began_s) for peak in reversed(free.values())])[:_MOST]
        return self._lines
