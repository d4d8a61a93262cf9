"""Closes a loop from the microphone over amplifier, loudspeaker and room back to the microphone, and tells what is true of it.

y = v + h * limit(G·y delayed by D): exact, in blocks of D samples. The margin is where the largest |h| among the frequencies
at which the loop's phase is a multiple of 2π reaches 1/G.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.microphone.material import Sound

LOUDSPEAKER_LIMIT = 0.7
_CALM_DB = -6.0


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a clip with a howl holds; seconds from its start.

    Attributes:
        over_db: Loop gain over the margin at the end.
        crossed_s: The gain passed the margin.
        audible_s: The line that stays came within 10 dB of the programme's level for good.
        saturated_s: It came within 3 dB of where it stays, for the first time.
        frequency_hz: Of that line: the strongest of the last two seconds.
        unstable_hz: All frequencies at which the loop grows.
    """

    over_db: float
    crossed_s: float
    audible_s: float
    saturated_s: float
    frequency_hz: float
    unstable_hz: tuple[float, ...]


def through_loudspeaker(response: Sound, rate_hz: int, rng: np.random.Generator) -> Sound:
    """The response of a room heard through a small loudspeaker: a band, a tilt, linear phase of 4 ms."""
    size = 1 << int(np.ceil(np.log2(2 * len(response))))
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / rate_hz), 1)
    low, high = rng.uniform(120, 300), rng.uniform(4500, 9000)
    band = 1 / (1 + (low / frequencies) ** 4) / (1 + (frequencies / high) ** 6)
    tilt = 10 ** (rng.uniform(-4, 4) * np.log2(np.maximum(frequencies, 50) / 1000) / 20)
    late = np.exp(-2j * np.pi * frequencies * 0.004)
    return np.asarray(np.fft.irfft(np.fft.rfft(response, size) * band * tilt * late)[: len(response)])


def at_its_margin(response: Sound, delay: int, rate_hz: int) -> tuple[Sound, Sound, Sound]:
    """The response scaled so that gain 1 is the margin; the frequencies where the loop's phase is 2πn, and |loop gain| there."""
    size = 1 << int(np.ceil(np.log2(8 * (len(response) + delay))))
    turned = np.fft.rfft(response, size) * np.exp(-2j * np.pi * np.arange(size // 2 + 1) * delay / size)
    at = np.flatnonzero((turned.real[:-1] > 0) & (np.sign(turned.imag[:-1]) != np.sign(turned.imag[1:])))
    share = np.abs(turned.imag[at]) / (np.abs(turned.imag[at]) + np.abs(turned.imag[at + 1]))
    gains = np.maximum(np.abs(turned[at]), np.abs(turned[at + 1]))
    return response / gains.max(), (at + share) * rate_hz / size, gains / gains.max()


def rendered(programme: Sound, response: Sound, delay: int, gain: Sound, *, soft: bool) -> Sound:
    """What the microphone hears; `gain` follows the samples, 1 is the margin if the response is at its margin."""
    size = 1 << int(np.ceil(np.log2(len(response) + delay)))
    spectrum = np.fft.rfft(response, size)
    heard = np.zeros(len(programme) // delay * delay)
    ringing = np.zeros(len(response) + delay - 1)
    played = np.zeros(delay)
    for start in range(0, len(heard), delay):
        ringing = np.concatenate([ringing[delay:], np.zeros(delay)])
        driven = played * gain[start : start + delay] / LOUDSPEAKER_LIMIT
        limited = LOUDSPEAKER_LIMIT * (np.tanh(driven) if soft else np.clip(driven, -1, 1))
        ringing += np.fft.irfft(np.fft.rfft(limited, size) * spectrum, size)[: len(ringing)]
        heard[start : start + delay] = played = programme[start : start + delay] + ringing[:delay]
    return heard


def gain_over(seconds: float, rate_hz: int, calm_s: float, over_db: float) -> Sound:
    """6 dB below the margin for `calm_s`, a ramp of one second, then `over_db` over it."""
    moments = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.asarray(10 ** (np.interp(moments, [calm_s, calm_s + 1], [_CALM_DB, over_db]) / 20))


def truth_of(heard: Sound, programme_level: float, rate_hz: int, *, calm_s: float, over_db: float, at_hz: Sound, gains: Sound) -> Truth:
    """What is true of a rendered loop.

    Args:
        heard: Before any codec.
        programme_level: Amplitude of a sine with the level of the speech.
        rate_hz: Of both.
        calm_s: When the ramp begins.
        over_db: Where it ends.
        at_hz: Frequencies where the loop's phase is 2πn.
        gains: Its gain there, 1 at most.
    """
    crossed_s = calm_s - _CALM_DB / (over_db - _CALM_DB)
    last = heard[-2 * rate_hz :] * np.hanning(2 * rate_hz)
    frequency_hz = float(np.argmax(np.abs(np.fft.rfft(last, 8 * rate_hz))) / 8)
    span, hop = round(0.06 * rate_hz), round(0.01 * rate_hz)
    beat = heard * np.exp(-2j * np.pi * frequency_hz * np.arange(len(heard)) / rate_hz)
    total = np.concatenate([[0], np.cumsum(beat)])
    ends = np.arange(span, len(heard), hop)
    line = 2 * np.abs(total[ends] - total[ends - span]) / span
    moments = ends / rate_hz
    final = np.median(line[-100:])
    loud = np.flatnonzero((moments > crossed_s) & (line > final * 10 ** (-3 / 20)))[0]
    quiet = np.flatnonzero((moments[:loud] < crossed_s) | (line[:loud] < programme_level * 10 ** (-10 / 20)))[-1]
    return Truth(
        over_db=over_db,
        crossed_s=round(crossed_s, 3),
        audible_s=round(float(moments[quiet]), 3),
        saturated_s=round(float(moments[loud]), 3),
        frequency_hz=frequency_hz,
        unstable_hz=tuple(np.round(at_hz[gains * 10 ** (over_db / 20) > 1], 1).tolist()),
    )
