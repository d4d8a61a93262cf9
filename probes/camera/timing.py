"""When frames came: their rate, and how many are missing. Pure."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

_RATE_S, _LOST_S = 1.0, 3.0
"""What the rate and the lost frames are counted over."""
_GAP_INTERVALS = 1.7
"""A gap of so many usual intervals lacks a frame."""
_CAUGHT_UP_INTERVALS, _CAUGHT_UP_FRAMES = 0.6, 3
"""Frames that come so fast after a gap were late, not lost."""
_LONGEST_GAP_S = 1.0
"""A longer one is an interruption, not frames lost here and there."""
_HALF_TOLERANCE, _HALVES_SHARE = 0.08, 0.2
_LEAST_GAPS, _LEAST_LOST, _LEAST_FRAMES = 2, 3, 10


class FrameTimes:
    """Takes the moment of each frame, in seconds and in order, and the source's own stamp of it where there is one."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._stamped: deque[float] = deque()

    def push(self, at_s: float, stamp_s: float | None) -> None:
        """One frame came."""
        _keep(self._recent, at_s, _RATE_S)
        if stamp_s is None:
            self._stamped.clear()
        else:
            _keep(self._stamped, stamp_s, _LOST_S)

    @property
    def rate_hz(self) -> float | None:
        """Frames per second over the last second; None before there is most of a second of them."""
        span_s = self._recent[-1] - self._recent[0]
        return (len(self._recent) - 1) / span_s if len(self._recent) >= 3 and span_s >= 0.8 else None

    @property
    def interval_s(self) -> float:
        """Usual time between two frames; that of 25 a second until there are two."""
        return float(np.median(np.diff(np.array(self._recent)))) if len(self._recent) >= 2 else 0.04

    @property
    def lost_ratio(self) -> float | None:
        """Share of the frames that should have come in the last three seconds and did not; None while there are too few to tell.

        Counted where a gap is longer than the usual interval, and never for a camera that is slower for a while (in dusk, for example) or
        for frames that were late and came in a bunch. Fewer than three frames in two gaps are not counted.
        """
        if len(self._stamped) < _LEAST_FRAMES:
            return None
        intervals = np.diff(np.array(self._stamped))
        usual = _usual(intervals)
        if usual <= 0:
            return None
        missing = [round(gap / usual) - 1 for number, gap in enumerate(intervals) if _lacks(intervals, number, usual)]
        lost = sum(missing)
        return lost / (lost + len(self._stamped)) if len(missing) >= _LEAST_GAPS and lost >= _LEAST_LOST else 0.0


def _usual(intervals: NDArray[np.float64]) -> float:
    """The interval of a camera that loses frames: the median, or half of it where so many are lost that single frames are the exception."""
    median = float(np.median(intervals))
    halves = intervals[np.abs(intervals - median / 2) < _HALF_TOLERANCE * median]
    return float(np.median(halves)) if len(halves) >= _HALVES_SHARE * len(intervals) else median


def _lacks(intervals: NDArray[np.float64], number: int, usual_s: float) -> bool:
    """Whether frames are lost in an interval: it is long, not made up for at once, and one beside it is as usual."""
    gap, following = intervals[number], intervals[number + 1 : number + 1 + _CAUGHT_UP_FRAMES]
    beside = intervals[[at for at in (number - 1, number + 1) if 0 <= at < len(intervals)]]
    long = _GAP_INTERVALS * usual_s <= gap <= _LONGEST_GAP_S
    return bool(long and (following >= _CAUGHT_UP_INTERVALS * usual_s).all() and (beside < _GAP_INTERVALS * usual_s).any())


def _keep(moments: deque[float], newest_s: float, span_s: float) -> None:
    moments.append(newest_s)
    while len(moments) > 2 and newest_s - moments[1] >= span_s:
        moments.popleft()
