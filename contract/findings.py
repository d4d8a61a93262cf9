"""Findings (this figure against that limit) and the verdict of a component that follows from them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from contract.readings import Failure


class Severity(StrEnum):
    """How much a finding matters in the phase in which it was made."""

    INFO = "info"
    """An advisory: told, never alarmed, leaves the component "ok"."""
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for critical."""
        return tuple(Severity).index(self)


class Component(StrEnum):
    """What of a site a finding is about; the first part of every metric and fault code."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    LINK = "link"
    CODEC = "codec"
    CABLES = "cables"
    HOST = "host"
    AGENT = "agent"


class State(StrEnum):
    """Verdict of a component, best first."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    UNKNOWN = "unknown"
    """Not checked. Never to be shown or counted as normal."""
    NOT_FITTED = "not_fitted"
    """The room has no such thing: "không trang bị"."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault, seen once; build it with `contract.catalog.finding`.

    Attributes:
        code: ``component.fault``, declared in the catalog.
        severity: In the phase in which it was judged.
        component: Component of the site; a plain string so that a newer peer's is not lost.
        target: Which camera, channel or link end.
        figure: The figure that was judged, in `unit`.
        limit: The limit that it was judged against, in `unit`.
        unit: Unit of both.
        since: When the fault began, UTC; None when only the moment of the look is known.
        frequency_hz: Of a howl or tone.
        early: A warning given before the fault does harm (a howl that is still quiet).
        started_at_s, ended_at_s: Of a stream or file, seconds from its start.
        detected_at_s: Moment of the stream by which no later sample was needed.
        details: Further figures and words the sentence may name.
        limits_version: Version of the limits it was judged by; empty for the built-in defaults.
    """

    code: str
    severity: Severity
    component: str
    target: str = ""
    figure: float | None = None
    limit: float | None = None
    unit: str = ""
    since: datetime | None = None
    frequency_hz: float | None = None
    early: bool = False
    started_at_s: float | None = None
    ended_at_s: float | None = None
    detected_at_s: float | None = None
    details: dict[str, float | str] = {}
    limits_version: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two sightings the same fault: code and target."""
        return (self.code, self.target)


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of one component at one time, with what it rests on."""

    component: str
    state: State
    at: datetime
    findings: tuple[Finding, ...] = ()
    why_unknown: Failure | None = None
    """When the state is unknown or not fitted: the failure that says why."""
