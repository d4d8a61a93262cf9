"""Adds up what speaks for a howl, and tells when it is enough. Pure.

Each growth of a line is weighed by `probes.microphone.weights` as a log-likelihood ratio, howl against anything else. Page's
cumulative sum (*Continuous inspection schemes*, Biometrika 1954) adds the heaviest up over the hops, line by line: strong evidence
alarms in a tenth of a second, a coincidence never adds up. Where other lines came near an alarm in the last half minute and were none
(music does that, a room with talkers does not), more is asked for. When it is enough, 20 ms more are heard, and of all lines that
speak for a howl the one is told that will be the loudest in half a second: it is the most likely to stay when the loop saturates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from probes.microphone.growth import Growths
from probes.microphone.surroundings import Company
from probes.microphone.weights import weights

_MOST = 3.0
"""One hop says no more than this for or against."""
_ENOUGH = 15.0
_NEAR = 4.0
"""A sum that came near an alarm."""
_MORE = 15.0
"""What each of those adds to what is enough."""
_WITHIN_HOPS, _TOO_NEW_HOPS = 3000, 150
"""They count for half a minute, but not the last moment: a loop grows at several frequencies."""
_SAME_BINS, _SAME_HOPS = 2, 50
_CHOOSING_HOPS, _CHOSEN_FROM_HOPS = 2, 6
_SOON_S = 0.5


class Suspect(NamedTuple):
    """A line that grew as a howl does, over the longest span in which it did.

    Attributes:
        hop, bin: When and where.
        db_per_s, frequency_hz, height_db, level_dbfs: As in `Growths`.
    """

    hop: int
    bin: int
    db_per_s: float
    frequency_hz: float
    height_db: float
    level_dbfs: float

    @property
    def soon_dbfs(self) -> float:
        """Its level in half a second, if it goes on like this."""
        return self.level_dbfs + _SOON_S * self.db_per_s


@dataclass
class _Near:
    """A line whose evidence came near an alarm: when first and last, and where."""

    first_hop: int
    hop: int
    bin: int


class Evidence:
    """The sums of one channel's lines."""

    def __init__(self) -> None:
        self._sums: dict[int, tuple[float, int]] = {}
        """By bin: the sum and the hop in which it was reached."""
        self._nears: list[_Near] = []
        self._enough_at: int | None = None
        self._suspects: list[Suspect] = []

    def weigh(self, until_hop: int, growths: Growths | None, company: Company | None) -> list[Suspect]:
        """Take what grew in the hops up to (not including) `until_hop`; the howls that are told, each with the hop in which it is.

        Args:
            until_hop: All before it have been heard.
            growths: Of these hops, in order of time; None where nothing grew.
            company: What surrounds those lines.
        """
        told: list[Suspect] = []
        if growths is not None and company is not None:
            heaviest = np.where(growths.valid, weights(growths, company), -np.inf).max(axis=1).tolist()
            for line, (hop, bin_) in enumerate(zip(growths.hops.tolist(), growths.bins.tolist(), strict=True)):
                told += self._choose(hop)
                if heaviest[line] > 0:
                    self._suspects.append(_suspect(growths, line))
                self._add(hop, bin_, heaviest[line])
        told += self._choose(until_hop)
        self._forget(until_hop)
        return told

    def _add(self, hop: int, bin_: int, weight: float) -> None:
        """Add one hop's weight to the sum of its line, and see whether it is enough."""
        before = (self._sums.get(near, (0.0, hop)) for near in (bin_ - 1, bin_, bin_ + 1))
        so_far = max((total - _MOST * (hop - at - 1) for total, at in before if at < hop), default=0.0)
        total = max(0.0, max(0.0, so_far) + min(max(weight, -_MOST), _MOST))
        self._sums[bin_] = total, hop
        if total >= _NEAR:
            self._note(hop, bin_)
        if self._enough_at is None and total >= _ENOUGH + _MORE * self._cried_wolf(hop, bin_):
            self._enough_at = hop

    def _note(self, hop: int, bin_: int) -> None:
        """Remember that a line came near an alarm; a line that goes on is one."""
        for near in self._nears:
            if abs(near.bin - bin_) <= _SAME_BINS and hop - near.hop <= _SAME_HOPS:
                near.hop, near.bin = hop, bin_
                return
        self._nears.append(_Near(hop, hop, bin_))

    def _cried_wolf(self, hop: int, bin_: int) -> int:
        """How many other lines came near an alarm in the last half minute."""
        return sum(hop - near.first_hop > _TOO_NEW_HOPS and abs(near.bin - bin_) > _SAME_BINS for near in self._nears)

    def _choose(self, hop: int) -> list[Suspect]:
        """When enough was enough for 20 ms: the line that will be the loudest, told now."""
        if self._enough_at is None or hop < self._enough_at + _CHOOSING_HOPS:
            return []
        now = self._enough_at + _CHOOSING_HOPS - 1
        latest = [suspect for suspect in self._suspects if suspect.hop > now - _CHOSEN_FROM_HOPS]
        self._enough_at = None
        self._sums.clear()
        return [max(latest, key=lambda suspect: suspect.soon_dbfs)._replace(hop=now)] if latest else []

    def _forget(self, hop: int) -> None:
        self._sums = {bin_: (total, at) for bin_, (total, at) in self._sums.items() if total > _MOST * (hop - at - 1)}
        self._nears = [near for near in self._nears if hop - near.first_hop <= _WITHIN_HOPS]
        self._suspects = [suspect for suspect in self._suspects if hop - suspect.hop < _CHOSEN_FROM_HOPS + _CHOOSING_HOPS]


def _suspect(growths: Growths, line: int) -> Suspect:
    longest = int(np.flatnonzero(growths.valid[line])[-1])
    return Suspect(
        hop=int(growths.hops[line]),
        bin=int(growths.bins[line]),
        db_per_s=float(growths.db_per_s[line, longest]),
        frequency_hz=float(growths.frequency_hz[line, longest]),
        height_db=float(growths.height_db[line, longest]),
        level_dbfs=float(growths.level_dbfs[line]),
    )
