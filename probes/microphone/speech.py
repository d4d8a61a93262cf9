"""Tells speech from room noise by its own level and rhythm, so that levels are rated on speech only (R27, R35). Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FLOOR_HOPS = 500
"""The floor is looked for in the last five seconds."""
_RHYTHM_HOPS = 100
_TALK_HOPS = 100
_OVER_FLOOR_DB = 12.0
_RHYTHM_DB = 12.0
"""Spread between the loud and the quiet tenth of one second: speech has 15 to 40 dB, steady noise and tones below 6."""


class SpeechGate:
    """Follows one channel in steps of 100 ms; constant memory.

    Attributes:
        floor_dbfs: Level that the quietest tenth of the last five seconds stays below.
        spread_db: Spread of the level within the last second.
        in_talk: Whether somebody has spoken within the last second: words with the pauses between them.
    """

    def __init__(self) -> None:
        self._levels = np.zeros(0)
        self.floor_dbfs = 0.0
        self.spread_db = 0.0
        self.in_talk = False
        self._quiet_hops = _TALK_HOPS

    def push(self, levels_dbfs: NDArray[np.float64]) -> bool:
        """Take the levels of the next hops of 10 ms; whether somebody speaks in them."""
        speaks = self._speaks(levels_dbfs)
        self._quiet_hops = 0 if speaks else self._quiet_hops + len(levels_dbfs)
        self.in_talk = self._quiet_hops < _TALK_HOPS
        return speaks

    def _speaks(self, levels_dbfs: NDArray[np.float64]) -> bool:
        self._levels = np.concatenate([self._levels, levels_dbfs])[-_FLOOR_HOPS:]
        self.floor_dbfs = _quantile(np.sort(self._levels), 0.1)
        second = np.sort(self._levels[-_RHYTHM_HOPS:])
        self.spread_db = _quantile(second, 0.9) - _quantile(second, 0.1)
        if len(second) < _RHYTHM_HOPS // 2 or self.spread_db < _RHYTHM_DB:
            return False
        return _quantile(np.sort(levels_dbfs), 0.5) > self.floor_dbfs + _OVER_FLOOR_DB


def _quantile(in_order: NDArray[np.float64], share: float) -> float:
    """Nearest-rank quantile of levels in ascending order; NumPy's own costs ten times as much."""
    return float(in_order[int(share * (len(in_order) - 1) + 0.5)])
