"""What an incident is, and the signals that make one."""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum

import msgspec

from contract.findings import Finding, Severity


class IncidentState(StrEnum):
    """Life of an incident."""

    SUSPECTED = "suspected"
    """Quiet: shown on the board, alarms nobody, leaves no trace in the form if it passes."""
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Place(StrEnum):
    """Where a link fault lies, seen from the site (R31)."""

    SITE_LAN = "site_lan"
    GATEWAY = "gateway"
    TSLCD = "tslcd"
    MCU = "mcu"
    CENTER = "center"
    AGENT = "agent"
    UNKNOWN = "unknown"


class Witness(StrEnum):
    """What an echo to the site's kernel said when its agent fell silent."""

    ANSWERED = "answered"
    SILENT = "silent"
    NOT_ASKED = "not_asked"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the fault was there; `ended_at` is None while it lasts."""

    began_at: datetime
    ended_at: datetime | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went wrong at one site, merged from all who saw it.

    Attributes:
        id: ``<site>-<YYYYMMDDTHHMMSSmmm>-<code>``, then ``-<target>`` where there is one; stable from suspicion to closure.
        code: A fault code of the catalog.
        began_at: True begin as far as known: the site's own word overrides the center's once it has come.
        ended_at: True end, None while it lasts.
        spans: Each time it came and went, in order; more than one when it flaps. The first begins at `began_at`.
        opened_at: When the center raised it (alarm); None while only suspected.
        seen_by_site, seen_by_center: From which ends it was seen.
        place: Where a link fault lies.
        group: Id of the common cause when many sites fell at once; empty if alone.
        maintenance: What was being done at the site by plan; empty if nothing. Such an incident alarms nobody (R53).
    """

    id: str
    site: str
    code: str
    component: str
    severity: Severity
    state: IncidentState
    began_at: datetime
    target: str = ""
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    spans: tuple[Span, ...] = ()
    meeting: str = ""
    figure: float | None = None
    limit: float | None = None
    unit: str = ""
    frequency_hz: float | None = None
    details: dict[str, float | str] = {}
    place: Place = Place.UNKNOWN
    seen_by_site: bool = False
    seen_by_center: bool = False
    times: int = 1
    group: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    maintenance: str = ""

    @property
    def alarmed(self) -> bool:
        """Whether it ever was more than a quiet suspicion; one that was not is a figure, not a fault to be told."""
        return self.opened_at is not None

    def as_finding(self) -> Finding:
        """What the catalog's sentences are filled from; a figure that is no number is left out."""
        return Finding(
            code=self.code,
            severity=self.severity,
            component=self.component,
            target=self.target,
            figure=_finite(self.figure),
            limit=_finite(self.limit),
            unit=self.unit,
            frequency_hz=_finite(self.frequency_hz),
            since=self.began_at,
            details={key: word for key, word in self.details.items() if isinstance(word, str) or math.isfinite(word)},
        )


def _finite(figure: float | None) -> float | None:
    return figure if figure is not None and math.isfinite(figure) else None


class SilenceSignal(msgspec.Struct, frozen=True, kw_only=True):
    """Liveness speaks of one site in a meeting.

    Attributes:
        kind: ``suspected`` (packets missing for half a second), ``confirmed`` (missing for about a second),
            ``returned`` (packets come again; ends either).
        at: When the center noticed, UTC.
        silent_since: When the last packet came, UTC: begin of the silence.
        returned_at: When packets came again.
        witness: What the second witness said.
    """

    site: str
    kind: str
    at: datetime
    silent_since: datetime
    returned_at: datetime | None = None
    witness: Witness = Witness.NOT_ASKED
