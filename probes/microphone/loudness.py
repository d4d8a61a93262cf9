"""Loudness by ITU-R BS.1770-4 (2015), each channel as a mono programme of its own; streaming, constant memory. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SILENT_LUFS = -150.0
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_BINS_PER_LU = 100
_TOP_LUFS = 20.0
_MOMENTARY_STEPS, _SHORT_TERM_STEPS = 4, 30


def k_weighting(rate_hz: float) -> NDArray[np.float64]:
    """The two biquads of BS.1770-4 annex 1, rows b0 b1 b2 1 a1 a2, for any sample rate.

    The standard tabulates 48 kHz only; the analog prototypes behind its table (De Man, *Evaluation of Implementations of
    the EBU R128 Loudness Measurement*, AES 145, 2018) reproduce it to 1e-9 and give the others.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate_hz)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = [(high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0]
    shelf += [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    k = math.tan(math.pi * 38.13547087602444 / rate_hz)
    q = 0.5003270373238773
    a0 = 1 + k / q + k * k
    return np.array([shelf, [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]])


class BlockFilter:
    """A cascade of two biquads as matrices over blocks: exact, and fast in NumPy, which has no recursive filter."""

    def __init__(self, sections: NDArray[np.float64], block: int, blocks: int, channels: int) -> None:
        self.block = block
        self._state = np.zeros((channels, 4))
        self._from_state, keep = self._run(sections, np.eye(4), np.zeros((4, block)))
        self._carry = _carry(keep, blocks)
        impulse = np.zeros((block, block))
        np.fill_diagonal(impulse, 1.0)
        self._from_input, self._feed = self._run(sections, np.zeros((block, 4)), impulse)

    @staticmethod
    def _run(
        sections: NDArray[np.float64], state: NDArray[np.float64], sound: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Filter each row of `sound` from each row of `state` in transposed direct form II; outputs and final states."""
        output, state = np.empty_like(sound), state.copy()
        for n in range(sound.shape[1]):
            x = sound[:, n]
            for i, (b0, b1, b2, _, a1, a2) in enumerate(sections):
                y = b0 * x + state[:, 2 * i]
                state[:, 2 * i] = b1 * x - a1 * y + state[:, 2 * i + 1]
                state[:, 2 * i + 1] = b2 * x - a2 * y
                x = y
            output[:, n] = x
        return output, state

    def push(self, sound: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter `sound`, shape (channels, blocks, block) as announced, and remember where it stopped."""
        output = sound @ self._from_input
        fed = sound @ self._feed
        known = np.concatenate([self._state[:, None], fed], axis=1).reshape(len(sound), -1)
        states = (known @ self._carry).reshape(len(sound), -1, 4)
        self._state = states[:, -1]
        return np.asarray(output + states[:, :-1] @ self._from_state, np.float64)


def _carry(keep: NDArray[np.float64], blocks: int) -> NDArray[np.float64]:
    """Matrix from (first state, what each block feeds) to the state before each block and after the last: powers of `keep`."""
    powers = [np.eye(4)]
    for _ in range(blocks):
        powers.append(powers[-1] @ keep)
    carry = np.zeros((blocks + 1, 4, blocks + 1, 4))
    for fed in range(blocks + 1):
        for later in range(fed, blocks + 1):
            carry[fed, :, later, :] = powers[later - fed]
    return carry.reshape(4 * (blocks + 1), 4 * (blocks + 1))


def lufs(power: float) -> float:
    """Loudness of a K-weighted mean square: −0.691 + 10·log10 (BS.1770-4 equation 2, one channel of weight 1)."""
    return max(SILENT_LUFS, -0.691 + 10 * math.log10(power)) if power > 0 else SILENT_LUFS


class Integrator:
    """Gated (integrated) loudness of one channel in constant memory: 400 ms powers counted in bins of 0.01 LU."""

    def __init__(self) -> None:
        bins = round((_TOP_LUFS - _ABSOLUTE_GATE_LUFS) * _BINS_PER_LU) + 1
        self._counts = np.zeros(bins, np.int64)
        self._powers = np.zeros(bins)

    def add(self, power: float) -> None:
        """Take the mean square of one 400 ms block, dropped if below the absolute gate of −70 LUFS."""
        loudness = lufs(power)
        if loudness > _ABSOLUTE_GATE_LUFS:
            index = min(len(self._counts) - 1, int((loudness - _ABSOLUTE_GATE_LUFS) * _BINS_PER_LU))
            self._counts[index] += 1
            self._powers[index] += power

    def loudness(self) -> float | None:
        """Integrated loudness in LUFS (equations 5 to 7); None while nothing was louder than −70 LUFS."""
        total = int(self._counts.sum())
        if total == 0:
            return None
        gate = lufs(float(self._powers.sum()) / total) + _RELATIVE_GATE_LU
        first = max(0, math.ceil((gate - _ABSOLUTE_GATE_LUFS) * _BINS_PER_LU))
        return lufs(float(self._powers[first:].sum()) / int(self._counts[first:].sum()))


class LoudnessMeter:
    """Momentary (400 ms), short-term (3 s) and integrated loudness of each channel, from steps of 100 ms."""

    def __init__(self, rate_hz: int, channels: int, step: int) -> None:
        block = max(divisor for divisor in range(1, 129) if step % divisor == 0)
        self._filter = BlockFilter(k_weighting(rate_hz), block, step // block, channels)
        self._powers = np.zeros((0, channels))
        """Of the last 3 s, one row for each step."""
        self.integrated = [Integrator() for _ in range(channels)]

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take one step of 100 ms, shape (frames, channels)."""
        sound = samples.T.astype(np.float64).reshape(samples.shape[1], -1, self._filter.block)
        weighted = self._filter.push(sound)
        powers = np.einsum("ijk,ijk->i", weighted, weighted) / len(samples)
        self._powers = np.concatenate([self._powers, powers[None]])[-_SHORT_TERM_STEPS:]
        momentary = self._mean_of_last(_MOMENTARY_STEPS)
        if momentary is not None:
            for integrator, power in zip(self.integrated, momentary, strict=True):
                integrator.add(power)

    def _mean_of_last(self, steps: int) -> list[float] | None:
        return (self._powers[-steps:].sum(axis=0) / steps).tolist() if len(self._powers) >= steps else None

    def momentary(self) -> list[float] | None:
        """LUFS per channel over the last 400 ms; None in the first of them."""
        return _each_lufs(self._mean_of_last(_MOMENTARY_STEPS))

    def short_term(self) -> list[float] | None:
        """LUFS per channel over the last 3 s; None in the first of them."""
        return _each_lufs(self._mean_of_last(_SHORT_TERM_STEPS))


def _each_lufs(powers: list[float] | None) -> list[float] | None:
    return None if powers is None else [lufs(power) for power in powers]
