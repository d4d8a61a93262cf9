"""Follows the strongest spectral lines of one channel from hop to hop; constant memory, all lines at once. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probes.microphone.spectrum import WINDOW_HOPS

SLOTS = 20
REMEMBERED = 160
"""Hops of history of a track: 1.6 s."""
_MOST_MISSED = 3
_STEADY_DB, _STEADY_HZ = 2.5, 2.0


class Tracks:
    """At most `SLOTS` lines; a new one takes the place of none that lives.

    Attributes:
        bin: Where each slot's line is now.
        age: One more than the hops it has been followed for; 0 is a free slot.
        born_hop: The hop before its first.
        steady_since_hop: Since when neither level nor frequency moved.
        howled, told_steady: What was already said of it.
        evidence: Cumulative sum for a howl.
    """

    def __init__(self, bin_hz: float, hop_s: float, scale: float) -> None:
        self._bin_hz, self._hop_s, self._scale = bin_hz, hop_s, scale
        self.bin = np.zeros(SLOTS, np.int64)
        self.age = np.zeros(SLOTS, np.int64)
        self.born_hop = np.zeros(SLOTS, np.int64)
        self.steady_since_hop = np.zeros(SLOTS, np.int64)
        self.howled = np.zeros(SLOTS, bool)
        self.told_steady = np.zeros(SLOTS, bool)
        self.evidence = np.zeros(SLOTS)
        self._missed = np.zeros(SLOTS, np.int64)
        self._steady = np.zeros((2, SLOTS))
        self._history = np.zeros((3, SLOTS, 2 * REMEMBERED))  # written twice, so that every stretch of it lies in one piece
        self._at = 0
        self._hops = 0
        self._before: NDArray[np.complex64] | None = None

    def levels_db(self, slot: int, count: int) -> NDArray[np.float64]:
        """Level of the line in dBFS in the last `count` hops, oldest first."""
        return self._history[0, slot, self._at + REMEMBERED - count : self._at + REMEMBERED]

    def frequencies_hz(self, slot: int, count: int) -> NDArray[np.float64]:
        """Its frequency."""
        return self._history[1, slot, self._at + REMEMBERED - count : self._at + REMEMBERED]

    def prominences_db(self, slot: int, count: int) -> NDArray[np.float64]:
        """Its height over the neighbourhood."""
        return self._history[2, slot, self._at + REMEMBERED - count : self._at + REMEMBERED]

    def rises_db(self, slots: NDArray[np.int64], spans: NDArray[np.int64]) -> NDArray[np.float64]:
        """Level now minus the level each span ago, shape (slots, spans)."""
        now = self._at + REMEMBERED - 1
        levels = self._history[0][slots]
        return np.asarray(levels[:, now, None] - levels[:, now + 1 - spans])

    def follow(self, spectrum: NDArray[np.complex64], power: NDArray[np.float32], floor: NDArray[np.float32], peaks: list[int]) -> None:
        """Continue each track at the nearest peak, or at its own bin where there is none for a moment; new peaks are new tracks."""
        free = set(peaks)
        bins = self.bin.tolist()
        for slot in np.flatnonzero(self.age).tolist():
            own = bins[slot]
            near = next((k for k in (own, own - 1, own + 1) if k in free), None)
            if near is not None:
                free.discard(near)
                self.bin[slot], self._missed[slot] = near, 0
            else:
                self._missed[slot] += 1
        self.age[self._missed > _MOST_MISSED] = 0
        for slot, peak in zip(np.flatnonzero(self.age == 0).tolist(), sorted(free, key=lambda k: -power[k]), strict=False):
            self._start(slot, peak)
        self._hops += 1
        self._measure(spectrum, power, floor)
        self._before = spectrum

    def _start(self, slot: int, peak: int) -> None:
        self.bin[slot], self.born_hop[slot], self.steady_since_hop[slot] = peak, self._hops, self._hops
        self.age[slot], self._missed[slot] = 1, 0
        self.howled[slot] = self.told_steady[slot] = False
        self._steady[:, slot] = -1000
        self.evidence[slot] = 0

    def _measure(self, spectrum: NDArray[np.complex64], power: NDArray[np.float32], floor: NDArray[np.float32]) -> None:
        slots = np.flatnonzero(self.age)
        k = self.bin[slots]
        line = power[k - 1] + power[k] + power[k + 1]
        figures = np.empty((3, len(slots)))
        figures[0] = 10 * np.log10(np.maximum(line * self._scale, 1e-15))
        figures[1] = self._frequencies(spectrum, k)
        figures[2] = 10 * np.log10(np.maximum(power[k] / np.maximum(floor[k], 1e-15 / self._scale), 1e-15))
        self._history[:, slots, self._at] = figures
        self._history[:, slots, self._at + REMEMBERED] = figures
        self._at = (self._at + 1) % REMEMBERED
        moved = (np.abs(figures[0] - self._steady[0, slots]) > _STEADY_DB) | (np.abs(figures[1] - self._steady[1, slots]) > _STEADY_HZ)
        self.steady_since_hop[slots[moved]] = self._hops
        self._steady[:, slots[moved]] = figures[:2, moved]
        self.age[slots] += 1

    def _frequencies(self, spectrum: NDArray[np.complex64], k: NDArray[np.int64]) -> NDArray[np.float64]:
        """Frequency from the phase that a line turned in one hop: far finer than a bin, unambiguous within ±50 Hz of it."""
        before = spectrum if self._before is None else self._before
        turned = np.angle(spectrum[k] * np.conj(before[k])).astype(float)
        deviation = (turned - 2 * np.pi * k / WINDOW_HOPS + np.pi) % (2 * np.pi) - np.pi
        return np.asarray(k * self._bin_hz + deviation / (2 * np.pi * self._hop_s))
