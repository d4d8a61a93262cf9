"""Sums the ticks of a look up into the readings of the catalog; pure, constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from contract import catalog
from contract.readings import Failure, Reading
from probes.microphone.active_speech_level import NOTHING, active_level
from probes.microphone.levels import LOWEST_DBFS, dbfs, dbfs_of_peak
from probes.microphone.measure import Tick
from probes.microphone.reference import ChannelFigures

_BIN_DB = 0.25
_FLOOR_SHARE = 0.1
_RATED_TICKS = 5
"""Half a second of speech is the least that says anything."""
_COMPARED_S, _COMPARED_TICKS, _FLOOR_S = 2.0, 20, 20.0


class ChannelSummary:
    """One channel from the first tick to the last."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._seconds = self._power = self._offset = self._peak = 0.0
        self._speech, self._speech_ticks = NOTHING, 0
        self._levels = np.zeros(round((12 - LOWEST_DBFS) / _BIN_DB) + 1, np.int64)
        self._clipped_runs = self._gaps = 0
        self._momentary: float | None = None
        self._short_term: float | None = None
        self._hum_halves: list[float] = [0.0, 0.0]
        self._hum_count = 0

    def add(self, tick: Tick) -> None:
        """Take one tick."""
        seconds = tick.ends_at_s - tick.began_at_s
        self._seconds += seconds
        self._power += tick.power * seconds
        self._offset += tick.offset * seconds
        self._peak = max(self._peak, tick.peak)
        if tick.in_talk and not tick.tone_sounds:
            self._speech += tick.activity
            self._speech_ticks += tick.speech
        bins = ((tick.levels_dbfs - LOWEST_DBFS) / _BIN_DB).astype(int).clip(0, len(self._levels) - 1)
        np.add.at(self._levels, bins, 1)
        self._clipped_runs += tick.clipped_runs + tick.flat_tops
        self._gaps += tick.gaps
        self._momentary = _larger(self._momentary, tick.momentary_lufs)
        self._short_term = _larger(self._short_term, tick.short_term_lufs)
        if tick.hum is not None:
            self._hum_halves[0] += tick.hum.fundamental
            self._hum_halves[1] += tick.hum.harmonics
            self._hum_count += 1

    @property
    def noise_floor_dbfs(self) -> float:
        """Level that the quietest tenth of all hops of 10 ms stays below."""
        reached = np.cumsum(self._levels) >= _FLOOR_SHARE * self._levels.sum()
        return LOWEST_DBFS + (int(np.argmax(reached)) + 0.5) * _BIN_DB

    @property
    def speech_level_dbfs(self) -> float | None:
        """Active level of what was speech (P.56); None where too little of it was heard."""
        return active_level(self._speech)[0] if self._speech_ticks >= _RATED_TICKS else None

    def session_figures(self) -> ChannelFigures:
        """What of this can be compared with another session; what was measured too shortly is left out.

        While somebody talks the quiet tenth of a short time is no noise floor yet.
        """
        if self._seconds < _COMPARED_S:
            return ChannelFigures(target=self._target)
        level = self.speech_level_dbfs if self._speech_ticks >= _COMPARED_TICKS else None
        floor = self.noise_floor_dbfs if self._speech_ticks == 0 or self._seconds >= _FLOOR_S else None
        return ChannelFigures(
            target=self._target,
            speech_level_dbfs=level,
            noise_floor_dbfs=floor,
            snr_db=level - floor if level is not None and floor is not None else None,
            hum_dbfs=dbfs(sum(self._hum_halves) / self._hum_count) if self._hum_count else None,
        )

    def unrated(self, at: datetime) -> list[Reading]:
        """What could not be rated because nobody spoke: neither good nor bad."""
        if self._seconds == 0 or self.speech_level_dbfs is not None:
            return []
        names = ("microphone.speech_level_dbfs", "microphone.snr_db")
        return [catalog.missing(name, Failure.NOT_HEARD, at=at, target=self._target) for name in names]

    def readings(self, at: datetime, rate_hz: int, integrated_lufs: float | None) -> list[Reading]:
        """All figures; one that has no meaning yet (loudness of silence, level of speech when nobody spoke) is left out."""
        if self._seconds == 0:
            return []
        floor = self.noise_floor_dbfs
        figures: dict[str, float | None] = {
            "level_dbfs": dbfs(self._power / self._seconds),
            "peak_dbfs": dbfs_of_peak(self._peak),
            "noise_floor_dbfs": floor,
            "clipped_runs": self._clipped_runs,
            "dc_offset_percent": 100 * abs(self._offset) / self._seconds,
            "dropouts": self._gaps,
            "sample_rate_hz": rate_hz,
            "loudness_lufs": integrated_lufs,
            "loudness_momentary_lufs": self._momentary,
            "loudness_short_term_lufs": self._short_term,
        }
        speech = self.speech_level_dbfs
        if speech is not None:
            figures |= {"speech_level_dbfs": speech, "snr_db": speech - floor}
        if self._hum_count:
            fundamental, harmonics = (power / self._hum_count for power in self._hum_halves)
            figures["hum_dbfs"] = dbfs(fundamental + harmonics)
            if fundamental > 0 and harmonics > 0:
                figures["hum_harmonics_db"] = dbfs(harmonics) - dbfs(fundamental)
        return [
            catalog.figure(f"microphone.{name}", round(figure, 2), at=at, target=self._target)
            for name, figure in figures.items()
            if figure is not None
        ]


def _larger(known: float | None, new: float | None) -> float | None:
    return new if known is None or (new is not None and new > known) else known


def targets_of(channels: int) -> Sequence[str]:
    """Names of the channels: none where there is only one, else their numbers from 1."""
    return [""] if channels == 1 else [str(number) for number in range(1, channels + 1)]
