"""Mains hum: 50 Hz and its harmonics by single-bin DFTs over half a second, where FFT bins would be too coarse. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAINS_HZ = 50.0
HARMONICS = 8
_SEGMENT_S = 0.5
_RATE_HZ = 2000.0
_NEXT_HZ = (-2.0, 2.0)
"""A pure line has a quarter of its power there (Hann); a bass of 98 Hz has more there than at 100."""
_BESIDE_HZ = (-9.0, -6.0, 6.0, 9.0)
_STANDS_OUT = 10.0
"""Power of a line of hum over the mean power beside it (10 dB)."""
_OUT_OF_STEP = 0.2
"""Turns that the phase may be off after half a second: the mains keep within 0.2 Hz (EN 50160), its second harmonic within 0.4."""


@dataclass(frozen=True)
class Hum:
    """Hum of one channel in one half second, as mean squares of full scale 1.

    Attributes:
        fundamental: At 50 Hz, 0 if it does not stand out.
        harmonics: At 100 to 400 Hz, those that stand out.
    """

    fundamental: float
    harmonics: float

    @property
    def power(self) -> float:
        """Of all that stands out."""
        return self.fundamental + self.harmonics


class HumMeter:
    """Measures hum of every channel each half second. The sound is decimated to about 2 kHz before."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._step = max(1, int(rate_hz / _RATE_HZ))
        taps = 6 * self._step + 1
        at = (np.arange(taps) - taps // 2) / self._step
        low_pass = np.sinc(at * 0.7) * np.kaiser(taps, 6.0)
        self._low_pass = (low_pass / low_pass.sum()).astype(np.float32)
        self._length = round(_SEGMENT_S * rate_hz / self._step)
        self._slow_rate_hz = rate_hz / self._step
        self._basis = _basis(self._length, self._slow_rate_hz)
        self._before = np.zeros((HARMONICS, channels), np.complex64)
        self._sound: list[NDArray[np.float32]] = []
        self._frames = 0

    def push(self, samples: NDArray[np.float32]) -> list[Hum] | None:
        """Take some samples, shape (frames, channels), less than half a second; hum per channel when a half second is full."""
        self._sound.append(samples)
        self._frames += len(samples)
        if self._frames < self._step * (self._length - 1) + len(self._low_pass):
            return None
        segment = self._decimate()
        amplitudes = (self._basis @ (segment - segment.mean(axis=0))).reshape(HARMONICS, 1 + len(_NEXT_HZ) + len(_BESIDE_HZ), -1)
        powers = np.square(np.abs(amplitudes)) / 2
        line, following = powers[:, 0], powers[:, 1:3].max(axis=1)
        stands_out = (line > _STANDS_OUT * powers[:, 3:].mean(axis=1)) & (line > 2 * following)
        lines = np.where(stands_out & self._keeps_time(amplitudes[:, 0]), powers[:, 0], 0.0)
        return [Hum(float(lines[0, channel]), float(lines[1:, channel].sum())) for channel in range(lines.shape[1])]

    def _keeps_time(self, amplitudes: NDArray[np.complex64]) -> NDArray[np.bool_]:
        """Whether the phases of 50 or 100 Hz go on from the last half second, per channel: the mains do, a bass or a voice does not."""
        orders = np.arange(1, HARMONICS + 1)[:, None]
        turned = amplitudes * np.conj(self._before) * np.exp(-2j * np.pi * orders * MAINS_HZ * self._length / self._slow_rate_hz)
        self._before = amplitudes
        return np.asarray((np.abs(np.angle(turned[:2])) < 2 * np.pi * _OUT_OF_STEP).any(axis=0))

    def _decimate(self) -> NDArray[np.float32]:
        """Half a second at the low rate; what the next one needs is kept."""
        sound = np.concatenate(self._sound)
        used = self._step * self._length
        self._sound, self._frames = [sound[used:]], len(sound) - used
        frames = np.lib.stride_tricks.sliding_window_view(sound, len(self._low_pass), axis=0)[: used : self._step]
        return np.asarray(frames @ self._low_pass, np.float32)


def _basis(length: int, rate_hz: float) -> NDArray[np.complex64]:
    """Hann-windowed DFT rows at each harmonic and beside it, scaled so that a sine yields its amplitude."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    frequencies = [MAINS_HZ * order + beside for order in range(1, HARMONICS + 1) for beside in (0.0, *_NEXT_HZ, *_BESIDE_HZ)]
    turns = np.outer(frequencies, np.arange(length) / rate_hz)
    return np.asarray(2 * window / window.sum() * np.exp(-2j * np.pi * turns), np.complex64)
