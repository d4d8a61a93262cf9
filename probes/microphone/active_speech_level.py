"""Active speech level by ITU-T P.56 (12/2011), method B; streaming, from figures that can be added up. Pure.

The level of speech only while it is active: an envelope is compared with a ladder of thresholds, each with its own activity (time
above it, and 0.2 s of hangover), and the threshold that lies 15.9 dB below the level that its own activity gives is the right one.
Levels are AES17 here, 3.01 dB above the standard's dBov.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.microphone.levels import LOWEST_DBFS, dbfs

THRESHOLDS = 2.0 ** -np.arange(1, 16)
"""Of the envelope, full scale 1: c_j of the standard for 16 bits, loudest first."""
_SOFTEST_FIRST_DBFS = [dbfs(threshold**2) for threshold in THRESHOLDS[::-1].tolist()]
_TIME_CONSTANT_S = 0.03
_HANGOVER_S = 0.2
_MARGIN_DB = 15.9
_STEP_S = 0.001
"""The envelope is followed every millisecond; the standard asks for 694 times a second at least."""


class Activity(NamedTuple):
    """What one channel did in some time; activities that follow each other are added up.

    Attributes:
        energy: Sum of the squares times the time of a sample, in seconds.
        seconds: How long it was.
        active_s: How long each threshold was active.
    """

    energy: float
    seconds: float
    active_s: NDArray[np.float64]

    def __add__(self, other: object) -> Activity:
        """Both together."""
        if not isinstance(other, Activity):
            return NotImplemented
        return Activity(self.energy + other.energy, self.seconds + other.seconds, self.active_s + other.active_s)


def together(activities: Sequence[Activity]) -> Activity:
    """One or more activities added up."""
    energies, seconds, active_s = zip(*activities, strict=True)
    return Activity(sum(energies), sum(seconds), np.concatenate(active_s).reshape(len(active_s), -1).sum(axis=0))


NOTHING = Activity(0.0, 0.0, np.zeros(len(THRESHOLDS)))


class ActivityMeter:
    """Follows the envelopes of all channels; constant memory."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._step = max(1, round(_STEP_S * rate_hz))
        self._keep = float(np.exp(-self._step / rate_hz / _TIME_CONSTANT_S))
        self._envelope = np.zeros((2, channels))
        """p and q of the standard: the signal smoothed once and twice."""
        self._idle = np.full((channels, len(THRESHOLDS)), np.inf)
        """Steps since each threshold was last reached."""
        self._hangover = round(_HANGOVER_S * rate_hz / self._step)
        self._rest = np.zeros((0, channels), np.float32)

    def push(self, samples: NDArray[np.float32]) -> list[Activity]:
        """Take samples without offset, shape (frames, channels); what each channel did in them."""
        joined = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        steps = len(joined) // self._step
        whole = joined[: steps * self._step]
        self._rest = joined[steps * self._step :]
        energies = np.einsum("ij,ij->j", samples, samples, dtype=np.float64) / self._rate_hz
        seconds = len(samples) / self._rate_hz
        if steps == 0:
            return [Activity(float(energy), seconds, NOTHING.active_s) for energy in energies]
        magnitudes = np.einsum("ijk->ik", np.abs(whole).reshape(steps, self._step, -1), dtype=np.float64) / self._step
        envelope = self._smooth(magnitudes)
        active = self._active_steps(envelope) * self._step / self._rate_hz
        return [Activity(float(energy), seconds, spent) for energy, spent in zip(energies, active, strict=True)]

    def _smooth(self, magnitudes: NDArray[np.float64]) -> NDArray[np.float64]:
        """The signal through two equal one-pole filters, with the powers of the pole instead of a loop over time."""
        filter_once, powers = _one_pole(self._keep, len(magnitudes))
        smooth = magnitudes
        for stage in range(2):
            before = self._envelope[stage].copy()
            smooth = filter_once @ smooth + powers[1:, None] * before
            self._envelope[stage] = smooth[-1]
        return smooth

    def _active_steps(self, envelope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Per channel and threshold the number of steps at or above it, or within the hangover after."""
        steps = len(envelope)
        number = np.arange(1, steps + 1)[:, None, None]
        above = envelope[:, :, None] >= THRESHOLDS
        idle = number - np.maximum.accumulate(np.where(above, number, -self._idle), axis=0)
        self._idle = idle[-1]
        return np.asarray((idle <= self._hangover).sum(axis=0), np.float64)


@lru_cache(maxsize=16)
def _one_pole(keep: float, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The filter from each step to each later one, and what is left of the state after each number of steps."""
    powers = np.asarray(keep ** np.arange(steps + 1), np.float64)
    apart = np.arange(steps)[:, None] - np.arange(steps)[None, :]
    return np.where(apart >= 0, (1 - keep) * powers[np.maximum(apart, 0)], 0.0), powers


def active_level(activity: Activity) -> tuple[float, float]:
    """Active level in dBFS (AES17) and activity factor (0 to 1) of what was heard; (−150, 0) if nothing was active."""
    if activity.energy <= 0 or activity.active_s[-1] <= 0:
        return LOWEST_DBFS, 0.0
    level_db = _level_at_margin(dbfs(activity.energy), activity.active_s.tolist())
    return level_db, min(1.0, 10 ** ((dbfs(activity.energy / activity.seconds) - level_db) / 10))


def _level_at_margin(energy_db: float, active_s: list[float]) -> float:
    """The level that lies the margin over its threshold, between the last threshold from below that lies further down and the next."""
    softer_db = softer_over_db = 0.0
    for threshold_db, seconds in zip(_SOFTEST_FIRST_DBFS, reversed(active_s), strict=True):
        if seconds <= 0:
            break
        level_db = energy_db - 10 * math.log10(seconds)
        over_db = level_db - threshold_db - _MARGIN_DB
        if over_db <= 0:
            share = softer_over_db / (softer_over_db - over_db) if softer_over_db > 0 else 1.0
            return softer_db + share * (level_db - softer_db)
        softer_db, softer_over_db = level_db, over_db
    return softer_db
