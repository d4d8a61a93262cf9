"""The published criteria, written anew from their papers' formulas, on the same clips as ours.

Definitions and thresholds: van Waterschoot & Moonen, *Fifty Years of Acoustic Feedback Control* (Proc. IEEE 2011) and
*Comparative Evaluation of Howling Detection Criteria* (JAES 2010) for PHPR, IPMP, IMSD, FEP; DAFx-16 for MSD; Mounir et al.
(EURASIP JASMP 2025) for NINOS²-T. Candidates are the three strongest spectral peaks of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.microphone.material import Sound

_CANDIDATES = 3
_HELD_S = 1.0
"""Alarms less than this apart are one."""
_HARMONICS = (0.5, 1.5, 2.0, 3.0, 4.0)
_PHPR_DB = 30.0
_IPMP_FRAMES, _IPMP_SHARE = 8, 3 / 5
_IMSD_FRAMES = 7
_PNPR_DB, _PNPR_FRAMES, _PNPR_BINS = 15.0, 8, range(2, 8)
_FEP_MUSIC = 0.95
_MSD_FRAMES, _MSD_DB2 = 16, 1.0
_NINOS_FRAMES, _NINOS = 32, 0.995


class Alarm(NamedTuple):
    """One event of a detector, seconds from the start."""

    began_s: float
    ended_s: float
    frequency_hz: float


class _Frames(NamedTuple):
    decibels: NDArray[np.float64]
    """Power of each bin, shape (frames, bins)."""
    peaks: NDArray[np.int64]
    """Bins of the strongest peaks, shape (frames, 3), strongest first."""
    ends_s: NDArray[np.float64]
    bin_hz: float


def _frames(sound: Sound, rate_hz: int, size: int, hop: int) -> _Frames:
    count = max(0, (len(sound) - size) // hop + 1)
    window = np.hanning(size)
    powers = np.empty((count, size // 2 + 1))
    for start in range(0, count, 256):
        indices = (np.arange(start, min(start + 256, count)) * hop)[:, None] + np.arange(size)
        powers[start : start + 256] = np.abs(np.fft.rfft(sound[indices] * window)) ** 2
    decibels = 10 * np.log10(powers + 1e-12)
    inner = decibels[:, 1:-1]
    height = np.where((inner > decibels[:, :-2]) & (inner >= decibels[:, 2:]), inner, -200)
    peaks = np.argsort(-height, axis=1)[:, :_CANDIDATES] + 1 if count else np.zeros((0, _CANDIDATES), np.int64)
    return _Frames(decibels, peaks, (np.arange(count) * hop + size) / rate_hz, rate_hz / size)


def _standard(sound: Sound, rate_hz: int) -> _Frames:
    size = 2048 if rate_hz <= 24_000 else 4096
    return _frames(sound, rate_hz, size, size // 2)


def _phpr(frames: _Frames, frame: int, peak: int) -> bool:
    """Peak over each of its harmonics by the threshold."""
    bins = frames.decibels.shape[1]
    own = frames.decibels[frame, peak]
    at = [round(peak * factor) for factor in _HARMONICS]
    return all(own - frames.decibels[frame, k] >= _PHPR_DB for k in at if k < bins)


def phpr_and_ipmp(sound: Sound, rate_hz: int) -> list[Alarm]:
    """PHPR at 30 dB, in at least three fifths of the last eight frames."""
    frames = _standard(sound, rate_hz)
    passed = [{int(peak) for peak in frames.peaks[i] if _phpr(frames, i, int(peak))} for i in range(len(frames.peaks))]
    hits = []
    for i in range(_IPMP_FRAMES - 1, len(passed)):
        recent = passed[i + 1 - _IPMP_FRAMES : i + 1]
        for peak in passed[i]:
            if sum(bool(one & {peak - 1, peak, peak + 1}) for one in recent) >= _IPMP_SHARE * _IPMP_FRAMES:
                hits.append((frames.ends_s[i], peak * frames.bin_hz))
                break
    return _merged(hits)


def _imsd(track: NDArray[np.float64]) -> float:
    """Mean difference of the long-term and the short-term slopes of a track of dB, oldest first, Q + 1 long."""
    newest = track[::-1]
    quantity = len(newest) - 1

    def slope(count: int) -> float:
        return float(np.mean([(newest[j] - newest[count]) / (count - j) for j in range(count)]))

    return float(np.mean([slope(quantity) - slope(m) for m in range(1, quantity)]))


def _peakness(frames: _Frames, frame: int, peak: int) -> float:
    """Share of the last frames in which the peak stands over all its neighbours by the threshold."""
    window = frames.decibels[frame + 1 - _PNPR_FRAMES : frame + 1]
    around = [peak + sign * step for sign in (-1, 1) for step in _PNPR_BINS if 0 <= peak + sign * step < window.shape[1]]
    return float(np.mean(np.all(window[:, [peak]] - window[:, around] > _PNPR_DB, axis=1)))


def fep(sound: Sound, rate_hz: int) -> list[Alarm]:
    """0.7·exp(−|IMSD|) + 0.3·peakness over 0.95, the threshold for music."""
    frames = _standard(sound, rate_hz)

    def howls(frame: int, peak: int) -> bool:
        imsd = _imsd(frames.decibels[frame - _IMSD_FRAMES : frame + 1, peak])
        return bool(0.7 * np.exp(-abs(imsd)) + 0.3 * _peakness(frames, frame, peak) > _FEP_MUSIC)

    return _merged(_hits(frames, howls, _PNPR_FRAMES))


def msd(sound: Sound, rate_hz: int) -> list[Alarm]:
    """Sum of squared second differences of the dB magnitude over 16 frames below 1."""
    frames = _standard(sound, rate_hz)

    def howls(frame: int, peak: int) -> bool:
        track = frames.decibels[frame + 1 - _MSD_FRAMES : frame + 1, peak]
        return float(np.sum(np.diff(track, 2) ** 2)) < _MSD_DB2

    return _merged(_hits(frames, howls, _MSD_FRAMES))


def ninos2_t(sound: Sound, rate_hz: int) -> list[Alarm]:
    """Inverse sparsity in time of each bin's log magnitude over 32 frames, 50 frames a second."""
    size = 1024 if rate_hz <= 24_000 else 2048
    frames = _frames(sound, rate_hz, size, round(rate_hz / 50))
    top = _NINOS_FRAMES**0.25 - 1

    def howls(frame: int, peak: int) -> bool:
        track = np.log10(1 + 32_768 / size * 10 ** (frames.decibels[frame + 1 - _NINOS_FRAMES : frame + 1, peak] / 20))
        sparsity = float(np.linalg.norm(track, 2)) / max(float(np.linalg.norm(track, 4)), 1e-9)
        return bool((sparsity - 1) / top > _NINOS)

    return _merged(_hits(frames, howls, _NINOS_FRAMES))


def _hits(frames: _Frames, howls: Callable[[int, int], bool], history: int) -> Iterator[tuple[float, float]]:
    for frame in range(history, len(frames.peaks)):
        for peak in frames.peaks[frame]:
            if frames.decibels[frame, peak] > -60 and howls(frame, int(peak)):
                yield frames.ends_s[frame], peak * frames.bin_hz
                break


def _merged(hits: Iterator[tuple[float, float]] | list[tuple[float, float]]) -> list[Alarm]:
    alarms: list[Alarm] = []
    for moment_s, frequency_hz in hits:
        if alarms and moment_s - alarms[-1].ended_s <= _HELD_S:
            alarms[-1] = alarms[-1]._replace(ended_s=moment_s)
        else:
            alarms.append(Alarm(moment_s, moment_s, frequency_hz))
    return alarms


DETECTORS: dict[str, Callable[[Sound, int], list[Alarm]]] = {
    "PHPR 30 & IPMP": phpr_and_ipmp,
    "FEP 0.95": fep,
    "MSD < 1": msd,
    "NINOS²-T 0.995": ninos2_t,
}
__all__ = ["DETECTORS", "Alarm"]
