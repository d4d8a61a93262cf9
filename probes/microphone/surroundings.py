"""What stands around a line: harmonics and whether they rise with it, its neighbourhood, the loudest of the last half minute. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.microphone.lines import Lines

_HARMONICS = np.array([1 / 3, 1 / 2, 2 / 3, 3 / 2, 2, 3])
_NEXT_HARMONICS = np.array([(order + step) / order for order in range(3, 8) for step in (-1, 1)])
"""Where the neighbours stand of a line that is the third to seventh harmonic of something."""
_FACTORS = np.concatenate([_HARMONICS, _NEXT_HARMONICS])
_IS_NEXT = np.arange(len(_FACTORS)) >= len(_HARMONICS)
_LATEST = 4
"""Hops that are averaged."""
_REMEMBERED = 32
_APART = 4
"""Bins that a line itself fills: what is nearer is no companion."""
_LOBE, _BESIDE, _AROUND = np.arange(-1, 2), np.array([-6, -5, -4, -3, 3, 4, 5, 6]), np.arange(-24, 24)
"""Bins of a line, of what stands beside it, of its neighbourhood."""
_LINE_OVER, _NEXT_LINE_OVER = 10.0, 8.0
"""Power of a companion that is a line over the median around it."""
_BACK, _AT_LEAST_DB, _ALIKE = 10, -14.0, 0.6
"""A harmonic rises with a line if over the last tenth of a second it rose between 0.6 and 1.7 times as much, 14 dB below it or less."""
_AS_LOUD = 2
"""A companion as loud as the line counts for two."""
_BLOCK, _KNOWN_BLOCKS, _TOO_NEW = 50, 60, 2
"""The loudest of each half second is kept for half a minute; what grows now is no memory yet."""
_LEAST_POWER = 1e-30
LOWEST_DB = -30.0


class Company(NamedTuple):
    """What surrounds some lines; shape (lines,) each.

    Attributes:
        record_db: Level over the loudest that was there in the half minute before the last second; 0 where nothing is known yet.
        harmonic_db: The loudest at a simple ratio of the frequency, over the line; −30 at least.
        next_harmonic_db: The loudest line where the neighbours of a third to seventh harmonic would stand, over the line; −30 at least.
        rising: Companions that rise with the line.
        purity_db: The line over what stands beside it, at three to six bins.
        dominance_db: The line over the whole spectrum.
        rise_db: What it rose in the last tenth of a second.
    """

    record_db: NDArray[np.float64]
    harmonic_db: NDArray[np.float64]
    next_harmonic_db: NDArray[np.float64]
    rising: NDArray[np.float64]
    purity_db: NDArray[np.float64]
    dominance_db: NDArray[np.float64]
    rise_db: NDArray[np.float64]


class Surroundings:
    """The spectra of the last moments and the loudest of the last half minute."""

    def __init__(self, lines: Lines, bins: int) -> None:
        self._bin_hz, self._lowest, self._bins = lines.bin_hz, lines.lowest, bins
        self._last = np.zeros((_LATEST - 1, bins), np.float32)
        self._means = np.zeros((_REMEMBERED, bins), np.float32)
        self._loudest = np.zeros((_KNOWN_BLOCKS, bins), np.float32)
        self._record: NDArray[np.float32] | None = None
        self._hops = 0

    def push(self, power: NDArray[np.float32]) -> None:
        """Take the power of some hops, shape (hops, bins); all of them in one block of half a second."""
        block = self._hops // _BLOCK % _KNOWN_BLOCKS
        if self._hops % _BLOCK == 0:
            self._begin_block(block)
        joined = np.concatenate([self._last, power])
        self._last = joined[1 - _LATEST :]
        means = sum(joined[start : len(joined) - _LATEST + 1 + start] for start in range(_LATEST)) / np.float32(_LATEST)
        self._means[(self._hops + np.arange(len(power))) % _REMEMBERED] = means
        np.maximum(self._loudest[block], means.max(axis=0), out=self._loudest[block])
        self._hops += len(power)

    def _begin_block(self, block: int) -> None:
        self._loudest[block] = 0
        if self._hops >= (_TOO_NEW + 1) * _BLOCK:
            old = (block - _TOO_NEW - 1 - np.arange(_KNOWN_BLOCKS - _TOO_NEW - 1)) % _KNOWN_BLOCKS
            self._record = self._loudest[old].max(axis=0)

    def company(self, hops: NDArray[np.int64], bins: NDArray[np.int64], frequencies_hz: NDArray[np.float64]) -> Company:
        """What surrounds the lines at these hops and bins."""
        now, before = self._means[hops % _REMEMBERED], self._means[(hops - _BACK) % _REMEMBERED]
        line = np.arange(len(hops))
        own, was = now[line, bins], before[line, bins]
        rise_db = _decibels(own, was)
        at = np.rint(frequencies_hz[:, None] / self._bin_hz * _FACTORS).astype(int)
        there = (at >= self._lowest) & (at < self._bins - 1) & (np.abs(at - bins[:, None]) >= _APART)
        at = np.where(there, at, 1)
        here = np.where(there, _largest(now, at), 0)
        around = np.median(now[line[:, None, None], np.clip(at[:, :, None] + _AROUND, 0, self._bins - 1)], axis=2)
        over_db, rose_db = _decibels(here, own[:, None]), _decibels(here, _largest(before, at))
        rising = there & (over_db > np.where(_IS_NEXT, 0, _AT_LEAST_DB)) & (here > _LINE_OVER * around)
        rising &= (rose_db > _ALIKE * rise_db[:, None]) & (rose_db < rise_db[:, None] / _ALIKE + 0.5)
        next_line = np.where(here > _NEXT_LINE_OVER * around, over_db, LOWEST_DB)[:, _IS_NEXT]
        lobe = now[line[:, None], bins[:, None] + _LOBE].sum(axis=1)
        beside = now[line[:, None], np.clip(bins[:, None] + _BESIDE, 0, self._bins - 1)].sum(axis=1)
        return Company(
            record_db=np.zeros(len(hops)) if self._record is None else _decibels(own, self._record[bins[:, None] + _LOBE].max(axis=1)),
            harmonic_db=np.maximum(over_db[:, ~_IS_NEXT].max(axis=1), LOWEST_DB),
            next_harmonic_db=np.maximum(next_line.max(axis=1), LOWEST_DB),
            rising=np.where(rising, np.where(over_db < 0, 1, _AS_LOUD), 0).sum(axis=1).astype(float),
            purity_db=_decibels(lobe, beside),
            dominance_db=_decibels(lobe, now[:, self._lowest :].sum(axis=1)),
            rise_db=rise_db,
        )


def _largest(power: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.float32]:
    """The largest of each place and its two neighbours, row by row."""
    return np.asarray(power[np.arange(len(at))[:, None, None], at[:, :, None] + _LOBE].max(axis=2))


def _decibels(power: NDArray[np.float32], over: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(power, _LEAST_POWER) / np.maximum(over, _LEAST_POWER)), float)
