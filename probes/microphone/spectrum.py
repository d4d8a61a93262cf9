"""Short-time spectra every 10 ms, each over 80 ms, and how far a line stands over its neighbourhood. Pure."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

WINDOW_HOPS = 8
NEIGHBOURS = 24
"""Bins (of 12.5 Hz) on each side that make the local floor; a howl must not hide in its own long-term floor."""
_LINE = 2
"""Bins on each side that a line itself fills (Hann)."""
_NOTHING = 1e-20
"""Power of a floor where there is none (a sound of few bits): one may divide by it."""
LOWEST_HZ, HIGHEST_HZ = 120.0, 10_000.0


def hop_of(rate_hz: int) -> int:
    """Samples in one hop of 10 ms (or very nearly, where the rate is not divisible)."""
    return max(1, round(rate_hz / 100))


class Spectrograph:
    """Hann-windowed spectra of 80 ms, one per hop; remembers the overlap between calls."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self.hop = hop_of(rate_hz)
        self.size = WINDOW_HOPS * self.hop
        self.bin_hz = rate_hz / self.size
        self.bins = min(self.size // 2, round(min(HIGHEST_HZ, 0.46 * rate_hz) / self.bin_hz)) + NEIGHBOURS
        self.bins = min(self.bins, self.size // 2 + 1)
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.size) / self.size)).astype(np.float32)
        self._tail = np.zeros((channels, self.size - self.hop), np.float32)
        self.full_scale_power = 3 * self.size**2 / 32
        """Power of a full-scale sine, summed over its line; 0 dBFS."""

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Spectra of whole hops, shape (channels, hops, bins); `samples` has the shape (hops · hop, channels)."""
        joined = np.concatenate([self._tail, samples.T], axis=1)
        self._tail = joined[:, -self._tail.shape[1] :]
        frames = np.lib.stride_tricks.sliding_window_view(joined, self.size, axis=1)[:, :: self.hop]
        return np.asarray(np.fft.rfft(frames * self._window, axis=2)[:, :, : self.bins], np.complex64)


def local_floor(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean power of the ±24 bins around each bin without the ±2 of the line itself; shape as given, bins last."""
    bins = power.shape[-1]
    total = np.zeros((*power.shape[:-1], bins + 2 * NEIGHBOURS + 1))
    np.cumsum(power, axis=-1, out=total[..., NEIGHBOURS + 1 : NEIGHBOURS + 1 + bins])
    total[..., NEIGHBOURS + 1 + bins :] = total[..., NEIGHBOURS + bins, None]
    around = total[..., 2 * NEIGHBOURS + 1 :] - total[..., :bins]
    inner = NEIGHBOURS - _LINE
    around -= total[..., inner + 2 * _LINE + 1 : inner + 2 * _LINE + 1 + bins] - total[..., inner : inner + bins]
    np.maximum(around, _NOTHING, out=around)
    around *= _per_neighbour(bins)
    return around.astype(np.float32)


class Unrest:
    """How much the octave bands from 125 Hz on change from one call to the next: noise stands still, music and voices do not.

    Of even noise, white to brown, 100 ms differ from the 100 ms before by 0.4 to 1.0 dB in the mean of one second; of music, metal
    and electronic included, by 1.2 to 6 (our measurement on six pieces).
    """

    def __init__(self, spectrograph: Spectrograph) -> None:
        edges_hz = [125.0 * 2**octave for octave in range(7)]
        bins = [round(edge_hz / spectrograph.bin_hz) for edge_hz in edges_hz]
        self._starts = [start for start in bins if start < spectrograph.bins - 1]
        self._before_db: NDArray[np.float64] | None = None

    def push(self, power: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean change in dB per channel since the last call, from powers of the shape (channels, hops, bins); 0 at first."""
        bands = np.add.reduceat(power.sum(axis=1, dtype=np.float64) / power.shape[1], self._starts, axis=1)
        levels_db = 10 * np.log10(bands + _NOTHING)
        before_db, self._before_db = self._before_db, levels_db
        return np.zeros(len(power)) if before_db is None else np.asarray(np.abs(levels_db - before_db).mean(axis=1))


@cache
def _per_neighbour(bins: int) -> NDArray[np.float64]:
    """One over the number of neighbours that each bin has."""
    index = np.arange(bins)
    outer = np.minimum(index + NEIGHBOURS + 1, bins) - np.maximum(index - NEIGHBOURS, 0)
    line = np.minimum(index + _LINE + 1, bins) - np.maximum(index - _LINE, 0)
    return np.asarray(1.0 / (outer - line))


def tonality(power: NDArray[np.float32], floor: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of the power that stands in lines 8 dB over their neighbourhood: near 0 for noise, near 1 for tones and vowels."""
    total = power.sum(axis=-1, dtype=np.float64)
    lines = np.einsum("...i,...i->...", power, power > 6.3 * floor)
    return np.asarray(np.divide(lines, total, out=np.zeros_like(total), where=total > 0))
