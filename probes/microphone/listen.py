"""Puts measure, judge and summary together for one stream: samples in, changes and readings out. No device, no clock."""

from __future__ import annotations

from datetime import datetime

from contract import catalog
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Reading
from probes.microphone.judge import Change, ChannelJudge, tone_criteria
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.measure import Ear, Tick
from probes.microphone.reference import AudioReference
from probes.microphone.session import SessionJudge
from probes.microphone.sound import Block, Stream
from probes.microphone.summary import ChannelSummary, targets_of


class Listener:
    """Hears one stream from its start to its end."""

    def __init__(
        self,
        source: Stream,
        settings: MicrophoneSettings,
        limits: MicrophoneLimits,
        phase: Phase,
        *,
        reference: AudioReference | None = None,
        limits_version: str = "",
    ) -> None:
        self._rate_hz = source.rate_hz
        self._targets = targets_of(source.channels)
        self._ear = Ear(source.rate_hz, source.channels, source.full_scale, tone_criteria(limits))
        self._judges = [ChannelJudge(settings, limits, phase, target=target, version=limits_version) for target in self._targets]
        self._summaries = [ChannelSummary(target) for target in self._targets]
        self._muted: bool | None = None
        self._session = SessionJudge(settings, limits, phase, targets=self._targets, reference=reference, version=limits_version)

    @property
    def heard_s(self) -> float:
        """Length of what was heard and judged."""
        return self._ear.heard_s

    def push(self, block: Block) -> list[Change]:
        """Hear some more."""
        self._muted = block.muted
        for judge in self._judges:
            judge.muted = block.muted
        changes = self._take(self._ear.push(block.samples, block.gaps))
        self._session.hear(block.samples, self._rate_hz)  # after it: nothing is told by sound that came later
        return changes

    def finish(self) -> list[Change]:
        """The stream is over: what still holds ends with it."""
        changes = self._take(self._ear.finish())
        for judge, tones in zip(self._judges, self._ear.finish_tones(), strict=True):
            changes += judge.push_tones(tones)
            changes += judge.finish()
        return changes + self._session.finish()

    def holding(self) -> list[Finding]:
        """The findings that hold now."""
        return [finding for judge in self._judges for finding in judge.holding()] + self._session.holding()

    def readings(self, at: datetime) -> list[Reading]:
        """Figures of everything since the start, or since the last `start_summary`."""
        loudness = self._ear.integrated_lufs()
        told = [
            reading
            for summary, integrated in zip(self._summaries, loudness, strict=True)
            for reading in summary.readings(at, self._rate_hz, integrated)
        ]
        if told and self._muted is not None:
            told.append(catalog.figure("microphone.muted", self._muted, at=at))
        return told + self._session.readings(at) if told else []

    def unrated(self, at: datetime) -> list[Reading]:
        """What could not be rated, because nobody spoke, with that reason."""
        return [reading for summary in self._summaries for reading in summary.unrated(at)]

    def start_summary(self) -> None:
        """Begin new figures; judging goes on."""
        self._summaries = [ChannelSummary(target) for target in self._targets]

    def _take(self, ticks: list[tuple[Tick, ...]]) -> list[Change]:
        changes: list[Change] = []
        for channels in ticks:
            for tick, judge, summary in zip(channels, self._judges, self._summaries, strict=True):
                summary.add(tick)
                changes += judge.push(tick)
            changes += self._session.push(channels)
        return changes
