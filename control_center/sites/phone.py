"""Pure: whom to phone about an incident (R7). One rule for the board's cards and for the notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from contract.findings import Component
from control_center.incidents.model import Incident, Place
from control_center.store.registry import ContactRole

ContactT = TypeVar("ContactT")


def duties(incident: Incident) -> tuple[ContactRole, ...]:
    """Who can do something about it, first the one to ask first; a site's technician is asked of every fault."""
    if incident.component == Component.LINK:
        far = incident.place in (Place.TSLCD, Place.MCU)
        return (ContactRole.PROVIDER, ContactRole.SITE) if far else (ContactRole.SITE, ContactRole.PROVIDER)
    if incident.code in ("cables.on_battery", "cables.battery_low"):
        return (ContactRole.SITE, ContactRole.POWER)
    return (ContactRole.SITE,)


def whom_to_phone(incident: Incident, contacts: Sequence[ContactT], duty_of: Callable[[ContactT], str]) -> tuple[ContactT, ...]:
    """Those of a site's contacts who can help, in the order in which to call them; the center's own if nobody else is known."""

    def on(*wanted: ContactRole) -> tuple[ContactT, ...]:
        return tuple(contact for duty in wanted for contact in contacts if duty_of(contact) == duty)

    return on(*duties(incident)) or on(ContactRole.CENTER)
