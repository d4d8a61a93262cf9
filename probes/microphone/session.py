"""Judges a whole session: against the approved one (R27), and its channels against each other; pure, constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract import catalog
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure, Reading
from probes.microphone.channels import SAME_CORRELATION, ChannelPairs
from probes.microphone.judge import Change, moment_s
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.measure import Tick
from probes.microphone.reference import AudioReference, ChannelFigures, Deviation, deviation_of, swapped_pairs
from probes.microphone.summary import ChannelSummary

_EVERY_TICKS = 10
_NOT_MEASURED = "–"
_ALL_HEARD_S = 10.0
"""Where somebody talks into one of several microphones, so long is waited before one is called drifted that has only changed places."""


class SessionJudge:
    """Follows one stream from its start; says once a second what holds of the session so far.

    Args:
        settings: Whether the channels are microphones of their own.
        limits: What is still normal.
        phase: For the severities.
        targets: Names of the channels.
        reference: The approved session; None: nothing drifts.
        version: Of the limits.
    """

    def __init__(
        self,
        settings: MicrophoneSettings,
        limits: MicrophoneLimits,
        phase: Phase,
        *,
        targets: Sequence[str],
        reference: AudioReference | None,
        version: str = "",
    ) -> None:
        self._limits, self._phase, self._reference, self._version = limits, phase, reference, version
        self._summaries = {target: ChannelSummary(target) for target in targets}
        self._pairs = ChannelPairs(targets if settings.separate_channels else ())
        self._open: dict[tuple[str, str], Finding] = {}
        self._ticks, self._now_s = 0, 0.0

    def hear(self, samples: NDArray[np.float32], rate_hz: int) -> None:
        """Take the sound itself, of which the channels are compared."""
        self._pairs.push(samples, rate_hz)

    def push(self, ticks: Sequence[Tick]) -> list[Change]:
        """Take one tick of each channel; what begins or ends with it."""
        if self._reference is not None:
            for tick, summary in zip(ticks, self._summaries.values(), strict=True):
                summary.add(tick)
        self._now_s = ticks[0].ends_at_s
        self._ticks += 1
        return self._judge() if self._ticks % _EVERY_TICKS == 0 else []

    def holding(self) -> list[Finding]:
        """What has begun and not ended."""
        return list(self._open.values())

    def finish(self) -> list[Change]:
        """The stream is over: what still holds ends with it."""
        held, self._open = self.holding(), {}
        return [self._cleared(finding) for finding in held]

    def readings(self, at: datetime) -> list[Reading]:
        """Deviations from the approved session and the grade of each channel; none where nothing is approved (R49)."""
        told: list[Reading] = []
        for target, deviation in self._deviations().items():
            figures = {f"microphone.{name.removesuffix('_db')}_deviation_db": each for name, each in deviation._asdict().items()}
            told += [catalog.figure(name, each, at=at, target=target) for name, each in figures.items() if each is not None]
            grade = deviation.grade(self._limits)
            told.append(
                catalog.missing("microphone.session_grade", Failure.NOT_HEARD, at=at, target=target)
                if grade is None
                else catalog.figure("microphone.session_grade", grade, at=at, target=target)
            )
        return told

    def _figures(self) -> dict[str, ChannelFigures]:
        return {target: summary.session_figures() for target, summary in self._summaries.items()}

    def _deviations(self) -> dict[str, Deviation]:
        if self._reference is None:
            return {}
        known = {target: self._reference.channel(target) for target in self._summaries}
        return {
            target: deviation_of(figures, reference)
            for target, figures in self._figures().items()
            if (reference := known[target]) is not None
        }

    def _judge(self) -> list[Change]:
        now = {finding.key: finding for finding in (*self._identical(), *self._drifted())}
        changes = [Change("onset", finding) for key, finding in now.items() if key not in self._open]
        changes += [self._cleared(finding) for key, finding in self._open.items() if key not in now]
        self._open = {key: self._open.get(key, finding) for key, finding in now.items()}
        return changes

    def _identical(self) -> list[Finding]:
        return [
            self._finding("channels_identical", f"{first}, {second}", round(correlation, 4), SAME_CORRELATION, unit="")
            for first, second, correlation in self._pairs.twins()
        ]

    def _drifted(self) -> list[Finding]:
        """Swapped channels, else each that is too far from its own approved session."""
        if self._reference is None:
            return []
        figures = self._figures()
        talk = any(each.speech_level_dbfs is not None for each in figures.values())
        if talk and len(figures) > 1 and self._now_s < _ALL_HEARD_S:
            return []
        swapped = swapped_pairs(figures, self._reference, self._limits)
        found = [
            self._finding("channels_swapped", f"{first}, {second}", apart_db, self._limits.level_drift_db, unit="dB")
            for first, second, apart_db in swapped
        ]
        explained = {target for first, second, _ in swapped for target in (first, second)}
        for target, deviation in self._deviations().items():
            excesses = deviation.excesses(self._limits)
            if target not in explained and excesses and excesses[0][0] > 1:
                _, worst_db, limit_db = excesses[0]
                details = {name: _NOT_MEASURED if each is None else round(each, 1) for name, each in deviation._asdict().items()}
                found.append(self._finding("level_drift", target, worst_db, limit_db, unit="dB", details=details))
        return found

    def _finding(
        self, name: str, target: str, figure: float, limit: float, *, unit: str, details: dict[str, float | str] | None = None
    ) -> Finding:
        return catalog.finding(
            f"microphone.{name}",
            self._phase,
            target=target,
            figure=figure,
            limit=limit,
            unit=unit,
            started_at_s=0.0,
            detected_at_s=moment_s(self._now_s),
            details=details or {},
            limits_version=self._version,
        )

    def _cleared(self, finding: Finding) -> Change:
        return Change("cleared", msgspec.structs.replace(finding, ended_at_s=round(self._now_s, 3)))
