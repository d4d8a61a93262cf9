"""Levels in the time domain: power, peak, mean, clipping and gaps, per hop and channel. Pure.

dBFS is AES17-2015 (3.12.3): the RMS level of a full-scale sine is 0 dBFS, so that of a full-scale square wave is +3.01.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LOWEST_DBFS = -150.0
"""Told instead of minus infinity; below what any converter can tell."""
_CLIPPED_IN_A_ROW = 3
_LOUD_TOP = 10 ** (-30 / 20)
_FLAT_SHARE, _FLAT_LEAP, _COARSE = 1e-3, 5e-3, 4.0
_SHORTEST_GAP_S, _LONGEST_GAP_S, _EDGE_S = 0.002, 0.03, 0.005
_LOUD_EDGE = 10 ** (-50 / 20)
_LEAP = 1.0
_COARSE_STEP = 2.0**-12
"""Of 8 bits, A-law and µ-law; noise of a quiet room, −75 dBFS, lies within one such step and reads as digital zero."""


def dbfs(power: float) -> float:
    """Level of a mean square, AES17: 10·log10(2·power), not below `LOWEST_DBFS`."""
    return max(LOWEST_DBFS, 10 * math.log10(2 * power)) if power > 0 else LOWEST_DBFS


def dbfs_of_peak(peak: float) -> float:
    """Level of a peak magnitude: 0 for full scale, not below `LOWEST_DBFS`."""
    return max(LOWEST_DBFS, 20 * math.log10(peak)) if peak > 0 else LOWEST_DBFS


class ClippingCounter:
    """Counts runs of at least three consecutive samples at full scale, across blocks."""

    def __init__(self, channels: int, full_scale: float) -> None:
        self._full_scale = full_scale
        self._tail = np.zeros((_CLIPPED_IN_A_ROW, channels), bool)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Runs per channel that became long enough in these samples, shape (frames, channels)."""
        at_full_scale = np.concatenate([self._tail, np.abs(samples) >= self._full_scale])
        self._tail = at_full_scale[-_CLIPPED_IN_A_ROW:]
        if not at_full_scale.any():
            return np.zeros(samples.shape[1], np.int64)
        in_a_row = at_full_scale[:-2] & at_full_scale[1:-1] & at_full_scale[2:]
        return np.asarray((in_a_row[1:] & ~in_a_row[:-1]).sum(axis=0), np.int64)


def flat_tops(samples: NDArray[np.float32]) -> NDArray[np.int64]:
    """Runs per channel in which the loudest swings of these samples are cut off flat: clipping before our converter.

    A top is flat where three samples or more stay within a thousandth of the peak and the sound leaps into and out of them as no smooth
    top does (of a parabola the step beside a run is under three times the tolerance). Samples as coarse as the leap say nothing.

    Args:
        samples: Shape (frames, channels), at least some periods of the sound; where they end no run is counted.
    """
    counts = np.zeros(samples.shape[1], np.int64)
    for channel, sound in enumerate(samples.T):
        for top in (sound, -sound):
            counts[channel] += _flat_runs(top)
    return counts


def _flat_runs(sound: NDArray[np.float32]) -> int:
    peak = float(sound.max(initial=0.0))
    if peak < _LOUD_TOP:
        return 0
    starts, ends = _runs(sound >= peak * (1 - _FLAT_SHARE))
    inside = (ends - starts >= _CLIPPED_IN_A_ROW) & (starts > 0) & (ends < len(sound))
    starts, ends = starts[inside], ends[inside]
    if not len(starts):
        return 0
    leaps = (sound[starts] - sound[starts - 1] + sound[ends - 1] - sound[ends]) / 2
    return int((leaps > max(_FLAT_LEAP * peak, _COARSE * _grain(sound, peak))).sum())


def _runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where flags are set in a row: each first one, and the place after each last one. Few are set, so their places are compared."""
    places = np.flatnonzero(flags)
    apart = np.flatnonzero(np.diff(places) > 1)
    return np.concatenate([places[:1], places[apart + 1]]), np.concatenate([places[apart], places[-1:]]) + 1


def _grain(sound: NDArray[np.float32], peak: float) -> float:
    """Smallest step between two values in the upper half: of 8-bit or companded samples it is large, else next to nothing."""
    steps = np.diff(np.unique(sound[sound > peak / 2]))
    return float(steps.min()) if len(steps) else 0.0


class Coarseness:
    """Tells per channel whether all steps between samples so far are so large that they show no noise: then a pause is digital zero.

    Whatever made them so, 8 bits, telephone companding or a gain in numbers, it is in the samples and not in the file's header.
    """

    def __init__(self, channels: int) -> None:
        self._coarse = np.ones(channels, bool)
        self._last = np.zeros((1, channels), np.float32)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Take samples, shape (frames, channels). Costs nothing once every channel has shown a small step."""
        if self._coarse.any():
            steps = np.abs(np.diff(np.concatenate([self._last, samples]), axis=0))
            self._coarse &= ~((steps > 0) & (steps < _COARSE_STEP)).any(axis=0)
            self._last = samples[-1:]
        return self._coarse.copy()


class GapCounter:
    """Counts short digital silences that cut a sound off in mid-swing: lost buffers, never a pause or a noise gate.

    A gap is 2 to 30 ms of exact zeros between two loud stretches, where the sound leaps at each edge as
    it never does by itself. Gaps in hiss are not found so; a device tells of its own.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._shortest = round(_SHORTEST_GAP_S * rate_hz)
        self._longest = round(_LONGEST_GAP_S * rate_hz)
        self._edge = round(_EDGE_S * rate_hz)
        self._tail = np.zeros((self._longest + 2 * self._edge, channels), np.float32)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Gaps per channel whose following edge was completed by these samples."""
        joined = np.concatenate([self._tail, samples])
        known = len(self._tail)
        self._tail = joined[-known:]
        silent = joined == 0
        counts = np.zeros(samples.shape[1], np.int64)
        for channel in np.flatnonzero(silent.any(axis=0)):
            starts, ends = _runs(silent[:, channel])
            complete = ends + self._edge
            fits = (ends - starts >= self._shortest) & (ends - starts <= self._longest) & (starts >= self._edge)
            fits &= (complete > known) & (complete <= len(joined))
            for start, end in zip(starts[fits].tolist(), ends[fits].tolist(), strict=True):
                counts[channel] += self._is_gap(joined[:, channel], start, end)
        return counts

    def _is_gap(self, sound: NDArray[np.float32], start: int, end: int) -> bool:
        """Whether the zeros from `start` to before `end` cut off a sound that is loud on both sides."""
        left, right = sound[start - self._edge : start], sound[end : end + self._edge]
        loud = all(float(np.sqrt(np.mean(np.square(side)))) > _LOUD_EDGE for side in (left, right))
        return loud and _leaps(left, abs(float(left[-1]))) and _leaps(right, abs(float(right[0])))


def _leaps(sound: NDArray[np.float32], leap: float) -> bool:
    """Whether a leap is far larger than the steps that the sound makes by itself, and than those of its samples (8 bits are coarse)."""
    magnitudes = np.abs(sound)
    grain = float(magnitudes[magnitudes > 0].min(initial=leap))
    return leap > _LEAP * float(np.sqrt(np.mean(np.square(np.diff(sound))))) and leap > _COARSE * grain
