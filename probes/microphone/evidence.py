"""Weighs what a line did in the last moments: does it grow as only a loop makes it grow? Pure.

Two steps. `Growth` fits a straight line in dB through the last 80 ms to 1.2 s of a track. `weight` turns what was fitted into a
log-likelihood ratio, howl against anything else, and Page's cumulative sum (*Continuous inspection schemes*, Biometrika 1954) adds it up
over the hops: strong evidence alarms in a tenth of a second, weak evidence takes longer, a coincidence never adds up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.microphone.tracks import Tracks

_SPANS = np.array([8, 12, 16, 20, 32, 50, 80, 120])
SHORTEST_SPAN, LONGEST_SPAN = int(_SPANS[0]), int(_SPANS[-1])
_LEAST_RISE_DB = 3.0
_CROOKED_DB, _WANDER_HZ = 2.5, 2.0
"""Further from a straight line, or from one frequency, nothing is weighed at all."""
_HARMONICS = (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2, 3)
_NEXT_HARMONICS = tuple((order + step) / order for order in range(3, 8) for step in (-1, 1))
"""Where the neighbours stand of a line that is the third to seventh harmonic of something."""
_LATEST = 4
"""Hops over which the companions of a line are averaged."""
_LOWEST_COMPANION_DB = -30.0
_BLOCK, _KNOWN_BLOCKS, _TOO_NEW = 50, 60, 2
"""The loudest of each half second is kept for half a minute; what grows now is no memory yet."""
_BACK, _AT_LEAST_DB, _ALIKE, _LINE_OVER = 10, -14.0, 0.6, 10.0
"""A harmonic rises with a line if over the last tenth of a second it rose between 0.6 and 1.7 times as much, 14 dB below it or less."""
_VOICE = 2
"""Harmonics that rise with a line: so many make it somebody's voice, fewer are chance."""
_MOST = 3.0
"""One hop alone says no more than this."""
ENOUGH = 20.0
"""The sum at which a howl is told."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How a line grew over the last `span` hops.

    Attributes:
        span: Hops of 10 ms.
        db_per_s: Slope of the straight line through its levels.
        late_share: Slope of the second half over that of the whole; 1 on a straight line, less where the rise comes to rest.
        wander_hz: Standard deviation of the frequency between quarters of the span: what the programme shakes within one averages out.
        prominence_db: Height over the neighbourhood in the second half (its lower fifth).
        frequency_hz: Mean.
        bin: Where it stands.
    """

    span: int
    db_per_s: float
    late_share: float
    wander_hz: float
    prominence_db: float
    frequency_hz: float
    bin: int

    @classmethod
    def of(cls, tracks: Tracks, slot: int, span: int, hop_s: float) -> Growth | None:
        """The growth of a track, if it can be called one."""
        levels, frequencies = tracks.levels_db(slot, span), tracks.frequencies_hz(slot, span)
        slope, crooked_db = line_fit(levels)
        if slope <= 0 or crooked_db > _CROOKED_DB:
            return None
        quarter = span // 4
        quarters = frequencies[-4 * quarter :].reshape(4, quarter).sum(axis=1) / quarter
        off = quarters - quarters.sum() / 4
        wander_hz = float(np.sqrt(off @ off / 4))
        if wander_hz > _WANDER_HZ:
            return None
        late, _ = line_fit(levels[span // 2 :])
        prominences = np.sort(tracks.prominences_db(slot, span - span // 2))
        return cls(
            span=span,
            db_per_s=slope / hop_s,
            late_share=late / slope,
            wander_hz=wander_hz,
            prominence_db=float(prominences[len(prominences) // 5]),
            frequency_hz=float(frequencies.sum() / span),
            bin=int(tracks.bin[slot]),
        )


class Surroundings:
    """The spectra of the last moments and the loudest of the last half minute: a line's company, and whether it was ever that loud."""

    def __init__(self, bins: int, bin_hz: float, lowest: int) -> None:
        self._bin_hz, self._lowest = bin_hz, lowest
        self._power = np.zeros((_LATEST, bins), np.float32)
        self._mean = np.zeros(bins, np.float32)
        self._past = np.zeros((_BACK + 1, bins), np.float32)
        self._hops = 0
        self._loudest = np.zeros((_KNOWN_BLOCKS, bins), np.float32)
        self._record: NDArray[np.float32] | None = None

    def push(self, power: NDArray[np.float32]) -> None:
        """Take the power of one hop, shape (bins,)."""
        self._power[self._hops % _LATEST] = power
        self._power.mean(axis=0, out=self._mean)
        self._past[self._hops % (_BACK + 1)] = self._mean
        block = self._hops // _BLOCK % _KNOWN_BLOCKS
        if self._hops % _BLOCK == 0:
            self._loudest[block] = 0
            if self._hops >= (_TOO_NEW + 1) * _BLOCK:
                old = (block - _TOO_NEW - np.arange(_KNOWN_BLOCKS - _TOO_NEW)) % _KNOWN_BLOCKS
                self._record = self._loudest[old[1:]].max(axis=0)
        np.maximum(self._loudest[block], self._mean, out=self._loudest[block])
        self._hops += 1

    def record_db(self, position: int) -> float:
        """Level of a line over the loudest that was there in the half minute before the last second; 0 where nothing is known yet."""
        if self._record is None:
            return 0.0
        before = float(self._record[position - 1 : position + 2].max())
        return _decibels(float(self._mean[position]), before)

    def sounds_like_a_voice(self, position: int, frequency_hz: float) -> bool:
        """Whether two harmonics, or one as loud, rise with a line: a note that swells, a vowel that begins; a loop that grows has none."""
        now, before = self._mean, self._past[self._hops % (_BACK + 1)]
        rise_db = _decibels(float(now[position]), float(before[position]))
        rising = 0
        for factor in _HARMONICS + _NEXT_HARMONICS:
            k = round(frequency_hz / self._bin_hz * factor)
            if not self._lowest <= k < len(now) - 1 or abs(k - position) < 4:
                continue
            here = float(now[k - 1 : k + 2].max())
            over_db = _decibels(here, float(now[position]))
            if over_db > (_AT_LEAST_DB if factor in _HARMONICS else 0) and here > _LINE_OVER * float(
                np.median(now[max(k - 24, 0) : k + 24])
            ):
                rose_db = _decibels(here, float(before[k - 1 : k + 2].max()))
                if _ALIKE * rise_db < rose_db < rise_db / _ALIKE + 0.5:
                    rising += 1 if over_db < 0 else _VOICE
        return rising >= _VOICE

    def companion_db(self, position: int, frequency_hz: float) -> float:
        """Level over the line's own of the loudest harmonic, or of a tone that the line might be a harmonic of; −30 at least."""
        mean, place = self._mean, frequency_hz / self._bin_hz
        loudest = 0.0
        for factors in (_HARMONICS, _NEXT_HARMONICS):
            for factor in factors:
                k = round(place * factor)
                if not self._lowest <= k < len(mean) - 1 or abs(k - position) < 4:  # the line's own width is no neighbour
                    continue
                here = float(mean[k - 1 : k + 2].max())
                if here <= loudest:
                    continue
                if factors is _NEXT_HARMONICS and here < 8 * float(np.median(mean[max(k - 24, 0) : k + 24])):
                    continue  # not a line
                loudest = here
        return max(_LOWEST_COMPANION_DB, _decibels(loudest, float(mean[position])))


def _decibels(power: float, over: float) -> float:
    return 10 * float(np.log10(max(power, 1e-30) / max(over, 1e-30)))


def weight(growth: Growth, companion_db: float, record_db: float) -> float:
    """Log-likelihood ratio (nats): a loop's growth against speech, music and tones.

    Logistic regression on the tuning part of our corpus (`bench/microphone`): rendered loops between crossing and saturation
    against speech, music and stable loops; fitted again three times with more weight on the lines that would have alarmed.
    """
    return (
        -0.11
        - 2.29 * float(np.log10(growth.wander_hz + 0.02))
        - 2.21 * min(abs(growth.late_share - 1), 1.0)
        - 0.62 * min(max(companion_db + 15, 0.0), 15.0) / 10
        + 0.77 * min(max(record_db, -15.0), 15.0) / 10
        - 0.53 * min(max(growth.prominence_db, 10.0), 35.0) / 10
        - 0.39 * float(np.log2(growth.span / 20))
    )


def added(evidence: float, heaviest: float | None) -> float:
    """The cumulative sum after one more hop, in which the heaviest weight of all spans was this; None where nothing grew."""
    step = -_MOST if heaviest is None else min(max(heaviest, -_MOST), _MOST)
    return max(0.0, evidence + step)


def spans_that_rise(tracks: Tracks, slots: NDArray[np.int64]) -> Iterator[tuple[int, list[int]]]:
    """For each slot the spans over which its level rose at all; an empty list where none did."""
    rises = tracks.rises_db(slots, _SPANS)
    rising = (rises > _LEAST_RISE_DB) & (tracks.age[slots][:, None] > _SPANS)
    for slot, row in zip(slots.tolist(), rising, strict=True):
        yield slot, _SPANS[row].tolist()


def line_fit(levels: NDArray[np.float64]) -> tuple[float, float]:
    """Slope per step of the straight line through `levels`, and the RMS distance from it."""
    steps = np.arange(len(levels)) - (len(levels) - 1) / 2
    slope = float(steps @ levels / (steps @ steps))
    distance = levels - levels.sum() / len(levels) - slope * steps
    return slope, float(np.sqrt(distance @ distance / len(levels)))
