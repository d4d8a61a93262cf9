"""Howling: a narrow line that grows in linear decibels at one frequency, alone. And the tone that does not grow.

A loop over its gain margin grows by a constant factor each time round: its line rises on a straight line in dB, its
frequency does not move, it is louder than it was before, and nothing that could be its voice rises with it. Speech moves and
has harmonics that rise together, a struck or switched tone is there at once and stays or decays, a siren and a whistle glide,
beats come back to where they were. Each condition is known for itself (van Waterschoot & Moonen, *Fifty Years of Acoustic
Feedback Control*, Proc. IEEE 2011, as PNPR, PHPR, IMSD); `probes.microphone.evidence` weighs them together. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from probes.microphone.evidence import ENOUGH, SHORTEST_SPAN, Growth, Surroundings, added, line_fit, spans_that_rise, weight
from probes.microphone.spectrum import LOWEST_HZ, Spectrograph, local_floor
from probes.microphone.tracks import Tracks

_CANDIDATES = 10
_HEARD_POWER = 1e-9
"""A line below −90 dBFS is not looked at."""
_RELEASE_S = 1.0
"""A howl that falls silent for less than this is the same howl."""
_FADED_DB = 15.0
_STEADY_HOPS = 100
_STEADY_PROMINENCE_DB = 15.0


@dataclass(frozen=True, kw_only=True)
class ToneCriteria:
    """What makes a line a howl or a sustained tone; each is explained in `limits.py`.

    Attributes:
        growth_db_per_s: Slowest growth.
        prominence_db: Least height over the ±24 bins around.
        sustained_s: How long a steady tone may last.
        sustained_dbfs: A weaker steady tone is no matter.
    """

    growth_db_per_s: float = 4.0
    prominence_db: float = 13.0
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
        self._scale = 1 / spectrograph.full_scale_power
        self._lowest = int(np.ceil(LOWEST_HZ / spectrograph.bin_hz))
        self._tracks = Tracks(spectrograph.bin_hz, self._hop_s, self._scale)
        self._surroundings = Surroundings(spectrograph.bins, spectrograph.bin_hz, self._lowest)
        self._events: dict[str, _Event] = {}
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
            self._surroundings.push(power[hop])
            peaks = np.flatnonzero(is_peak[hop]) + 1
            if len(peaks) > _CANDIDATES:
                peaks = peaks[np.argpartition(power[hop, peaks] / floor[hop, peaks], -_CANDIDATES)[-_CANDIDATES:]]
            self._tracks.follow(spectra[hop], power[hop], floor[hop], peaks.tolist())
            changes += self._end(power[hop])
            changes += self._howls(power[hop])
            changes += self._steady_tones(power[hop])
        return changes

    @property
    def _now_s(self) -> float:
        return self._hops * self._hop_s

    def _howls(self, power: NDArray[np.float32]) -> list[Tone]:
        changes: list[Tone] = []
        tracks = self._tracks
        slots = np.flatnonzero((tracks.age > SHORTEST_SPAN) & ~tracks.howled)
        if not len(slots):
            return changes
        for slot, spans in spans_that_rise(tracks, slots):
            if not spans and tracks.evidence[slot] == 0:
                continue
            heaviest, growth = self._heaviest(slot, spans)
            tracks.evidence[slot] = added(float(tracks.evidence[slot]), heaviest)
            if growth is not None and tracks.evidence[slot] >= ENOUGH:
                tracks.howled[slot] = True
                tone = self._tone("howling", slot, growth.frequency_hz, growth.db_per_s, tracks.born_hop[slot] * self._hop_s)
                changes += self._begin(tone, int(tracks.bin[slot]), power)
        return changes

    def _heaviest(self, slot: int, spans: list[int]) -> tuple[float | None, Growth | None]:
        """What speaks most for a howl, and the longest growth, which says best how fast it is; none of a line that is part of a voice."""
        growths = [growth for span in spans if (growth := Growth.of(self._tracks, slot, span, self._hop_s)) is not None]
        growths = [
            one for one in growths if one.db_per_s >= self._criteria.growth_db_per_s and one.prominence_db >= self._criteria.prominence_db
        ]
        if not growths:
            return None, None
        around, frequency_hz = self._surroundings, growths[0].frequency_hz
        if around.sounds_like_a_voice(growths[0].bin, frequency_hz):
            return None, None
        companion_db, record_db = around.companion_db(growths[0].bin, frequency_hz), around.record_db(growths[0].bin)
        return max(weight(growth, companion_db, record_db) for growth in growths), growths[-1]

    def _steady_tones(self, power: NDArray[np.float32]) -> list[Tone]:
        tracks = self._tracks
        lasted = (self._hops - tracks.steady_since_hop) * self._hop_s >= self._criteria.sustained_s
        waiting = (tracks.age > _STEADY_HOPS) & ~tracks.howled & ~tracks.told_steady & lasted
        changes: list[Tone] = []
        for slot in np.flatnonzero(waiting).tolist():
            levels, prominences = tracks.levels_db(slot, _STEADY_HOPS), tracks.prominences_db(slot, _STEADY_HOPS)
            if levels[-1] < self._criteria.sustained_dbfs or np.partition(prominences, 10)[10] < _STEADY_PROMINENCE_DB:
                continue
            tracks.told_steady[slot] = True
            slope, _ = line_fit(levels)
            frequency_hz = float(tracks.frequencies_hz(slot, _STEADY_HOPS).mean())
            tone = self._tone("sustained_tone", slot, frequency_hz, slope / self._hop_s, tracks.steady_since_hop[slot] * self._hop_s)
            changes += self._begin(tone, int(tracks.bin[slot]), power)
        return changes

    def _tone(
        self, kind: Literal["howling", "sustained_tone"], slot: int, frequency_hz: float, growth_db_per_s: float, started_at_s: float
    ) -> Tone:
        return Tone(
            kind=kind,
            frequency_hz=frequency_hz,
            level_dbfs=float(self._tracks.levels_db(slot, 1)[0]),
            growth_db_per_s=growth_db_per_s,
            prominence_db=float(self._tracks.prominences_db(slot, 1)[0]),
            started_at_s=float(started_at_s),
            detected_at_s=self._now_s,
        )

    def _begin(self, tone: Tone, position: int, power: NDArray[np.float32]) -> list[Tone]:
        """A new event, unless one of its kind sounds: then a loop has only moved on to another frequency."""
        loudest = float(power[position])
        event = self._events.get(tone.kind)
        if event is not None:
            if tone.kind == "howling":
                event.bin, event.loudest, event.alive_at_s = position, loudest, self._now_s
            return []
        self._events[tone.kind] = _Event(tone=tone, bin=position, loudest=loudest, alive_at_s=self._now_s)
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


__all__ = ["Tone", "ToneCriteria", "ToneFinder", "local_floor"]
