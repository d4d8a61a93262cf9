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

from probes.microphone.evidence import Evidence, Suspect
from probes.microphone.growth import growths
from probes.microphone.lines import Lines
from probes.microphone.spectrum import Spectrograph
from probes.microphone.steady import SteadyLine, SteadyLines
from probes.microphone.surroundings import Surroundings

_RELEASE_S = 1.0
"""A howl that falls silent for less than this is the same howl."""
_FADED_DB = 15.0
_OUT_DB = 6.0
"""A line is out of the programme from this height."""
_STEADY_HEIGHT_DB = 12.0
"""A line is followed as a steady one from this height."""


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
        self._lines = Lines(spectrograph, rate_hz)
        self._surroundings = Surroundings(self._lines, spectrograph.bins)
        self._evidence = Evidence()
        self._steady = SteadyLines()
        self._events: dict[str, _Event] = {}

    @property
    def sounding(self) -> bool:
        """Whether a tone that was told still sounds."""
        return bool(self._events)

    def push(self, spectra: NDArray[np.complex64], power: NDArray[np.float32], floor: NDArray[np.float32]) -> list[Tone]:
        """Take the spectra of 100 ms (less at the end), shape (hops, bins); the tones that began or ended in them, in order."""
        first = self._lines.hops
        self._lines.push(spectra, power, floor)
        self._surroundings.push(power)
        howls = {suspect.hop: suspect for suspect in self._howls(power, floor)}
        changes: list[Tone] = []
        for row, hop in enumerate(range(first, first + len(power))):
            now_s = (hop + 1) * self._hop_s
            changes += self._end(power[row], now_s)
            if hop in howls:
                changes += self._begin(self._howl(howls[hop], now_s), howls[hop].bin, power[row])
        return changes + self._steady_tones(power, floor)

    def _howls(self, power: NDArray[np.float32], floor: NDArray[np.float32]) -> list[Suspect]:
        """What is told as a howl in these hops, at most one a hop."""
        criteria, lines = self._criteria, self._lines
        hops, bins = lines.peaks(power, floor, criteria.prominence_db)
        grown = growths(lines, hops, bins, db_per_s=criteria.growth_db_per_s, height_db=criteria.prominence_db) if len(hops) else None
        company = None if grown is None else self._surroundings.company(grown.hops, grown.bins, grown.newest_hz)
        return self._evidence.weigh(lines.hops, grown, company)

    def _howl(self, suspect: Suspect, now_s: float) -> Tone:
        return Tone(
            kind="howling",
            frequency_hz=suspect.frequency_hz,
            level_dbfs=suspect.level_dbfs,
            growth_db_per_s=suspect.db_per_s,
            prominence_db=suspect.height_db,
            started_at_s=self._lines.out_since(suspect.hop, suspect.bin, _OUT_DB) * self._hop_s,
            detected_at_s=now_s,
        )

    def _steady_tones(self, power: NDArray[np.float32], floor: NDArray[np.float32]) -> list[Tone]:
        """Tones that have stood still for long enough by the end of these 100 ms."""
        now_s = self._lines.hops * self._hop_s
        began_s = now_s - len(power) * self._hop_s
        mean = power.mean(axis=0, keepdims=True)
        looks = self._lines.looks(mean, floor.mean(axis=0, keepdims=True), _STEADY_HEIGHT_DB)
        changes: list[Tone] = []
        for line in self._steady.follow(looks, began_s):
            lasted = now_s - line.since_s >= self._criteria.sustained_s - 1e-6
            if lasted and not line.told and line.stands_out and line.peak.level_dbfs >= self._criteria.sustained_dbfs:
                line.told = True
                if "howling" not in self._events:
                    changes += self._begin(self._sustained(line, now_s), line.peak.bin, mean[0])
        return changes

    def _sustained(self, line: SteadyLine, now_s: float) -> Tone:
        first, last = line.looks[0].level_dbfs, line.looks[-1].level_dbfs
        return Tone(
            kind="sustained_tone",
            frequency_hz=line.peak.frequency_hz,
            level_dbfs=line.peak.level_dbfs,
            growth_db_per_s=last - first,
            prominence_db=line.peak.height_db,
            started_at_s=line.since_s,
            detected_at_s=now_s,
        )

    def _begin(self, tone: Tone, position: int, power: NDArray[np.float32]) -> list[Tone]:
        """A new event, unless one of its kind sounds: then a loop has only moved on to another frequency."""
        loudest = float(power[position])
        event = self._events.get(tone.kind)
        if event is not None:
            if tone.kind == "howling":
                event.bin, event.loudest, event.alive_at_s = position, loudest, tone.detected_at_s
            return []
        self._events[tone.kind] = _Event(tone=tone, bin=position, loudest=loudest, alive_at_s=tone.detected_at_s)
        return [tone]

    def _end(self, power: NDArray[np.float32], now_s: float) -> list[Tone]:
        """Events whose line has been gone for the release time."""
        ended: list[Tone] = []
        for kind, event in list(self._events.items()):
            line = float(power[max(0, event.bin - 2) : event.bin + 3].max())
            event.loudest = max(event.loudest, line)
            if line > event.loudest * 10 ** (-_FADED_DB / 10):
                event.alive_at_s = now_s
            elif now_s - event.alive_at_s >= _RELEASE_S:
                ended.append(replace(event.tone, ended_at_s=event.alive_at_s))
                del self._events[kind]
        return ended

    def finish(self) -> list[Tone]:
        """The events that still sound, ended where the sound was last heard."""
        ended = [replace(event.tone, ended_at_s=event.alive_at_s) for event in self._events.values()]
        self._events.clear()
        return ended
