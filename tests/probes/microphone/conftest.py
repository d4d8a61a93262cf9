"""Sounds made by code: voices, rooms, closed loops that howl, and WAVE files of every layout."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.findings import Finding
from contract.meetings import Phase
from contract.messages import ProbeReport
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.probe import run

Sound = NDArray[np.float64]
RATE = 16_000


def _wave_bytes(sound: NDArray[Any], rate_hz: int, *, bits: int = 16, floating: bool = False) -> bytes:
    sound = np.asarray(sound, float)
    sound = sound[:, None] if sound.ndim == 1 else sound
    if floating:
        raw = sound.astype("<f4" if bits == 32 else "<f8").tobytes()
    elif bits == 8:
        raw = np.clip(np.round(sound * 128) + 128, 0, 255).astype(np.uint8).tobytes()
    else:
        top = 2 ** (bits - 1)
        whole = np.clip(np.round(sound * top), -top, top - 1).astype("<i8")
        raw = whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()
    channels = sound.shape[1]
    layout = struct.pack("<HHIIHH", 3 if floating else 1, channels, rate_hz, rate_hz * channels * bits // 8, channels * bits // 8, bits)
    body = (
        b"WAVEfmt "
        + struct.pack("<I", 16)
        + layout
        + b"junk"
        + struct.pack("<I", 3)
        + b"abc\0"
        + b"data"
        + struct.pack("<I", len(raw))
        + raw
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.fixture
def wave_bytes() -> Callable[..., bytes]:
    """Sound of shape (frames,) or (frames, channels) as a WAVE file with an odd-sized chunk before its samples."""
    return _wave_bytes


@pytest.fixture
def hear(tmp_path: Path) -> Callable[..., ProbeReport]:
    """Write a sound to a file and run the probe on it."""

    def listen(sound: NDArray[Any], rate_hz: int = RATE, *, phase: Phase = Phase.IDLE, bits: int = 32, **settings: Any) -> ProbeReport:
        path = tmp_path / "sound.wav"
        path.write_bytes(_wave_bytes(sound, rate_hz, bits=bits, floating=bits == 32))
        return run(MicrophoneSettings(source=str(path), **settings), MicrophoneLimits(), Look(phase=phase))

    return listen


@pytest.fixture
def codes() -> Callable[[ProbeReport], list[str]]:
    """Fault codes of a report, in order."""
    return lambda report: [finding.code.removeprefix("microphone.") for finding in report.findings]


@pytest.fixture
def figure() -> Callable[..., float]:
    """One figure of a report."""

    def look_up(report: ProbeReport, metric: str, target: str = "") -> float:
        found = [r.value for r in report.readings if r.metric == f"microphone.{metric}" and r.target == target]
        assert len(found) == 1
        assert found[0] is not None
        return found[0]

    return look_up


def _sine(frequency_hz: float, seconds: float, level_dbfs: float = -20.0, rate_hz: int = RATE) -> Sound:
    return np.asarray(10 ** (level_dbfs / 20) * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz))


@pytest.fixture
def sine() -> Callable[..., Sound]:
    """A sine of a given AES17 level."""
    return _sine


def _noise(seconds: float, level_dbfs: float, seed: int = 1, rate_hz: int = RATE) -> Sound:
    return np.asarray(np.random.default_rng(seed).standard_normal(round(seconds * rate_hz)) * 10 ** (level_dbfs / 20) / np.sqrt(2))


@pytest.fixture
def noise() -> Callable[..., Sound]:
    """White noise of a given level."""
    return _noise


def _voice(seconds: float, seed: int = 1, level_dbfs: float = -26.0, rate_hz: int = RATE) -> Sound:
    """Something like speech: harmonics of a wandering pitch under moving formants, in syllables with pauses, over a quiet room."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate_hz)
    t = np.arange(count) / rate_hz
    knots = np.arange(0, seconds + 1, 0.12)
    pitch_hz = np.interp(t, knots, rng.uniform(100, 140) * (1 + seed % 2) * 2 ** rng.uniform(-0.25, 0.25, len(knots)))
    turns = np.cumsum(pitch_hz) / rate_hz
    formants = [np.interp(t, knots, rng.uniform(low, high, len(knots))) for low, high in ((300, 800), (900, 2200), (2300, 3200))]
    sound = np.zeros(count)
    for order in range(1, 30):
        at = order * pitch_hz
        gain = sum(1 / (1 + ((at - formant) / 120) ** 2) / (1 + index) for index, formant in enumerate(formants))
        sound += np.where(at < 0.45 * rate_hz, gain, 0) * np.sin(2 * np.pi * order * turns + order)
    loud = np.interp(t, knots, np.where(rng.random(len(knots)) < 0.3, 0.0, rng.uniform(0.3, 1, len(knots))))
    loud *= np.interp(t, np.arange(0, seconds + 2), rng.random(int(seconds) + 2 + (seconds % 1 > 0)) > 0.15)[: len(t)]
    sound *= loud
    return np.asarray(sound / np.sqrt(np.mean(sound**2)) * 10 ** (level_dbfs / 20) / np.sqrt(2) + _noise(seconds, -65, seed, rate_hz))


@pytest.fixture
def voice() -> Callable[..., Sound]:
    """Something like speech, made by code; the same for the same seed."""
    return _voice


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[..., Path]:
    """A WAVE file of espeak-ng speaking; skips where it is missing."""

    def speak(text: str, voice: str = "vi", *options: str) -> Path:
        if shutil.which("espeak-ng") is None:
            pytest.skip("espeak-ng is not installed")
        path = tmp_path / f"spoken-{voice}.wav"
        subprocess.run(["espeak-ng", "-v", voice, *options, "-w", str(path), text], check=True)
        return path

    return speak


@dataclass(frozen=True)
class Howl:
    """A rendered loop and what is true of it.

    Attributes:
        sound: What the microphone hears.
        crossed_s: When the loop gain passed 0 dB.
        frequency_hz: Of the strongest line at the end.
        saturated_s: When that line came within 3 dB of where it stays; a howl should be told before.
    """

    sound: Sound
    crossed_s: float
    frequency_hz: float
    saturated_s: float


def _room(rng: np.random.Generator, rate_hz: int, rt60_s: float) -> Sound:
    """Impulse response: a direct sound and exponentially decaying noise, through a small loudspeaker's band."""
    count = int(rt60_s * rate_hz)
    response = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / rate_hz / rt60_s)
    response[: int(0.003 * rate_hz)] = 0
    response[int(0.003 * rate_hz)] = rng.uniform(1, 4)
    frequencies = np.fft.rfftfreq(2 * count, 1 / rate_hz)
    band = 1 / (1 + (200 / np.maximum(frequencies, 1)) ** 4) / (1 + (frequencies / 5500) ** 6)
    tilt = 10 ** (rng.uniform(-4, 4) * np.log2(np.maximum(frequencies, 50) / 1000) / 20)
    return np.asarray(np.fft.irfft(np.fft.rfft(response, 2 * count) * band * tilt)[:count])


def _at_its_margin(response: Sound, delay: int) -> Sound:
    """The response scaled so that the loop with this delay is just stable: largest gain 1 where the loop's phase is 2πn."""
    size = 1 << int(np.ceil(np.log2(8 * (len(response) + delay))))
    turned = np.fft.rfft(response, size) * np.exp(-2j * np.pi * np.arange(size // 2 + 1) * delay / size)
    crossing = np.flatnonzero((turned.real[:-1] > 0) & (np.sign(turned.imag[:-1]) != np.sign(turned.imag[1:])))
    return np.asarray(response / np.maximum(np.abs(turned[crossing]), np.abs(turned[crossing + 1])).max())


def _render_loop(programme: Sound, response: Sound, delay: int, gain: Sound) -> Sound:
    """y = v + h ∗ clip(G·y delayed by D), in blocks of D samples: exact."""
    size = 1 << int(np.ceil(np.log2(len(response) + delay)))
    spectrum = np.fft.rfft(response, size)
    heard = np.zeros(len(programme) // delay * delay)
    ringing = np.zeros(len(response) + delay - 1)
    played = np.zeros(delay)
    for start in range(0, len(heard), delay):
        ringing = np.concatenate([ringing[delay:], np.zeros(delay)])
        ringing += np.fft.irfft(np.fft.rfft(np.clip(played * gain[start : start + delay], -0.7, 0.7), size) * spectrum, size)[
            : len(ringing)
        ]
        heard[start : start + delay] = played = programme[start : start + delay] + ringing[:delay]
    return heard


def _howl(over_db: float, seed: int, *, seconds: float = 14.0, rate_hz: int = RATE) -> Howl:
    rng = np.random.default_rng(seed)
    programme = _voice(seconds, seed, -30.0, rate_hz)
    delay = int(rng.uniform(0.008, 0.06) * rate_hz)
    response = _at_its_margin(_room(rng, rate_hz, rng.uniform(0.25, 0.7)), delay)
    t = np.arange(len(programme)) / rate_hz
    gain_db = np.interp(t, [5.0, 6.0], [-6.0, over_db])
    heard = _render_loop(programme, response, delay, 10 ** (gain_db / 20))
    heard *= min(1.0, 0.97 / np.abs(heard).max())
    end = heard[-2 * rate_hz :] * np.hanning(2 * rate_hz)
    frequency = float(np.argmax(np.abs(np.fft.rfft(end))) / 2)
    beat = heard * np.exp(-2j * np.pi * frequency * np.arange(len(heard)) / rate_hz)
    hop = rate_hz // 50
    line = np.abs(np.array([beat[start : start + 4 * hop].mean() for start in range(0, len(beat) - 4 * hop, hop)]))
    below = np.flatnonzero(line < np.median(line[-50:]) * 10 ** (-3 / 20))
    crossed_s = 5.0 + 6.0 / (6.0 + over_db) if over_db > 0 else float("inf")
    return Howl(heard, crossed_s, frequency, float(below[-1] * hop / rate_hz + 0.08))


@pytest.fixture
def howl() -> Callable[..., Howl]:
    """Render a voice in a room whose loop gain goes from 6 dB below its margin to `over_db` above, between 5 and 6 s."""
    return _howl


@pytest.fixture
def howls_of() -> Callable[[ProbeReport], list[Finding]]:
    """The howling findings of a report."""
    return lambda report: [finding for finding in report.findings if finding.code == "microphone.howling"]
