"""What every probe is given and gives back."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from contract.meetings import Phase
from contract.messages import ProbeReport

SettingsT_contra = TypeVar("SettingsT_contra", contravariant=True)
LimitsT_contra = TypeVar("LimitsT_contra", contravariant=True)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Circumstances of one run.

    Attributes:
        phase: Phase of the meeting; severities and what may be asked of a device depend on it.
        deadline_s: The run must be over by then; the caller kills it a little later.
        state_directory: Where the probe may keep and find its references; empty: nowhere.
        limits_version: Cited by the findings.
        tour: Whether a camera may be turned through its presets in this run; never done in a live meeting.
    """

    phase: Phase = Phase.IDLE
    deadline_s: float = 10.0
    state_directory: str = ""
    limits_version: str = ""
    tour: bool = False


class Probe(Protocol[SettingsT_contra, LimitsT_contra]):
    """``run`` of a probe's ``probe.py``.

    It returns readings with a failure name where it could not measure, and raises only on a wrong configuration.
    """

    def __call__(self, settings: SettingsT_contra, limits: LimitsT_contra, look: Look) -> ProbeReport:
        """Look once."""
        ...
