"""Whether two channels of one stream carry the same sound. Pure, streaming, constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAME_CORRELATION = 0.999
"""At no delay. Two microphones in one room stay below 0.95; a cable that feeds two inputs has 0.9999 and more."""
_SOUNDING_POWER = 10 ** (-70 / 10) / 2
_NEEDED_STEPS = 30
_STEP_S = 0.1


class Twins(NamedTuple):
    """Two channels that have been the same for three seconds of sound."""

    first: str
    second: str
    correlation: float


class ChannelPairs:
    """Compares all channels with each other, 100 ms at a time."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = targets
        self._same = np.zeros((len(targets), len(targets)), np.int64)
        self._correlation = np.zeros((len(targets), len(targets)))
        self._rest = np.zeros((0, len(targets)), np.float32)

    def push(self, samples: NDArray[np.float32], rate_hz: int) -> None:
        """Take some sound, shape (frames, channels). Silence says nothing either way."""
        if len(self._targets) < 2:
            return
        step = round(_STEP_S * rate_hz)
        joined = np.concatenate([self._rest, samples])
        for start in range(0, len(joined) - step + 1, step):
            self._compare(joined[start : start + step])
        self._rest = joined[len(joined) // step * step :]

    def _compare(self, samples: NDArray[np.float32]) -> None:
        audible = samples - samples.mean(axis=0)
        powers = audible.T @ audible / len(audible)
        own = np.diag(powers)
        sounding = np.minimum.outer(own, own) > _SOUNDING_POWER
        self._correlation = np.where(sounding, np.abs(powers) / np.sqrt(np.outer(own, own) + 1e-30), self._correlation)
        self._same = np.where(sounding, np.where(self._correlation >= SAME_CORRELATION, self._same + 1, 0), self._same)

    def twins(self) -> list[Twins]:
        """The pairs that are one channel by now."""
        pairs = np.argwhere(np.triu(self._same >= _NEEDED_STEPS, 1)).tolist()
        return [Twins(self._targets[a], self._targets[b], float(self._correlation[a, b])) for a, b in pairs]
