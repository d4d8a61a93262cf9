"""Turns samples into figures, ten times a second: one `Tick` a channel. Streaming, constant memory, no clock, no I/O."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.microphone.active_speech_level import Activity, ActivityMeter
from probes.microphone.howling import Tone, ToneCriteria, ToneFinder
from probes.microphone.hum import Hum, HumMeter
from probes.microphone.levels import LOWEST_DBFS, ClippingCounter, Coarseness, GapCounter, flat_tops
from probes.microphone.loudness import LoudnessMeter
from probes.microphone.spectrum import Spectrograph, Unrest, local_floor, tonality
from probes.microphone.speech import SpeechGate

HOPS_PER_TICK = 10


class Tick(NamedTuple):
    """One channel during 100 ms (less at the very end of a file). Powers are mean squares, full scale ±1.

    Attributes:
        began_at_s, ends_at_s: From the start of the stream.
        power: Of the signal as it is.
        audible_power: Without the offset.
        offset: Mean of the signal.
        peak: Largest magnitude.
        levels_dbfs: AES17 level of each hop of 10 ms, without the offset.
        clipped_runs, flat_tops, gaps: Counted in these 100 ms: at full scale, cut off below it, lost samples.
        coarse: Whether its samples are too coarse to show the noise of a room.
        activity: For the active speech level.
        tonality: Share of the power in lines, 0 to 1.
        unrest_db: Change of the octave bands since the tick before.
        floor_dbfs, spread_db, speech, in_talk: What the speech gate says.
        momentary_lufs, short_term_lufs: BS.1770-4, None in the first 0.4 and 3 s.
        hum: Of the half second that ended here; None in between.
        tones: Howls and sustained tones that began or ended here.
        tone_sounds: Whether one of them sounds.
    """

    began_at_s: float
    ends_at_s: float
    power: float
    audible_power: float
    offset: float
    peak: float
    levels_dbfs: NDArray[np.float64]
    clipped_runs: int
    flat_tops: int
    gaps: int
    coarse: bool
    activity: Activity
    tonality: float
    unrest_db: float
    floor_dbfs: float
    spread_db: float
    speech: bool
    in_talk: bool
    momentary_lufs: float | None
    short_term_lufs: float | None
    hum: Hum | None
    tones: tuple[Tone, ...]
    tone_sounds: bool


class Ear:
    """Listens to one stream; all channels at once, each for itself."""

    def __init__(self, rate_hz: int, channels: int, full_scale: float, criteria: ToneCriteria) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._spectrograph = Spectrograph(rate_hz, channels)
        self._step = self._spectrograph.hop * HOPS_PER_TICK
        self._unrest = Unrest(self._spectrograph)
        self._clipping = ClippingCounter(channels, full_scale)
        self._gaps = GapCounter(rate_hz, channels)
        self._coarseness = Coarseness(channels)
        self._loudness = LoudnessMeter(rate_hz, channels, self._step)
        self._hum = HumMeter(rate_hz, channels)
        self._activity = ActivityMeter(rate_hz, channels)
        self._speech = [SpeechGate() for _ in range(channels)]
        self._tones = [ToneFinder(self._spectrograph, rate_hz, criteria) for _ in range(channels)]
        self._waiting: list[NDArray[np.float32]] = []
        self._waiting_frames = 0
        self._lost = 0
        self._heard = 0

    @property
    def heard_s(self) -> float:
        """Length of what was measured."""
        return self._heard / self._rate_hz

    def integrated_lufs(self) -> list[float | None]:
        """Integrated loudness of each channel so far; None where nothing was louder than −70 LUFS."""
        return [integrator.loudness() for integrator in self._loudness.integrated]

    def push(self, samples: NDArray[np.float32], gaps: int = 0) -> list[tuple[Tick, ...]]:
        """Take samples, shape (frames, channels); the ticks, one per channel each, that they complete.

        Args:
            samples: Any number of frames.
            gaps: How often the source lost samples just before them.
        """
        self._waiting.append(samples)
        self._waiting_frames += len(samples)
        self._lost += gaps
        if self._waiting_frames < self._step:
            return []
        joined = np.concatenate(self._waiting) if len(self._waiting) > 1 else samples
        whole = len(joined) // self._step * self._step
        self._waiting, self._waiting_frames = [joined[whole:]], len(joined) - whole
        return [self._tick(joined[start : start + self._step]) for start in range(0, whole, self._step)]

    def finish(self) -> list[tuple[Tick, ...]]:
        """The whole hops that are left when the stream has ended."""
        joined = np.concatenate(self._waiting) if self._waiting else np.zeros((0, self._channels), np.float32)
        whole = len(joined) // self._spectrograph.hop * self._spectrograph.hop
        self._waiting, self._waiting_frames = [], 0
        return [self._tick(joined[:whole])] if whole else []

    def finish_tones(self) -> list[list[Tone]]:
        """Per channel the tones that sounded when the stream ended, with their end."""
        return [finder.finish() for finder in self._tones]

    def _tick(self, samples: NDArray[np.float32]) -> tuple[Tick, ...]:
        began_at_s = self.heard_s
        self._heard += len(samples)
        offset = samples.sum(axis=0, dtype=np.float64) / len(samples)  # over five periods of the mains: hum is no offset
        audible = samples - offset.astype(np.float32)
        hops = audible.reshape(-1, self._spectrograph.hop, self._channels)
        powers = np.einsum("ijk,ijk->ik", hops, hops, dtype=np.float64) / hops.shape[1]
        power = powers.sum(axis=0) / len(powers)
        peak = np.maximum(samples.max(axis=0), -samples.min(axis=0))
        levels = 10 * np.log10(np.maximum(2 * powers, 10 ** (LOWEST_DBFS / 10)))
        clipped, gaps = self._clipping.push(samples), self._gaps.push(samples) + self._lost
        self._lost = 0
        coarse = self._coarseness.push(samples)
        flat, activities = np.where(clipped > 0, 0, flat_tops(samples)), self._activity.push(audible)
        if len(samples) == self._step:
            self._loudness.push(samples)
        hum, momentary, short_term = self._hum.push(samples), self._loudness.momentary(), self._loudness.short_term()
        spectra = self._spectrograph.push(samples)
        spectral_power = spectra.real**2 + spectra.imag**2
        floor = local_floor(spectral_power)
        tonal, unrest = tonality(spectral_power, floor).mean(axis=1), self._unrest.push(spectral_power)
        ticks = []
        for channel in range(self._channels):
            gate, finder = self._speech[channel], self._tones[channel]
            speech = gate.push(levels[:, channel])
            tones = finder.push(spectra[channel], spectral_power[channel], floor[channel])
            ticks.append(
                Tick(
                    began_at_s=began_at_s,
                    ends_at_s=self.heard_s,
                    power=float(power[channel] + offset[channel] ** 2),
                    audible_power=float(power[channel]),
                    offset=float(offset[channel]),
                    peak=float(peak[channel]),
                    levels_dbfs=levels[:, channel],
                    clipped_runs=int(clipped[channel]),
                    flat_tops=int(flat[channel]),
                    gaps=int(gaps[channel]),
                    coarse=bool(coarse[channel]),
                    activity=activities[channel],
                    tonality=float(tonal[channel]),
                    unrest_db=float(unrest[channel]),
                    floor_dbfs=gate.floor_dbfs,
                    spread_db=gate.spread_db,
                    speech=speech,
                    in_talk=gate.in_talk,
                    momentary_lufs=momentary[channel] if momentary else None,
                    short_term_lufs=short_term[channel] if short_term else None,
                    hum=hum[channel] if hum else None,
                    tones=tuple(tones),
                    tone_sounds=finder.sounding,
                )
            )
        return tuple(ticks)
