"""The room's answer to an exponential sine sweep, from loudspeaker to microphone. Pure.

A. Farina, *Simultaneous measurement of impulse response and distortion with a swept-sine technique*, AES 108 (2000): dividing the
recorded spectrum by the sweep's gives the impulse response, and puts what the loudspeaker distorts before time zero, where it is left
out. Each octave is then cut off where it sinks into the noise (after Lundeby et al., Acustica 81, 1995), because noise kept beyond
that point reads as loop gain that is not there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOWEST_HZ, HIGHEST_HZ = 80.0, 12_000.0
SWEEP_S = 5.0
TAIL_S = 1.5
"""How long to record after the sweep: the longest reverberation of a meeting room, and the sound path's own delay."""
_FADE_IN_S, _FADE_OUT_S = 0.1, 0.02
_OCTAVES_HZ = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
_SMOOTH_PERIODS = 8
"""The envelope of an octave is smoothed over so many periods of its middle, at least 5 ms."""
_PRE_S = 0.005
_DISTORTION_FREE = (0.1, 0.85)
"""Part of the time to the second harmonic's image, before the response, in which there is nothing but noise."""
_HEARD_DB = 20.0
"""Peak of the response over the noise around it, below which there is no response to speak of: noise alone reaches 14 dB."""
_LONGEST_S = 3.0
_LEAST_SHARE = 0.1
"""Of its usual power; the band ends where it has a quarter."""


class NotHeardError(Exception):
    """The recording does not hold the sweep."""


@dataclass(frozen=True, kw_only=True)
class LoopResponse:
    """Impulse response of the loop, cut off at the noise.

    Attributes:
        rate_hz: Sample rate.
        response: From time zero of the recording on; 1 means full scale for full scale.
        onset_s: When the direct sound arrives; below zero where the recording began after the sweep.
        lowest_hz, highest_hz: Band in which the sweep had power, and in which alone the response tells anything.
        snr_db: Peak of the response over the noise.
        middle: Response of the octaves 500 and 1000 Hz together (ISO 3382-2 rates rooms there), not cut off, from the onset on.
        middle_knee_s: Until when `middle` stands over its noise, from the onset on.
        middle_noise: Mean square of its noise.
    """

    rate_hz: int
    response: NDArray[np.float64]
    onset_s: float
    lowest_hz: float
    highest_hz: float
    snr_db: float
    middle: NDArray[np.float64]
    middle_knee_s: float
    middle_noise: float


def make_sweep(rate_hz: int, *, seconds: float = SWEEP_S, level_dbfs: float = -20.0) -> NDArray[np.float64]:
    """Exponential sine sweep from 80 Hz to 12 kHz (or 0.45 of the rate), faded in and out; AES17 level."""
    highest = min(HIGHEST_HZ, 0.45 * rate_hz)
    octaves = np.log(highest / LOWEST_HZ)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    sound = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * LOWEST_HZ * seconds / octaves * np.expm1(t * octaves / seconds))
    for fade_s, part in ((_FADE_IN_S, slice(None)), (_FADE_OUT_S, slice(None, None, -1))):
        count = round(fade_s * rate_hz)
        sound[part][:count] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(count) / count)
    return np.asarray(sound)


def loop_response(recorded: NDArray[np.floating], reference: NDArray[np.floating], rate_hz: int) -> LoopResponse:
    """What the loop does to a sound, from what a sweep became in it.

    Args:
        recorded: One channel, begun together with the sweep.
        reference: The sweep as it was played; exponential, any length and band.
        rate_hz: Of both.

    Raises:
        NotHeardError: the sweep cannot be made out in the recording.
    """
    _refuse_what_does_not_rise(reference, rate_hz)
    size = 1 << int(np.ceil(np.log2(len(recorded) + len(reference))))
    frequencies = np.asarray(np.fft.rfftfreq(size, 1 / rate_hz), np.float64)
    played = np.fft.rfft(reference, size)
    lowest, highest, level = _band(played, frequencies)
    rate_of_octaves = len(reference) / rate_hz / np.log2(highest / lowest)
    """Seconds that the sweep takes for one octave."""
    inside = (frequencies > lowest / 1.2) & (frequencies < highest * 1.1)
    ratio = np.zeros(len(frequencies), complex)
    # Where the sweep has next to no power, just outside of its band, a plain division would make a roar of the noise.
    least_power = _LEAST_SHARE * level / np.maximum(frequencies[inside], 1e-9)
    power = np.maximum(np.square(np.abs(played[inside])), least_power)
    ratio[inside] = np.fft.rfft(recorded, size)[inside] * np.conj(played[inside]) / power
    ratio *= _edges(frequencies, lowest, highest)
    # Weighted by the sweep's own spectrum the noise is as even as it was in the room, and the onset stands out best.
    even = np.fft.irfft(ratio * np.abs(played), size)
    onset, snr_db = _onset(even, rate_hz, rate_of_octaves)
    keep = round(_LONGEST_S * rate_hz)
    noise_span = _noise_span(rate_hz, rate_of_octaves)
    shift = onset - noise_span.stop
    """Samples before the response that are looked at: all the noise."""
    kept, middle, knee_s, middle_noise = np.zeros(noise_span.stop + keep), np.zeros(keep), 0.0, 0.0
    knees: list[float] = []
    for centre in _OCTAVES_HZ:
        weight = _octave(frequencies, centre)
        if not (weight * (np.abs(ratio) > 0)).any():
            continue
        band = np.roll(np.fft.irfft(ratio * weight, size), -shift)[: len(kept)]
        noise = float(np.mean(np.square(band[noise_span.start : noise_span.stop - noise_span.start])))
        knee = _knee(band[noise_span.stop :], noise, rate_hz, centre)
        kept += band * _window(len(band), noise_span.stop, knee, rate_hz, centre)
        if centre in (500.0, 1000.0):
            middle += band[noise_span.stop :]
            middle_noise += noise
            knees.append(knee / rate_hz)
    knee_s = min(knees, default=0.0)
    # Back to the recording's own time: what lies before its first sample is wrapped, as the transform has it.
    response = np.roll(np.concatenate([kept, np.zeros(size - len(kept))]), shift)
    return LoopResponse(
        rate_hz=rate_hz,
        response=response,
        onset_s=onset / rate_hz,
        lowest_hz=lowest,
        highest_hz=highest,
        snr_db=snr_db,
        middle=middle,
        middle_knee_s=knee_s,
        middle_noise=middle_noise,
    )


def _refuse_what_does_not_rise(reference: NDArray[np.floating], rate_hz: int) -> None:
    """A sweep's strongest frequency rises from each eighth of its length to the next."""
    parts = [part * np.hanning(len(part)) for part in np.array_split(reference, 8)]
    strongest = [int(np.argmax(np.abs(np.fft.rfft(part)))) * rate_hz / max(len(part), 1) for part in parts if len(part)]
    if sum(later > 1.05 * sooner > 0 for sooner, later in itertools.pairwise(strongest)) < 5:
        raise NotHeardError("tệp tham chiếu không phải tiếng quét")


def _band(played: NDArray[np.complex128], frequencies: NDArray[np.float64]) -> tuple[float, float, float]:
    """Band of an exponential sweep, whose power times frequency is level, and that level."""
    edges = np.geomspace(20.0, frequencies[-1], 240)
    bins = np.digitize(frequencies, edges)
    counts = np.maximum(np.bincount(bins, minlength=len(edges) + 1), 1)
    level = np.bincount(bins, np.square(np.abs(played)) * frequencies, minlength=len(edges) + 1) / counts
    usual = float(np.quantile(level[level > 0], 0.8))
    strong = np.flatnonzero(level[1:-1] > 0.25 * usual)
    if len(strong) < 12:
        raise NotHeardError("tệp tham chiếu không phải tiếng quét")
    lowest, highest = float(edges[strong[0]] * 1.05), float(edges[strong[-1]] / 1.02)
    return lowest, highest, usual


def _edges(frequencies: NDArray[np.float64], lowest: float, highest: float) -> NDArray[np.float64]:
    """1 within the band, faded to 0 just outside of it, so that the response does not ring."""
    with np.errstate(divide="ignore"):
        low = np.clip(np.log(frequencies / (lowest / 1.2)) / np.log(1.2), 0, 1)
        high = np.clip(np.log(highest * 1.1 / np.maximum(frequencies, 1e-9)) / np.log(1.1), 0, 1)
    return np.asarray(np.square(np.sin(np.pi / 2 * low)) * np.square(np.sin(np.pi / 2 * high)))


def _octave(frequencies: NDArray[np.float64], centre: float) -> NDArray[np.float64]:
    """Weight of one octave; the weights of all octaves add up to 1 at every frequency."""
    with np.errstate(divide="ignore"):
        away = np.log2(np.maximum(frequencies, 1e-9) / centre)
    if centre == _OCTAVES_HZ[0]:
        away = np.maximum(away, 0)
    if centre == _OCTAVES_HZ[-1]:
        away = np.minimum(away, 0)
    return np.asarray(np.square(np.cos(np.pi / 2 * np.clip(away, -1, 1))))


def _noise_span(rate_hz: int, rate_of_octaves: float) -> slice:
    """Samples before the response, counted from the earliest that is kept: behind the second harmonic's image, before the response."""
    longest = min(rate_of_octaves, 1.0)
    return slice(round((1 - _DISTORTION_FREE[1]) * longest * rate_hz / 10), round(_DISTORTION_FREE[1] * longest * rate_hz))


def _onset(even: NDArray[np.float64], rate_hz: int, rate_of_octaves: float) -> tuple[int, float]:
    """Sample at which the direct sound arrives (the first within 20 dB of the peak, ISO 3382-1), and the peak over the noise before."""
    peak = int(np.argmax(np.abs(even)))
    top = abs(float(even[peak]))
    around = np.roll(even, -(peak - round(_DISTORTION_FREE[1] * min(rate_of_octaves, 1.0) * rate_hz)))
    noise = np.sqrt(np.mean(np.square(around[: round(0.75 * min(rate_of_octaves, 1.0) * rate_hz)])))
    snr_db = 20 * float(np.log10(max(top, 1e-15) / max(float(noise), 1e-15)))
    if top == 0 or snr_db < _HEARD_DB:
        raise NotHeardError("không nhận ra tiếng quét trong bản ghi")
    before = round(0.05 * rate_hz)
    near = np.roll(even, before - peak)[: before + 1]
    first = int(np.flatnonzero(np.abs(near) >= max(top / 10, 4 * float(noise)))[0])
    onset = peak - before + first
    return (onset - len(even) if onset > len(even) * 3 // 4 else onset), snr_db


def _knee(band: NDArray[np.float64], noise: float, rate_hz: int, centre: float) -> int:
    """Sample after the onset at which the smoothed power of an octave has sunk to its noise."""
    smooth = max(round(0.005 * rate_hz), round(_SMOOTH_PERIODS * rate_hz / centre))
    total = np.concatenate([[0.0], np.cumsum(np.square(band))])
    power = (total[smooth:] - total[:-smooth]) / smooth
    peak = int(np.argmax(power[: round(0.3 * rate_hz)]))
    below = np.flatnonzero(power[peak:] < 2 * noise)
    return peak + (int(below[0]) if len(below) else len(power) - peak) + smooth // 2


def _window(count: int, onset: int, knee: int, rate_hz: int, centre: float) -> NDArray[np.float64]:
    """1 from just before the onset to the knee, faded at both ends."""
    pre = max(round(_PRE_S * rate_hz), round(3 * rate_hz / centre))
    fade = max(round(0.25 * knee), pre)
    at = np.arange(count) - onset
    rise, fall = np.clip((at + pre) / (pre / 2), 0, 1), np.clip((knee + fade / 2 - at) / fade, 0, 1)
    return np.asarray(np.square(np.sin(np.pi / 2 * rise)) * np.square(np.sin(np.pi / 2 * fall)))
