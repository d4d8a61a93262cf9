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

from probes.microphone.tracks import REMEMBERED, Tracks

_SPANS = np.array([8, 12, 16, 20, 32, 50, 80, 120])
SHORTEST_SPAN, LONGEST_SPAN = int(_SPANS[0]), int(_SPANS[-1])
_LEAST_RISE_DB = 3.0
_CROOKED_DB, _WANDER_HZ = 2.5, 2.0
"""Further from a straight line, or from one frequency, nothing is weighed at all."""
_SAME_HZ = 3.0
_HARMONICS = (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2, 3)
_NEXT_HARMONICS = tuple((order + step) / order for order in range(3, 8) for step in (-1, 1))
"""Where the neighbours stand of a line that is the third to seventh harmonic of something."""
_LATEST = 4
"""Hops over which the companions of a line are averaged."""
_LOWEST_COMPANION_DB = -30.0
_DRIFT, _MOST = 1.5, 3.0
ENOUGH = 30.0
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
        record_db: Level now over the loudest that this line was before the span; 20 where it was not there.
        bin: Where it stands.
    """

    span: int
    db_per_s: float
    late_share: float
    wander_hz: float
    prominence_db: float
    frequency_hz: float
    record_db: float
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
        frequency_hz = float(frequencies.sum() / span)
        return cls(
            span=span,
            db_per_s=slope / hop_s,
            late_share=late / slope,
            wander_hz=wander_hz,
            prominence_db=float(prominences[len(prominences) // 5]),
            frequency_hz=frequency_hz,
            record_db=_record_db(tracks, slot, span, frequency_hz),
            bin=int(tracks.bin[slot]),
        )


def _record_db(tracks: Tracks, slot: int, span: int, frequency_hz: float) -> float:
    known = min(int(tracks.age[slot]) - 1, REMEMBERED)
    if known <= span:
        return 20.0
    levels = tracks.levels_db(slot, known)
    same = np.abs(tracks.frequencies_hz(slot, known)[: known - span] - frequency_hz) < _SAME_HZ
    before = levels[: known - span][same]
    return float(levels[-1] - before.max()) if len(before) else 20.0


class Surroundings:
    """The spectra of the last moments: whether a line has company at the places of its harmonics."""

    def __init__(self, bins: int, bin_hz: float, lowest: int) -> None:
        self._bin_hz, self._lowest = bin_hz, lowest
        self._power = np.zeros((_LATEST, bins), np.float32)
        self._hops = 0
        self._mean: NDArray[np.float32] | None = None

    def push(self, power: NDArray[np.float32]) -> None:
        """Take the power of one hop, shape (bins,)."""
        self._power[self._hops % _LATEST] = power
        self._hops += 1
        self._mean = None

    def companion_db(self, position: int, frequency_hz: float) -> float:
        """Level over the line's own of the loudest harmonic, or of a tone that the line might be a harmonic of; −30 at least."""
        if self._mean is None:
            self._mean = self._power.sum(axis=0) / _LATEST
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
        return max(_LOWEST_COMPANION_DB, 10 * float(np.log10(max(loudest, 1e-30) / max(float(mean[position]), 1e-30))))


def weight(growth: Growth, companion_db: float) -> float:
    """Log-likelihood ratio (nats, save a constant): a loop's growth against speech, music and tones.

    Logistic regression on the tuning part of our corpus (`bench/microphone`): rendered loops between crossing and saturation
    against speech, music, telephone tones and stable loops.
    """
    return (
        -2.114
        - 2.488 * float(np.log10(growth.wander_hz + 0.02))
        - 2.168 * min(abs(growth.late_share - 1), 1.0)
        + 0.486 * min(max(growth.record_db, -5.0), 8.0) / 5
        - 1.369 * min(companion_db, 0.0) / 10
        - 0.475 * float(np.log2(growth.span / 20))
    )


def added(evidence: float, heaviest: float | None) -> float:
    """The cumulative sum after one more hop, in which the heaviest weight of all spans was this; None where nothing grew."""
    step = -_MOST if heaviest is None else min(max(heaviest - _DRIFT, -_MOST), _MOST)
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
