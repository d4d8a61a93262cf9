"""What every bin of one channel's spectrum did in the last moments: level, height over the neighbourhood, phase. Constant memory. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probes.microphone.spectrum import LOWEST_HZ, WINDOW_HOPS, Spectrograph
from probes.microphone.steady import Peak

LOOKED_BACK = 160
"""Hops that one may look back from any hop that was pushed last: 1.6 s."""
_REMEMBERED = LOOKED_BACK + 12
"""Ten hops come at once, and a frequency needs the hop before."""
_CANDIDATES = 10
_PEAK_BELOW_DB = 3.0
"""A peak is followed from this much below the height that a howl must have."""
_HEARD_POWER = 1e-9
"""A line below −90 dBFS is not looked at."""
_LEAST_POWER = 1e-15
_Places = NDArray[np.int64]


class Lines:
    """The last hops of one channel as rings over time.

    Attributes:
        bin_hz: Width of a bin.
        hop_s: Length of a hop.
        lowest: First bin that is looked at.
        hops: How many have been taken.
    """

    def __init__(self, spectrograph: Spectrograph, rate_hz: int) -> None:
        self.bin_hz, self.hop_s = spectrograph.bin_hz, spectrograph.hop / rate_hz
        self.lowest = int(np.ceil(LOWEST_HZ / spectrograph.bin_hz))
        self.hops = 0
        self._scale = 1 / spectrograph.full_scale_power
        self._levels_db = np.full((_REMEMBERED, spectrograph.bins), -150, np.float32)
        self._heights_db = np.zeros((_REMEMBERED, spectrograph.bins), np.float32)
        self._spectra = np.zeros((_REMEMBERED, spectrograph.bins), np.complex64)

    def push(self, spectra: NDArray[np.complex64], power: NDArray[np.float32], floor: NDArray[np.float32]) -> None:
        """Take some hops, shape (hops, bins) each."""
        rows = (self.hops + np.arange(len(spectra))) % _REMEMBERED
        line = power.copy()
        line[:, 1:-1] += power[:, :-2] + power[:, 2:]
        self._levels_db[rows] = _decibels(line, 1 / self._scale)
        self._heights_db[rows] = _decibels(power, floor)
        self._spectra[rows] = spectra
        self.hops += len(spectra)

    def looks(self, power: NDArray[np.float32], floor: NDArray[np.float32], height_db: float) -> list[Peak]:
        """The highest peaks of some hops' mean power, shape (1, bins), with their frequency in the last hop."""
        _, bins = self.peaks(power, floor, height_db + _PEAK_BELOW_DB)
        frequencies_hz = self.frequencies_hz(np.full(len(bins), self.hops - 1), bins)
        levels_db = _decibels(power[0, bins - 1] + power[0, bins] + power[0, bins + 1], 1 / self._scale)
        heights_db = _decibels(power[0, bins], floor[0, bins])
        figures = zip(bins.tolist(), frequencies_hz.tolist(), levels_db.tolist(), heights_db.tolist(), strict=True)
        return [Peak(*each) for each in figures]

    def peaks(self, power: NDArray[np.float32], floor: NDArray[np.float32], height_db: float) -> tuple[_Places, _Places]:
        """The highest peaks of each hop that was pushed last: their hops (from the start of the stream) and bins, in order of time."""
        middle, around = power[:, 1:-1], floor[:, 1:-1]
        is_peak = (middle > power[:, :-2]) & (middle >= power[:, 2:])
        is_peak &= middle > around * np.float32(10 ** ((height_db - _PEAK_BELOW_DB) / 10))
        is_peak &= middle > np.float32(_HEARD_POWER / self._scale)
        is_peak[:, : self.lowest] = False
        hop, which = np.nonzero(is_peak)
        if len(hop) > _CANDIDATES:
            order = np.lexsort((-middle[hop, which] / around[hop, which], hop))
            hop, which = hop[order], which[order]
            kept = np.arange(len(hop)) - np.searchsorted(hop, hop) < _CANDIDATES
            hop, which = hop[kept], which[kept]
        return self.hops - len(power) + hop, which + 1

    def levels_db(self, hops: NDArray[np.int64], bins: NDArray[np.int64]) -> NDArray[np.float32]:
        """Level in dBFS of the lines at these hops and bins (broadcast): the power of a bin and its two neighbours."""
        return self._levels_db[hops % _REMEMBERED, bins]

    def heights_db(self, hops: NDArray[np.int64], bins: NDArray[np.int64]) -> NDArray[np.float32]:
        """Height over the ±24 bins around."""
        return self._heights_db[hops % _REMEMBERED, bins]

    def frequencies_hz(self, hops: NDArray[np.int64], bins: NDArray[np.int64]) -> NDArray[np.float64]:
        """Frequency from the phase that a line turned in one hop: far finer than a bin, unambiguous within ±50 Hz of it."""
        turned = np.angle(self._spectra[hops % _REMEMBERED, bins] * np.conj(self._spectra[(hops - 1) % _REMEMBERED, bins])).astype(float)
        deviation = (turned - 2 * np.pi * bins / WINDOW_HOPS + np.pi) % (2 * np.pi) - np.pi
        return np.asarray(bins * self.bin_hz + deviation / (2 * np.pi * self.hop_s))

    def out_since(self, hop: int, bin_: int, height_db: float) -> int:
        """The hop after the last one, up to `hop`, in which the line did not stand out by this much; 1.6 s before at the earliest."""
        first = max(0, hop - LOOKED_BACK + 1)
        heights = self.heights_db(np.arange(first, hop + 1), np.array([bin_]))
        hidden = np.flatnonzero(heights < height_db)
        return first + (int(hidden[-1]) + 1 if len(hidden) else 0)


def _decibels(power: NDArray[np.float32], over: NDArray[np.float32] | float) -> NDArray[np.float32]:
    return np.asarray(10 * np.log10(np.maximum(power / over, _LEAST_POWER)), np.float32)
