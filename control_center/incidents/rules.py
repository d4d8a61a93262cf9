"""What the incident engine reckons with: its rules, families of codes, spans, places. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from contract.catalog import FAULTS
from contract.findings import Severity
from contract.meetings import Phase
from contract.messages import Interruption
from control_center.incidents.model import Incident, IncidentState, Place, Span

LINK_DOWN = "link.down"
STALE = "agent.stale"
LINK_LOSS = frozenset({LINK_DOWN, "link.gateway_unreachable", "link.center_unreachable"})
"""The site cannot reach the center: one thing, seen from different ends."""
MCU_LOSS = "link.mcu_unreachable"
"""Its own thing while the center is still reached; part of the same outage when it is not."""
CONNECTIVITY = LINK_LOSS | {MCU_LOSS}
PLACE_OF = {"link.gateway_unreachable": Place.GATEWAY, MCU_LOSS: Place.MCU, STALE: Place.AGENT}
"""Where a fault lies by its code alone; that the center is not reached does not say where the path broke."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How incidents are merged.

    Attributes:
        flap_window: A fault that comes back within this time is the same incident, counted once more.
        group_sites: From so many sites on, the same fault at once is one cause.
        group_window: "At once": begun within this time of each other.
        slack: By how much two ends may differ in when one outage began or ended.
        confirmed_after_s: Named as the limit of a silence.
    """

    flap_window: timedelta = timedelta(seconds=30)
    group_sites: int = 3
    group_window: timedelta = timedelta(seconds=3)
    slack: timedelta = timedelta(seconds=2)
    confirmed_after_s: float = 1.0


class Duty(msgspec.Struct, frozen=True):
    """What a site is doing now: which meeting, which phase."""

    meeting: str = ""
    phase: Phase = Phase.IDLE


def incident_id(site: str, code: str, target: str, began_at: datetime) -> str:
    """Stable name of an incident, sortable by site and time."""
    plain = unicodedata.normalize("NFKD", target).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]
    return f"{site}-{began_at:%Y%m%dT%H%M%S}{began_at.microsecond // 1000:03d}-{code}" + (f"-{slug}" if slug else "")


def severity_of(code: str, phase: Phase) -> Severity:
    """Severity that the catalog gives to a fault that the center itself saw."""
    spec = FAULTS.get(code)
    return Severity.CRITICAL if spec is None else spec.severity_at(phase)


def overlap(one: Span, other: Span, slack: timedelta) -> timedelta | None:
    """How long two spans share, `slack` granted at each end; None if they do not meet."""
    far = datetime.max.replace(tzinfo=one.began_at.tzinfo) - slack * 2
    begins = max(one.began_at, other.began_at) - slack
    ends = min(one.ended_at or far, other.ended_at or far) + slack
    return ends - begins if ends >= begins else None


def with_spans(incident: Incident, spans: Iterable[Span]) -> Incident:
    """The incident with these spans, in order, and begin, end and count that follow from them."""
    kept = tuple(sorted(spans, key=lambda span: span.began_at))
    times = max(len(kept), incident.times)
    return msgspec.structs.replace(incident, spans=kept, began_at=kept[0].began_at, ended_at=kept[-1].ended_at, times=times)


def again(incident: Incident, began_at: datetime) -> Incident:
    """The closed incident, come back: one span and one count more."""
    counted = msgspec.structs.replace(incident, times=incident.times + 1)
    return with_spans(counted, (*incident.spans, Span(began_at=began_at)))


def closed(incident: Incident, at: datetime) -> Incident:
    """The incident with its last span ended at `at` (never before it began)."""
    last = incident.spans[-1]
    ended = incident if last.ended_at is not None else with_spans(incident, (*incident.spans[:-1], end_of(last, at)))
    ended = msgspec.structs.replace(ended, state=IncidentState.CLOSED)
    if ended.code in CONNECTIVITY | {STALE} and ended.ended_at is not None:
        return msgspec.structs.replace(ended, figure=down_s(ended), unit="s")
    return ended


def end_of(span: Span, at: datetime) -> Span:
    """The span, ended."""
    return Span(began_at=span.began_at, ended_at=max(at, span.began_at))


def down_s(incident: Incident) -> float:
    """Seconds of all spans that have ended."""
    return round(sum((span.ended_at - span.began_at).total_seconds() for span in incident.spans if span.ended_at is not None), 3)


def place_of(gap: Interruption, *, carrier_lost: bool = False) -> Place:
    """Where the connection broke, from who was silent and who went on answering (R31)."""
    silent = set(gap.targets) - set(gap.answered)
    if "gateway" in silent or carrier_lost:
        return Place.SITE_LAN if carrier_lost else Place.GATEWAY
    if {"mcu", "center"} <= silent:
        return Place.TSLCD
    if silent == {"mcu"}:
        return Place.MCU
    if silent == {"center"}:
        # With the MCU answering the path is whole and the center's end is at fault; without one to ask, the path is.
        return Place.CENTER if "mcu" in gap.answered else Place.TSLCD if "gateway" in gap.answered else Place.UNKNOWN
    return Place.UNKNOWN
