"""Turns ticks and limits into findings as they begin and end; pure, and the same for a file and for a watch.

Every condition needs nothing but what has been heard so far, so a finding's ``detected_at_s`` is honest: a stream cut off there
yields the same finding.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from contract import catalog
from contract.findings import Finding
from contract.meetings import Phase
from probes.microphone.active_speech_level import active_level, together
from probes.microphone.howling import Tone, ToneCriteria
from probes.microphone.hum import Hum
from probes.microphone.levels import dbfs, dbfs_of_peak
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.measure import Tick

_SPEECH_RATED_TICKS = 20
"""Two seconds of speech are rated together, with the pauses between them; less says nothing."""
_TALK_TICKS = 60
_SPEECH_FORGOTTEN_S = 30.0
_NOISE_TICKS = 10
"""Each of which ends an even second: together they tell of two seconds or more."""
_NOISE_FORGOTTEN_S = 10.0
_NOISE_SPREAD_DB = 6.0
_NOISE_TONALITY = 0.3
_NOISE_UNREST_DB = 1.25
_HUM_SEGMENTS, _HUM_NEEDED = 6, 5
_HUM_STEADY_DB = 4.0
_STILL_OFFSET = 0.7
"""An offset that wanders about its limit is one offset."""
_GAPS_WITHIN_S = 10.0
_NOTCH_DB, _NOTCH_Q = 12.0, 14.0
"""A tenth of an octave, as parametric equalizers offer it: narrow enough not to be heard in speech, wide enough for a howl that wanders."""


class Change(NamedTuple):
    """A finding that begins (``onset``) or ends (``cleared``: the same finding with ``ended_at_s``)."""

    kind: Literal["onset", "cleared"]
    finding: Finding


class Measured(NamedTuple):
    """What a condition saw, when it is bad: the figure, its limit and unit, since when, and what else the sentence names."""

    figure: float
    limit: float
    unit: str
    started_at_s: float
    details: Mapping[str, float | str] = MappingProxyType({})


@dataclass
class _Spell:
    """One fault of one channel: opens when it is bad, closes when it has been good for `hold_s`."""

    code: str
    hold_s: float
    open: Finding | None = None
    last_bad_s: float = 0.0


def moment_s(now_s: float) -> float:
    """The millisecond that is over by then: a file cut off there holds all that was needed, also where 10 ms are no whole samples."""
    return math.ceil(now_s * 1000 - 1e-3) / 1000


def tone_criteria(limits: MicrophoneLimits) -> ToneCriteria:
    """The part of the limits that the finder of tones needs."""
    return ToneCriteria(
        growth_db_per_s=limits.howl_growth_db_per_s,
        prominence_db=limits.howl_prominence_db,
        sustained_s=limits.sustained_tone_after_s,
        sustained_dbfs=limits.sustained_tone_high_dbfs,
    )


class ChannelJudge:
    """Judges one channel, tick by tick.

    Args:
        settings: What the site has.
        limits: What is still normal.
        phase: Of the meeting.
        target: Name of the channel.
        version: Of the limits.
    """

    def __init__(self, settings: MicrophoneSettings, limits: MicrophoneLimits, phase: Phase, *, target: str, version: str = "") -> None:
        self._limits, self._phase, self._target, self._version = limits, phase, target, version
        self._mute_is_normal = settings.mute_is_normal and phase is Phase.LIVE
        self._second: deque[Tick] = deque(maxlen=10)
        self._silent_since_s: float | None = None
        self._heard = False
        self.muted: bool | None = None
        """What the mixer says of the ticks that come now; None where it says nothing."""
        self._speech: deque[Tick] = deque(maxlen=_TALK_TICKS)
        self._noise: deque[Tick] = deque(maxlen=_NOISE_TICKS)
        self._hum: deque[tuple[Tick, Hum]] = deque(maxlen=_HUM_SEGMENTS)
        self._gaps: deque[tuple[float, int]] = deque()
        self._is_offset = False
        self._talk_dbfs: float | None = None
        self._now_s = 0.0
        conditions = {
            "dead": (self._dead, 0.2),
            "muted": (self._muted, 0.2),
            "clipping": (self._clipping, 1.0),
            "dc_offset": (self._dc_offset, 5.0),
            "hum": (self._hums, 5.0),
            "noisy": (self._noisy, 5.0),
            "low_level": (self._low_level, 3.0),
            "high_level": (self._high_level, 3.0),
            "dropouts": (self._dropouts, 5.0),
        }
        self._conditions = [(_Spell(f"microphone.{name}", hold_s), judge) for name, (judge, hold_s) in conditions.items()]
        self._tones: dict[str, Finding] = {}

    def push(self, tick: Tick) -> list[Change]:
        """What begins or ends with this tick."""
        self._now_s = tick.ends_at_s
        self._remember(tick)
        self._talk_dbfs = self._speech_level() if tick.speech else None
        changes: list[Change] = []
        for spell, condition in self._conditions:
            measured = condition(tick)
            if measured is not None:
                spell.last_bad_s = tick.ends_at_s
                if spell.open is None:
                    spell.open = self._finding(spell.code, measured)
                    changes.append(Change("onset", spell.open))
            elif spell.open is not None and tick.ends_at_s - spell.last_bad_s >= spell.hold_s:
                changes.append(Change("cleared", msgspec.structs.replace(spell.open, ended_at_s=spell.last_bad_s)))
                spell.open = None
        return changes + self.push_tones(tick.tones)

    def push_tones(self, tones: tuple[Tone, ...] | list[Tone]) -> list[Change]:
        """Take tones that began or ended."""
        changes = []
        for tone in tones:
            finding = self._tone_finding(tone)
            if tone.ended_at_s is None:
                self._tones[tone.kind] = finding
                changes.append(Change("onset", finding))
            else:
                self._tones.pop(tone.kind, None)
                changes.append(Change("cleared", finding))
        return changes

    def holding(self) -> list[Finding]:
        """The findings that have begun and not ended."""
        return [spell.open for spell, _ in self._conditions if spell.open is not None] + list(self._tones.values())

    def finish(self) -> list[Change]:
        """The stream is over: what still holds ends with it."""
        held, self._tones = self.holding(), {}
        for spell, _ in self._conditions:
            spell.open = None
        return [Change("cleared", msgspec.structs.replace(finding, ended_at_s=self._now_s)) for finding in held]

    def _finding(self, code: str, measured: Measured) -> Finding:
        return catalog.finding(
            code,
            self._phase,
            target=self._target,
            figure=round(measured.figure, 2),
            limit=measured.limit,
            unit=measured.unit,
            started_at_s=round(measured.started_at_s, 3),
            detected_at_s=moment_s(self._now_s),
            details=dict(measured.details),
            limits_version=self._version,
        )

    def _tone_finding(self, tone: Tone) -> Finding:
        details: dict[str, float | str] = {
            "growth_db_per_s": round(tone.growth_db_per_s, 1),
            "level_dbfs": round(tone.level_dbfs, 1),
            "prominence_db": round(tone.prominence_db, 1),
        }
        howling = tone.kind == "howling"
        if howling:
            details |= {"growth_limit_db_per_s": self._limits.howl_growth_db_per_s, "notch_db": _NOTCH_DB, "notch_q": _NOTCH_Q}
            details["notch_width_hz"] = round(tone.frequency_hz / _NOTCH_Q)
        return catalog.finding(
            f"microphone.{tone.kind}",
            self._phase,
            target=self._target,
            figure=round(tone.level_dbfs, 1),
            limit=None if howling else self._limits.sustained_tone_high_dbfs,
            unit="dBFS",
            frequency_hz=round(tone.frequency_hz, 1),
            early=howling and tone.level_dbfs < self._limits.howl_quiet_dbfs,
            started_at_s=round(tone.started_at_s, 3),
            detected_at_s=moment_s(tone.detected_at_s),
            ended_at_s=None if tone.ended_at_s is None else round(tone.ended_at_s, 3),
            details=details,
            limits_version=self._version,
        )

    def _remember(self, tick: Tick) -> None:
        self._second.append(tick)
        if tick.in_talk and not tick.tone_sounds:
            self._speech.append(tick)
        while self._speech and tick.ends_at_s - self._speech[0].ends_at_s > _SPEECH_FORGOTTEN_S:
            self._speech.popleft()
        if self._is_noise(tick):
            self._noise.append(tick)
        while self._noise and tick.ends_at_s - self._noise[0].began_at_s > _NOISE_FORGOTTEN_S:
            self._noise.popleft()
        if tick.hum is not None:
            self._hum.append((tick, tick.hum))
        if tick.gaps:
            self._gaps.append((tick.began_at_s, tick.gaps))
        while self._gaps and tick.ends_at_s - self._gaps[0][0] > _GAPS_WITHIN_S:
            self._gaps.popleft()

    def _is_noise(self, tick: Tick) -> bool:
        """Whether the last second was an even hiss: no rhythm, no line, no change of colour."""
        even = len(self._second) == 10 and tick.spread_db < _NOISE_SPREAD_DB and tick.tonality < _NOISE_TONALITY
        return even and not tick.tone_sounds and sum(each.unrest_db for each in self._second) < 10 * _NOISE_UNREST_DB

    def _dead(self, tick: Tick) -> Measured | None:
        return None if self.muted else self._silence(tick)

    def _muted(self, tick: Tick) -> Measured | None:
        return self._silence(tick) if self.muted else None

    def _silence(self, tick: Tick) -> Measured | None:
        """Digital zero that has lasted, where it is not the way of the room, nor that of samples too coarse for a room's noise."""
        level = dbfs(tick.audible_power)
        if level > self._limits.dead_level_dbfs or self._mute_is_normal:
            self._heard = self._heard or level > self._limits.dead_level_dbfs
            self._silent_since_s = None
            return None
        if tick.coarse and self._heard:
            return None
        if self._silent_since_s is None:
            self._silent_since_s = tick.began_at_s
        patience_s = self._limits.silenced_after_s if self._heard else self._limits.dead_after_s
        if tick.ends_at_s - self._silent_since_s < patience_s - 1e-6:
            return None
        return Measured(level, self._limits.dead_level_dbfs, "dBFS", self._silent_since_s)

    def _clipping(self, _: Tick) -> Measured | None:
        cut = [tick for tick in self._second if tick.clipped_runs or tick.flat_tops]
        runs = sum(tick.clipped_runs + tick.flat_tops for tick in cut)
        if runs < self._limits.clipped_runs_per_s:
            return None
        top_dbfs = round(dbfs_of_peak(max(tick.peak for tick in cut)), 1)
        return Measured(runs, self._limits.clipped_runs_per_s, "", cut[0].began_at_s, {"top_dbfs": top_dbfs})

    def _dc_offset(self, _: Tick) -> Measured | None:
        percent = 100 * abs(sum(tick.offset for tick in self._second)) / len(self._second)
        limit = self._limits.dc_offset_high_percent
        self._is_offset = len(self._second) == 10 and percent > limit * (_STILL_OFFSET if self._is_offset else 1)
        return Measured(percent, limit, "%", self._second[0].began_at_s) if self._is_offset else None

    def _hums(self, _: Tick) -> Measured | None:
        """Steady lines at 50 Hz and its harmonics over three seconds; a voice at 100 Hz neither stands still nor lasts."""
        levels = sorted(dbfs(hum.power) for _, hum in self._hum if hum.power > 0)[-_HUM_NEEDED:]
        if len(self._hum) < _HUM_SEGMENTS or len(levels) < _HUM_NEEDED or levels[-1] - levels[0] > _HUM_STEADY_DB:
            return None
        if levels[0] <= self._limits.hum_high_dbfs:
            return None
        return Measured(levels[len(levels) // 2], self._limits.hum_high_dbfs, "dBFS", max(0.0, self._hum[0][0].ends_at_s - 0.5))

    def _noisy(self, _: Tick) -> Measured | None:
        if len(self._noise) < _NOISE_TICKS or any(dbfs(tick.audible_power) <= self._limits.noise_floor_high_dbfs for tick in self._noise):
            return None
        level = dbfs(sum(tick.audible_power for tick in self._noise) / len(self._noise))
        return Measured(level, self._limits.noise_floor_high_dbfs, "dBFS", max(0.0, self._noise[0].began_at_s - 0.9))

    def _speech_level(self) -> float | None:
        if sum(tick.speech for tick in self._speech) < _SPEECH_RATED_TICKS:
            return None
        return active_level(together([tick.activity for tick in self._speech]))[0]

    def _low_level(self, _: Tick) -> Measured | None:
        level = self._talk_dbfs
        if level is None or level >= self._limits.speech_low_dbfs:
            return None
        return Measured(level, self._limits.speech_low_dbfs, "dBFS", self._speech[0].began_at_s)

    def _high_level(self, _: Tick) -> Measured | None:
        level = self._talk_dbfs
        if level is None or level <= self._limits.speech_high_dbfs:
            return None
        return Measured(level, self._limits.speech_high_dbfs, "dBFS", self._speech[0].began_at_s)

    def _dropouts(self, _: Tick) -> Measured | None:
        gaps = sum(count for _, count in self._gaps)
        if gaps < self._limits.dropouts_per_10_s:
            return None
        return Measured(gaps, self._limits.dropouts_per_10_s, "", self._gaps[0][0])
