"""A reading: one measured figure with its unit and time, or the name of why there is none."""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum

import msgspec


class Failure(StrEnum):
    """Why a figure is missing. A closed vocabulary: a failure is something to count, not to parse."""

    ABSENT = "absent"
    """The room declares the device and it is not there."""
    NOT_FITTED = "not_fitted"
    """The room has no such device: nothing is missing (R46)."""
    BUSY = "busy"
    """Somebody else, usually the conferencing system, owns the device."""
    TIMEOUT = "timeout"
    """No answer within the deadline."""
    REFUSED = "refused"
    """The peer answered that it will not."""
    UNREACHABLE = "unreachable"
    """The network has no way there."""
    PERMISSION = "permission"
    """The agent may not: a missing capability, group or credential."""
    UNSUPPORTED = "unsupported"
    """The device or this machine cannot tell this figure."""
    BAD_DATA = "bad_data"
    """Something came that could not be read."""
    SKIPPED = "skipped"
    """The probe stepped aside on purpose, for example in a live meeting."""
    NOT_HEARD = "not_heard"
    """Nobody spoke, so that there was no speech to rate: neither good nor bad."""
    CRASHED = "crashed"
    """The probe itself broke."""


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of one target.

    Attributes:
        metric: Name declared in the catalog, for example ``link.rtt_ms``.
        value: The figure in `unit`, or None when `failure` says why there is none.
        failure: Why `value` is missing.
        unit: Unit as in the catalog; empty for a plain number.
        target: Which camera, channel or link end; empty when there is only one.
        at: When it was measured, UTC.
    """

    metric: str
    at: datetime
    value: float | None = None
    failure: Failure | None = None
    unit: str = ""
    target: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.failure is None):
            raise ValueError(f"{self.metric}: a reading has either a value or a failure")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.metric}: value {self.value} is not finite; use a failure")
