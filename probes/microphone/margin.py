"""How far a room's loop is from howling, and where it would howl first. Pure.

A loop with response F howls at a frequency where its phase is a whole number of turns and its gain reaches 1 (Nyquist; van Waterschoot &
Moonen, Proc. IEEE 2011, equation 4): the maximum stable gain is −20·log10 max |F| over those frequencies. By magnitude alone it
is lower or the same: the safe figure, whatever delay a mixer or a moved microphone adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.microphone.sweep import LoopResponse

NEAREST = 5
_APART_OCTAVES = 1 / 12
"""Two frequencies nearer than this are one peak for whoever sets a notch."""
_LEAST_DECAY_DB = 15.0


@dataclass(frozen=True, kw_only=True)
class Margin:
    """What a sweep says of the loop.

    Attributes:
        margin_db: Gain that the loop bears before it howls, with the phase that was measured; None where the begin is not known.
        pessimistic_db: The same by magnitude alone.
        nearest: Frequencies nearest to howling and their gain in reserve, least first.
        rt60_s: Reverberation time at 500 and 1000 Hz; None where too little of the decay stands over the noise.
        loop_delay_s: From playing to the direct sound's arrival; None where the recording's begin is not known.
        snr_db: Of the measurement.
    """

    margin_db: float | None
    pessimistic_db: float
    nearest: tuple[tuple[float, float], ...]
    rt60_s: float | None
    loop_delay_s: float | None
    snr_db: float


def margin_of(loop: LoopResponse, *, loop_gain_db: float = 0.0) -> Margin:
    """Judge a loop.

    Args:
        loop: Its response.
        loop_gain_db: What the room's own mixer adds between microphone and loudspeaker in a meeting, beyond what the sweep passed.
    """
    size = 2 * len(loop.response)  # finer than the response itself resolves, so that no peak falls between two frequencies
    gains = np.fft.rfft(_centred(loop.response, size), size)
    frequencies = np.asarray(np.fft.rfftfreq(size, 1 / loop.rate_hz), np.float64)
    inside = (frequencies >= loop.lowest_hz) & (frequencies <= loop.highest_hz)
    gains, frequencies = gains[inside], frequencies[inside]
    magnitudes = np.abs(gains)
    in_time = loop.onset_s >= 0
    if in_time:
        risky, at = _whole_turns(gains, frequencies)
    else:
        risky, at = magnitudes, frequencies
    reserves = -20 * np.log10(np.maximum(risky, 1e-9)) - loop_gain_db
    return Margin(
        margin_db=float(reserves.min()) if in_time and len(reserves) else None,
        pessimistic_db=float(-20 * np.log10(magnitudes.max())) - loop_gain_db,
        nearest=_nearest(reserves, at),
        rt60_s=reverberation_time_s(loop),
        loop_delay_s=loop.onset_s if in_time else None,
        snr_db=loop.snr_db,
    )


def _centred(response: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The response in a longer transform; what lies before time zero stays at the end."""
    late = len(response) * 3 // 4
    longer = np.zeros(size)
    longer[:late], longer[late - len(response) :] = response[:late], response[late:]
    return longer


def _whole_turns(gains: NDArray[np.complex128], frequencies: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Magnitudes and frequencies where the phase passes a whole number of turns, between two lines of the transform."""
    imaginary = gains.imag
    at = np.flatnonzero((np.sign(imaginary[:-1]) != np.sign(imaginary[1:])) & (gains.real[:-1] + gains.real[1:] > 0))
    step = imaginary[at + 1] - imaginary[at]
    share = np.divide(-imaginary[at], step, out=np.zeros(len(at)), where=step != 0)
    magnitudes = np.abs(gains.real[at] * (1 - share) + gains.real[at + 1] * share)
    return magnitudes, frequencies[at] + share * (frequencies[1] - frequencies[0])


def _nearest(reserves: NDArray[np.float64], frequencies: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """The frequencies with the least reserve, each at least a twelfth of an octave from those before."""
    chosen: list[tuple[float, float]] = []
    for index in np.argsort(reserves).tolist():
        frequency = float(frequencies[index])
        if all(abs(np.log2(frequency / other)) >= _APART_OCTAVES for other, _ in chosen):
            chosen.append((frequency, float(reserves[index])))
        if len(chosen) == NEAREST:
            break
    return tuple(chosen)


def reverberation_time_s(loop: LoopResponse) -> float | None:
    """Time in which the sound falls by 60 dB, from the fall of −5 to −25 dB (T20), or to −15 dB where there is no more (ISO 3382-2).

    The decay is the backward integral of the squared response (Schroeder, JASA 37, 1965) up to the noise, less the
    noise's own share.
    """
    count = min(round(loop.middle_knee_s * loop.rate_hz), len(loop.middle))
    if count < 2:
        return None
    energy = np.square(loop.middle[:count]) - loop.middle_noise
    decay = np.cumsum(energy[::-1])[::-1]
    if decay[0] <= 0:
        return None
    decay_db = 10 * np.log10(np.maximum(decay / decay[0], 1e-12))
    # Near the knee the integral lacks what the noise has swallowed: stay 10 dB over the level at which it is cut off.
    floor_db = 10 * np.log10(max(loop.middle_noise * 0.1 * loop.rate_hz / float(decay[0]), 1e-12)) + 10
    for lowest in (-25.0, -15.0):
        if lowest < floor_db:
            continue
        first, last = int(np.argmax(decay_db <= -5)), int(np.argmax(decay_db <= lowest))
        if last > first + 2:
            slope = float(np.polyfit(np.arange(first, last) / loop.rate_hz, decay_db[first:last], 1)[0])
            return -60 / slope if slope < 0 else None
    return None
