"""Tones and noises of telephones, streets and rooms that are no howls, made by code; other parameters in each part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bench.microphone.material import Part, Sound

SECONDS = 20.0
_KEYS = ((697, 1209), (770, 1336), (852, 1477), (941, 1336), (941, 1477), (697, 1633))


def _dtmf(t: Sound, rng: np.random.Generator) -> Sound:
    keys = np.array(_KEYS)[rng.permutation(len(_KEYS))]
    period, on = rng.uniform(0.15, 0.6), rng.uniform(0.4, 0.8)
    low, high = keys[(t / period).astype(int) % len(keys)].T
    return np.asarray((t % period < on * period) * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)) / 2)


def _cadence(on_s: float, period_s: float) -> Callable[[Sound, np.random.Generator], Sound]:
    return lambda t, rng: np.sin(2 * np.pi * 425 * t) * ((t + rng.uniform(0, period_s)) % period_s < on_s)


def _siren(t: Sound, rng: np.random.Generator) -> Sound:
    centre, width, rate = rng.uniform(700, 1400), rng.uniform(150, 500), rng.choice([0.1, 0.25, 3.0, 5.0])
    return np.asarray(np.sin(2 * np.pi * centre * t - width / rate * np.cos(2 * np.pi * rate * t)))


def _horn(t: Sound, rng: np.random.Generator) -> Sound:
    low = rng.uniform(350, 900)
    hertz = np.where(t % 1.5 < 0.75, low, low * 1.33)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(hertz) * t[1]))


def _whistle(t: Sound, rng: np.random.Generator) -> Sound:
    """A human whistle: swells, a melody, vibrato, breath."""
    notes = rng.uniform(900, 2600, 12)
    hertz = np.interp(t, np.arange(0, 24, 2), notes) * (1 + rng.uniform(0.003, 0.012) * np.sin(2 * np.pi * rng.uniform(4, 6) * t))
    swell = np.clip(np.minimum(t % 2, 2 - t % 2) * rng.uniform(1, 3), 0, 1) ** 2
    return np.asarray(swell * (np.sin(2 * np.pi * np.cumsum(hertz) * t[1]) + 0.02 * rng.standard_normal(len(t))))


def _hum(t: Sound, rng: np.random.Generator) -> Sound:
    weights = rng.uniform(0.1, 1, 12) / np.arange(1, 13)
    return np.asarray(sum(weight * np.sin(2 * np.pi * 50 * order * t) for order, weight in enumerate(weights, 1)))


def _switched_hum(t: Sound, rng: np.random.Generator) -> Sound:
    return _hum(t, rng) * np.clip((t - 5) / rng.uniform(0.001, 0.2), 0, 1)


def _sine(t: Sound, rng: np.random.Generator) -> Sound:
    return np.asarray(np.sin(2 * np.pi * 1000 * t) * (t > rng.choice([0, 3])))


def _beeps(t: Sound, rng: np.random.Generator) -> Sound:
    period, hertz = rng.uniform(0.4, 2), rng.uniform(800, 3500)
    return np.asarray(np.sin(2 * np.pi * hertz * t) * np.clip(np.minimum(t % period, 0.5 * period - t % period) / 0.01, 0, 1))


def _noise(t: Sound, rng: np.random.Generator) -> Sound:
    spectrum = np.fft.rfft(rng.standard_normal(len(t)))
    hertz = np.maximum(np.fft.rfftfreq(len(t), t[1]), 20)
    return np.asarray(np.fft.irfft(spectrum * hertz ** -rng.uniform(0, 1), len(t)))


def _fan(t: Sound, rng: np.random.Generator) -> Sound:
    """An air conditioner that runs up: brown noise and its blades' tone, which glides."""
    noise = _noise(t, rng)
    speed = 1 - np.exp(-t / rng.uniform(1, 6))
    blades = sum(np.sin(2 * np.pi * order * np.cumsum(rng.uniform(60, 160) * speed) * t[1]) / order for order in range(1, 5))
    return np.asarray(noise / np.std(noise) + 0.6 * speed * blades)


def _applause(t: Sound, rng: np.random.Generator) -> Sound:
    sound = np.zeros(len(t))
    rate_hz = round(1 / t[1])
    count = rate_hz // 50
    for moment in rng.uniform(0, t[-1], 900):
        start = int(moment / t[1])
        clap = rng.standard_normal(count) * np.exp(-np.arange(count) / rate_hz * rng.uniform(150, 400))
        sound[start : start + count] += clap[: len(sound) - start] * rng.uniform(0.2, 1)
    return sound


KINDS: dict[str, Callable[[Sound, np.random.Generator], Sound]] = {
    "DTMF": _dtmf,
    "425 Hz dialling": _cadence(9.0, 9.0),
    "425 Hz ringing": _cadence(1.0, 5.0),
    "425 Hz busy": _cadence(0.35, 0.7),
    "siren": _siren,
    "two-tone horn": _horn,
    "whistle": _whistle,
    "50 Hz hum": _hum,
    "hum switched on": _switched_hum,
    "1 kHz": _sine,
    "beeps": _beeps,
    "noise": _noise,
    "air conditioner": _fan,
    "applause": _applause,
}


def swells(part: Part) -> Iterator[tuple[int, Sound]]:
    """Rate and sound of notes with overtones that swell together, in amplitude or in decibels, some with vibrato: a crescendo, no howl."""
    rng = np.random.default_rng({"tuning": 29, "checked": 2929, "held": 292929}[part])
    for _ in range(12):
        rate_hz = int(rng.choice([16_000, 48_000]))
        t = np.arange(round(SECONDS * rate_hz)) / rate_hz
        yield rate_hz, np.concatenate([_note(t[: len(t) // 5], rng) for _ in range(5)])


def _note(t: Sound, rng: np.random.Generator) -> Sound:
    vibrato = rng.choice([0.0, 0.004]) * np.sin(2 * np.pi * 5 * t) / 5
    pitch, roll_off = rng.uniform(150, 700), rng.uniform(0.3, 1.5)
    partials = sum(np.sin(2 * np.pi * pitch * order * (t + vibrato)) / order**roll_off for order in range(1, int(rng.integers(4, 13))))
    swelling_s = rng.uniform(0.8, 3.0)
    swell = np.clip(t / swelling_s, 0, 1) if rng.random() < 0.5 else 10 ** (rng.uniform(-50, -25) * np.clip(1 - t / swelling_s, 0, 1) / 20)
    return np.asarray(partials * swell * np.clip((t[-1] - t) / 0.1, 0, 1))


def tones(part: Part) -> Iterator[tuple[str, int, Sound]]:
    """Name, rate and sound of each, four of a kind."""
    rng = np.random.default_rng({"tuning": 17, "checked": 1717, "held": 171717}[part])
    for name, make in KINDS.items():
        for turn in range(4):
            rate_hz = (16_000, 48_000, 44_100, 32_000)[turn]
            t = np.arange(round(SECONDS * rate_hz)) / rate_hz
            yield name, rate_hz, make(t, rng)
