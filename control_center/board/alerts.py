"""Pure: incidents as the board tells them: how urgent, in which words, whom to phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contract import catalog
from contract.catalog.words import quantity
from contract.findings import Finding, Severity
from control_center.board import wording
from control_center.board.wording import Word
from control_center.incidents.model import Incident, IncidentState, Place
from control_center.sites.phone import whom_to_phone


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Whom to phone; `duty` is a word of `store.registry.ContactRole`: site, center, provider or power."""

    name: str
    phone: str
    duty: str = "site"


@dataclass(frozen=True, kw_only=True)
class IncidentView:
    """One incident as alert card, badge or line of a timeline."""

    id: str
    code: str
    site: str
    site_name: str
    component: str
    state: IncidentState
    state_text: str
    severity: Severity
    word: Word
    title: str
    sentence: str
    advice: str
    place: str
    began_at: datetime
    ended_at: datetime | None
    lasted: str
    times: int
    acknowledged_by: str
    acknowledged_at: datetime | None
    contacts: tuple[Contact, ...]
    opened_at: datetime
    maintenance: str
    """What is being done there by plan; such an incident is shown, and alarms nobody."""
    sort: str
    """Order of the alert panel as text: not yet acknowledged first, then the worse, then the newer."""

    @property
    def about_link(self) -> bool:
        """Whether it is about the connection itself."""
        return self.code.startswith("link.")

    @property
    def loud(self) -> bool:
        """Whether it is an alarm: open, not yet acknowledged, and more than an advisory."""
        return self.state is IncidentState.OPEN and self.severity is not Severity.INFO and not self.maintenance


def sentence(found: Finding) -> str:
    """Catalog's sentence; a code that only a newer peer knows is told with its raw figures."""
    if found.code in catalog.FAULTS:
        return catalog.sentence(found)
    if found.figure is None:
        return found.code
    limit = "" if found.limit is None else f" (giới hạn {quantity(found.limit, found.unit)})"
    return f"{found.code}: {quantity(found.figure, found.unit)}{limit}"


def remark(found: Finding) -> str:
    """Catalog's sentence beside a state: an advisory says that it is one, since its component still counts as well."""
    return f"{wording.SEVERITY[found.severity].text}: {sentence(found)}" if found.severity is Severity.INFO else sentence(found)


def alert_order(incident: Incident) -> str:
    """Sort key of the alert panel: not yet acknowledged first, then the worse, then the newer."""
    opened_ms = int((incident.opened_at or incident.began_at).timestamp() * 1000)
    acknowledged = int(incident.state is IncidentState.ACKNOWLEDGED or bool(incident.maintenance))
    return f"{acknowledged}{2 - incident.severity.rank}{10**14 - opened_ms:015d}{incident.id}"


def incident_view(incident: Incident, site_name: str, contacts: Sequence[Contact] = ()) -> IncidentView:
    """What the board says of an incident."""
    found = incident.as_finding()
    ended_at = incident.ended_at
    return IncidentView(
        id=incident.id,
        code=incident.code,
        site=incident.site,
        site_name=site_name,
        component=wording.component(incident.component),
        state=incident.state,
        state_text=wording.INCIDENT[incident.state],
        severity=incident.severity,
        word=wording.SEVERITY[incident.severity],
        title=catalog.title(incident.code),
        sentence=sentence(found),
        advice=catalog.advice(found),
        place="" if incident.place is Place.UNKNOWN else wording.PLACE[incident.place],
        began_at=incident.began_at,
        ended_at=ended_at,
        lasted="" if ended_at is None else wording.duration(ended_at - incident.began_at),
        times=incident.times,
        acknowledged_by=incident.acknowledged_by,
        acknowledged_at=incident.acknowledged_at,
        contacts=whom_to_phone(incident, contacts, lambda one: one.duty),
        opened_at=incident.opened_at or incident.began_at,
        maintenance=incident.maintenance,
        sort=alert_order(incident),
    )
