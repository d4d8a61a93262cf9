"""The approved sound of a room, and how far another session is from it (R27); pure, imports no NumPy."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from contract.readings import Reading
from probes.microphone.limits import MicrophoneLimits

REFERENCE_FILE = "microphone_reference.json"
"""The approved reference, in the state directory."""
_LOG = logging.getLogger(__name__)
GOOD, FAIR, POOR = 2, 1, 0
_HUM_MATTERS_DBFS = -70.0
"""Hum below it is compared as if it were so loud: nobody hears the difference."""


class ChannelFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One channel's figures of one session; None where it was not measured.

    Attributes:
        target: The channel; empty where there is one only.
    """

    target: str = ""
    speech_level_dbfs: float | None = None
    noise_floor_dbfs: float | None = None
    snr_db: float | None = None
    hum_dbfs: float | None = None


class AudioReference(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded session; what is approved is what later ones are compared with."""

    version: str
    recorded_at: datetime
    channels: tuple[ChannelFigures, ...]

    def channel(self, target: str) -> ChannelFigures | None:
        """Figures of one channel; None if the room had no such channel then."""
        return next((figures for figures in self.channels if figures.target == target), None)


class Deviation(NamedTuple):
    """A session's figures minus the reference's, in dB; None where one of the two was not measured.

    Attributes:
        level_db: Of speech: both ways are a change.
        noise_db, hum_db: More is worse.
        snr_db: Less is worse.
    """

    level_db: float | None
    noise_db: float | None
    snr_db: float | None
    hum_db: float | None

    def excesses(self, limits: MicrophoneLimits) -> list[tuple[float, float, float]]:
        """(share of its limit, deviation, limit) of each deviation that was measured, worst first."""
        parts = (
            (self.level_db, limits.level_drift_db, abs),
            (self.noise_db, limits.noise_drift_db, float),
            (self.snr_db, -limits.level_drift_db, float),
            (self.hum_db, limits.noise_drift_db, float),
        )
        measured = [(size(deviation) / limit, deviation, limit) for deviation, limit, size in parts if deviation is not None]
        return sorted(measured, key=lambda part: -part[0])

    def grade(self, limits: MicrophoneLimits) -> int | None:
        """`GOOD` within half of every limit, `FAIR` within the limits, else `POOR`; None if nothing could be compared."""
        excesses = self.excesses(limits)
        if not excesses:
            return None
        worst = excesses[0][0]
        return GOOD if worst <= 0.5 else FAIR if worst <= 1 else POOR


def deviation_of(session: ChannelFigures, reference: ChannelFigures) -> Deviation:
    """How far a session is from the reference."""
    return Deviation(
        level_db=_minus(session.speech_level_dbfs, reference.speech_level_dbfs),
        noise_db=_minus(session.noise_floor_dbfs, reference.noise_floor_dbfs),
        snr_db=_minus(session.snr_db, reference.snr_db),
        hum_db=_minus(_audible_hum(session.hum_dbfs), _audible_hum(reference.hum_dbfs)),
    )


def figures_of(readings: Iterable[Reading]) -> tuple[ChannelFigures, ...]:
    """The figures of each channel of a report, in the channels' order."""
    channels: dict[str, dict[str, float]] = {}
    for reading in readings:
        name = reading.metric.removeprefix("microphone.")
        if name in ChannelFigures.__struct_fields__ and reading.value is not None:
            channels.setdefault(reading.target, {})[name] = reading.value
    return tuple(ChannelFigures(target=target, **figures) for target, figures in sorted(channels.items()))


def swapped_pairs(
    session: Mapping[str, ChannelFigures], reference: AudioReference, limits: MicrophoneLimits
) -> list[tuple[str, str, float]]:
    """Pairs of channels that each look like the approved other one and not like themselves; with the larger deviation in dB."""
    known = [figures for figures in reference.channels if figures.target in session]
    pairs = []
    for index, first in enumerate(known):
        for second in known[index + 1 :]:
            here, there = session[first.target], session[second.target]
            own, crossed = _distances(here, first, there, second), _distances(here, second, there, first)
            if own and crossed and min(own) > limits.level_drift_db and max(crossed) <= limits.level_drift_db / 2:
                pairs.append((first.target, second.target, max(own)))
    return pairs


def load_reference(state_directory: str) -> AudioReference | None:
    """The approved reference; None where there is none (R49), or it cannot be read, which the log tells."""
    if not state_directory:
        return None
    path = Path(state_directory) / REFERENCE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=AudioReference)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _LOG.warning("%s is left unread: %s", path, error)
        return None


def _distances(here: ChannelFigures, like: ChannelFigures, there: ChannelFigures, like_too: ChannelFigures) -> list[float]:
    """Differences of level (of noise where nobody spoke) if `here` is `like` and `there` is `like_too`."""
    for name in ("speech_level_dbfs", "noise_floor_dbfs"):
        apart = [_minus(getattr(a, name), getattr(b, name)) for a, b in ((here, like), (there, like_too))]
        measured = [abs(each) for each in apart if each is not None]
        if len(measured) == 2:
            return measured
    return []


def _minus(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else round(value - reference, 2)


def _audible_hum(level_dbfs: float | None) -> float | None:
    return None if level_dbfs is None else max(level_dbfs, _HUM_MATTERS_DBFS)
