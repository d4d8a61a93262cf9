"""Howling: a narrow line that grows in linear decibels at one frequency, alone. And the tone that does not grow.

A loop over its gain margin grows by a constant factor each time round: its line rises on a straight line in dB, its
frequency does not move, and until it saturates it has no harmonics. Speech moves and has harmonics, a struck or switched tone
is there at once and stays or decays, a siren and a whistle glide. The four conditions together are ours; each for itself is
known (van Waterschoot & Moonen, *Fifty Years of Acoustic Feedback Control*, Proc. IEEE 2011, as PNPR, PHPR, IMSD). Pure.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from probes.microphone.spectrum import LOWEST_HZ, WINDOW_HOPS, Spectrograph, local_floor

_REMEMBERED = 100
"""Hops of history of a track: one second."""
_SPANS = (20, 32, 50, 80)
"""Hops over which growth is looked for: fast growth shows soon, slow growth needs longer."""
_CANDIDATES = 6
_MOST_MISSED = 3
_HEARD_POWER = 1e-9
"""A line below −90 dBFS is not looked at."""
_RELEASE_S = 1.0
"""A howl that falls silent for less than this is the same howl."""
_FADED_DB = 15.0
_STEADY_DB, _STEADY_HZ = 2.5, 2.0
_HARMONICS = (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2, 3)
_NEXT_HARMONICS = tuple((order + step) / order for order in range(3, 8) for step in (-1, 1))
"""Where the neighbours stand of a line that is the third to seventh harmonic of something."""


@dataclass(frozen=True, kw_only=True)
class ToneCriteria:
    """What makes a line a howl or a sustained tone; each is explained in `limits.py` or here.

    Attributes:
        growth_db_per_s: Slowest growth.
        prominence_db: Least height over the ±24 bins around.
        rise_db: Least rise over the span in which growth is seen.
        crooked_db: Largest deviation (RMS) of the level from the straight line.
        wander_hz: Largest standard deviation of the frequency between quarters of the span.
        harmonics_db: Least height over its harmonics and over the tone that it might be a harmonic of.
        sustained_s: How long a steady tone may last.
        sustained_dbfs: A weaker steady tone is no matter.
    """

    growth_db_per_s: float = 6.0
    prominence_db: float = 15.0
    rise_db: float = 4.0
    crooked_db: float = 1.2
    wander_hz: float = 0.7
    harmonics_db: float = 18.0
    sustained_s: float = 3.0
    sustained_dbfs: float = -50.0


@dataclass(frozen=True, kw_only=True)
class Tone:
    """A howl or a sustained tone. All figures are those of the moment of detection; only the end comes later.

    Attributes:
        kind: Whether it grew.
        frequency_hz: Mean over the span that was judged.
        level_dbfs: Of the line alone.
        growth_db_per_s: Slope of the level; about 0 for a sustained tone.
        prominence_db: Height over the neighbourhood.
        started_at_s: When the line came out of the programme.
        detected_at_s: End of the last hop that was needed.
        ended_at_s: When it fell silent; None while it lasts.
    """

    kind: Literal["howling", "sustained_tone"]
    frequency_hz: float
    level_dbfs: float
    growth_db_per_s: float
    prominence_db: float
    started_at_s: float
    detected_at_s: float
    ended_at_s: float | None = None


@dataclass
class _Track:
    """One line followed from hop to hop."""

    bin: int
    born_at_s: float
    levels_db: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    frequencies_hz: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    prominences_db: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    missed: int = 0
    howled: bool = False
    steady_since_s: float = 0.0
    steady_level_db: float = -1000.0
    steady_frequency_hz: float = 0.0
    told_steady: bool = False

    def take(self, now_s: float, level_db: float, frequency_hz: float, prominence_db: float) -> None:
        """Add one hop."""
        self.levels_db.append(level_db)
        self.frequencies_hz.append(frequency_hz)
        self.prominences_db.append(prominence_db)
        if abs(level_db - self.steady_level_db) > _STEADY_DB or abs(frequency_hz - self.steady_frequency_hz) > _STEADY_HZ:
            self.steady_since_s, self.steady_level_db, self.steady_frequency_hz = now_s, level_db, frequency_hz


@dataclass
class _Event:
    """A tone that was told and has not ended."""

    tone: Tone
    bin: int
    loudest: float
    alive_at_s: float


class ToneFinder:
    """Finds howls and sustained tones in the spectra of one channel; at most one event of each kind at a time."""

    def __init__(self, spectrograph: Spectrograph, rate_hz: int, criteria: ToneCriteria) -> None:
        self._criteria = criteria
        self._hop_s = spectrograph.hop / rate_hz
        self._bin_hz = spectrograph.bin_hz
        self._scale = 1 / spectrograph.full_scale_power
        self._lowest = int(np.ceil(LOWEST_HZ / self._bin_hz))
        self._tracks: list[_Track] = []
        self._events: dict[str, _Event] = {}
        self._before = np.zeros(spectrograph.bins, np.complex64)
        self._recent: deque[NDArray[np.float32]] = deque(maxlen=_SPANS[0])
        self._hops = 0

    @property
    def sounding(self) -> bool:
        """Whether a tone that was told still sounds."""
        return bool(self._events)

    def push(self, spectra: NDArray[np.complex64], power: NDArray[np.float32], floor: NDArray[np.float32]) -> list[Tone]:
        """Take the spectra of some hops, shape (hops, bins); returns the tones that began or ended in them, in order."""
        changes: list[Tone] = []
        middle = power[:, 1:-1]
        is_peak = (middle > power[:, :-2]) & (middle >= power[:, 2:])
        is_peak &= middle > floor[:, 1:-1] * np.float32(10 ** ((self._criteria.prominence_db - 3) / 10))
        is_peak &= middle > np.float32(_HEARD_POWER / self._scale)
        is_peak[:, : self._lowest] = False
        for hop in range(len(spectra)):
            self._hops += 1
            self._recent.append(power[hop])
            peaks = np.flatnonzero(is_peak[hop]) + 1
            if len(peaks) > _CANDIDATES:
                peaks = peaks[np.argsort(power[hop, peaks] / floor[hop, peaks])[-_CANDIDATES:]]
            self._follow(spectra[hop], power[hop], floor[hop], peaks.tolist())
            changes += self._judge(power[hop])
            self._before = spectra[hop]
        return changes

    @property
    def _now_s(self) -> float:
        return self._hops * self._hop_s

    def _follow(self, spectrum: NDArray[np.complex64], power: NDArray[np.float32], floor: NDArray[np.float32], peaks: list[int]) -> None:
        """Continue each track at the nearest peak, or at its own bin where there is none for a moment; new peaks are new tracks."""
        free = set(peaks)
        for track in self._tracks:
            near = min(free, key=lambda peak: abs(peak - track.bin), default=None)
            if near is not None and abs(near - track.bin) <= 1:
                free.discard(near)
                track.bin, track.missed = near, 0
            else:
                track.missed += 1
        self._tracks = [track for track in self._tracks if track.missed <= _MOST_MISSED]
        self._tracks += [_Track(bin=peak, born_at_s=self._now_s - self._hop_s) for peak in sorted(free)]
        for track in self._tracks:
            k = track.bin
            line = float(power[k - 1] + power[k] + power[k + 1])
            level_db = 10 * np.log10(max(line * self._scale, 1e-15))
            prominence_db = 10 * np.log10(max(float(power[k]) / max(float(floor[k]), 1e-15 / self._scale), 1e-15))
            track.take(self._now_s, float(level_db), self._frequency(spectrum, k), float(prominence_db))

    def _frequency(self, spectrum: NDArray[np.complex64], k: int) -> float:
        """Frequency from the phase that the line turned in one hop: far finer than a bin, unambiguous within ±50 Hz of it."""
        turned = float(np.angle(spectrum[k] * np.conj(self._before[k])))
        expected = 2 * np.pi * k / WINDOW_HOPS
        deviation = (turned - expected + np.pi) % (2 * np.pi) - np.pi
        return float(k * self._bin_hz + deviation / (2 * np.pi * self._hop_s))

    def _judge(self, power: NDArray[np.float32]) -> list[Tone]:
        changes = self._end(power)
        for track in self._tracks:
            if not track.howled and (tone := self._howl(track)) is not None:
                track.howled = True
                changes += self._begin(tone, track, power)
            elif not track.howled and not track.told_steady and (tone := self._steady(track)) is not None:
                track.told_steady = True
                changes += self._begin(tone, track, power)
        return changes

    def _begin(self, tone: Tone, track: _Track, power: NDArray[np.float32]) -> list[Tone]:
        """A new event, unless one of its kind sounds: then a loop has only moved on to another frequency."""
        loudest = float(power[track.bin])
        event = self._events.get(tone.kind)
        if event is not None:
            if tone.kind == "howling":
                event.bin, event.loudest, event.alive_at_s = track.bin, loudest, self._now_s
            return []
        self._events[tone.kind] = _Event(tone=tone, bin=track.bin, loudest=loudest, alive_at_s=self._now_s)
        return [tone]

    def _end(self, power: NDArray[np.float32]) -> list[Tone]:
        """Events whose line has been gone for the release time."""
        ended: list[Tone] = []
        for kind, event in list(self._events.items()):
            line = float(power[max(0, event.bin - 2) : event.bin + 3].max())
            event.loudest = max(event.loudest, line)
            if line > event.loudest * 10 ** (-_FADED_DB / 10):
                event.alive_at_s = self._now_s
            elif self._now_s - event.alive_at_s >= _RELEASE_S:
                ended.append(replace(event.tone, ended_at_s=event.alive_at_s))
                del self._events[kind]
        return ended

    def finish(self) -> list[Tone]:
        """The events that still sound, ended where the sound was last heard."""
        ended = [replace(event.tone, ended_at_s=event.alive_at_s) for event in self._events.values()]
        self._events.clear()
        return ended

    def _howl(self, track: _Track) -> Tone | None:
        """The howl that this track is, by the shortest span that shows it."""
        for span in _SPANS:
            if len(track.levels_db) < span + 1:
                return None
            rise = track.levels_db[-1] - track.levels_db[-span]
            if rise < self._criteria.rise_db:
                continue
            growth = self._growth(track, span)
            if growth is not None and self._is_alone(track):
                return self._tone("howling", track, span, growth)
        return None

    def _growth(self, track: _Track, span: int) -> float | None:
        """Growth in dB/s over the last `span` hops if it is straight, lasting, prominent and at one frequency; else None."""
        criteria = self._criteria
        levels, frequencies, prominences = (
            _last(track.levels_db, span),
            _last(track.frequencies_hz, span),
            _last(track.prominences_db, span),
        )
        if _wander(frequencies) > criteria.wander_hz or np.quantile(prominences[span // 2 :], 0.2) < criteria.prominence_db:
            return None
        slope, crooked_db = _line_fit(levels)
        late_slope, _ = _line_fit(levels[span // 2 :])
        growth, late = slope / self._hop_s, late_slope / self._hop_s
        straight = crooked_db <= criteria.crooked_db and late >= 0.4 * growth
        return growth if straight and growth >= criteria.growth_db_per_s else None

    def _is_alone(self, track: _Track) -> bool:
        """Whether neither a harmonic nor a tone that this could be a harmonic of comes near it (PHPR)."""
        mean = np.mean(self._recent, axis=0)
        own = float(mean[track.bin])
        frequency = float(np.mean(_last(track.frequencies_hz, _SPANS[0]))) / self._bin_hz
        too_near = own * 10 ** (-self._criteria.harmonics_db / 10)
        if any(_strongest(mean, frequency * factor, self._lowest) > too_near for factor in _HARMONICS):
            return False
        lines = mean * (mean > 10 * local_floor(mean))
        lines[track.bin - 3 : track.bin + 4] = 0  # the line's own width is no neighbour
        return not any(_strongest(lines, frequency * factor, self._lowest) > own / 4 for factor in _NEXT_HARMONICS)

    def _steady(self, track: _Track) -> Tone | None:
        lasted = self._now_s - track.steady_since_s
        if lasted < self._criteria.sustained_s or track.levels_db[-1] < self._criteria.sustained_dbfs:
            return None
        if np.quantile(_last(track.prominences_db, _REMEMBERED), 0.1) < self._criteria.prominence_db:
            return None
        slope, _ = _line_fit(_last(track.levels_db, _REMEMBERED))
        return self._tone("sustained_tone", track, _REMEMBERED, slope / self._hop_s)

    def _tone(self, kind: Literal["howling", "sustained_tone"], track: _Track, span: int, growth: float) -> Tone:
        return Tone(
            kind=kind,
            frequency_hz=float(np.mean(_last(track.frequencies_hz, span))),
            level_dbfs=track.levels_db[-1],
            growth_db_per_s=growth,
            prominence_db=track.prominences_db[-1],
            started_at_s=track.born_at_s if kind == "howling" else track.steady_since_s,
            detected_at_s=self._now_s,
        )


def _strongest(power: NDArray[np.float32], position: float, lowest: int) -> float:
    """Largest power within one bin of a position; 0 outside the band."""
    k = round(position)
    return float(power[k - 1 : k + 2].max()) if lowest <= k < len(power) - 1 else 0.0


def _last(history: deque[float], count: int) -> NDArray[np.float64]:
    start = max(0, len(history) - count)
    return np.fromiter(islice(history, start, None), float)


def _wander(frequencies_hz: NDArray[np.float64]) -> float:
    """Standard deviation of the frequency from quarter to quarter: what the programme shakes within a quarter averages out."""
    quarter = len(frequencies_hz) // 4
    return float(np.std(frequencies_hz[-4 * quarter :].reshape(4, quarter).mean(axis=1)))


def _line_fit(levels: NDArray[np.float64]) -> tuple[float, float]:
    """Slope per step of the straight line through `levels`, and the RMS distance from it."""
    steps = np.arange(len(levels)) - (len(levels) - 1) / 2
    slope = float(steps @ levels / (steps @ steps))
    return slope, float(np.std(levels - slope * steps))


__all__ = ["Tone", "ToneCriteria", "ToneFinder", "local_floor"]
