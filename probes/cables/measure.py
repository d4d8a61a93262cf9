"""What hangs on the machine → readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from contract.catalog import figure, missing
from contract.readings import Failure, Reading
from probes.cables.limits import CablesSettings
from probes.cables.source import CableFacts


def readings_of(facts: CableFacts, settings: CablesSettings, at: datetime) -> tuple[Reading, ...]:
    """Readings of the port, of each declared USB device and connector, and of the mains."""
    return (*_port(facts, at), *_declared(facts, settings, at), *_power(facts, at), *_ups(facts, settings, at))


def _reading(metric: str, value: float | None, at: datetime, target: str = "", why: Failure = Failure.UNSUPPORTED) -> Reading:
    return missing(metric, why, at=at, target=target) if value is None else figure(metric, value, at=at, target=target)


def _port(facts: CableFacts, at: datetime) -> Iterator[Reading]:
    port = facts.port
    if not port.exists:
        yield missing("cables.carrier", Failure.ABSENT, at=at, target=port.name)
        return
    yield _reading("cables.carrier", port.carrier, at, port.name)
    yield _reading("cables.port_speed_mbps", port.speed_mbps, at, port.name)
    yield _reading("cables.full_duplex", port.full_duplex, at, port.name)
    yield _reading("cables.carrier_changes", port.carrier_changes, at, port.name)
    yield _reading("cables.port_errors", port.errors, at, port.name)


def _declared(facts: CableFacts, settings: CablesSettings, at: datetime) -> Iterator[Reading]:
    for device in settings.usb:
        yield _reading("cables.usb_present", None if facts.usb_ids is None else device.id in facts.usb_ids, at, device.name)
    for connector, connected in facts.hdmi.items():
        yield _reading("cables.hdmi_connected", connected, at, connector, Failure.ABSENT)


def _power(facts: CableFacts, at: datetime) -> Iterator[Reading]:
    yield _reading("cables.mains", facts.power.on_mains, at)
    yield _reading("cables.battery_percent", facts.power.battery_percent, at)


def _ups(facts: CableFacts, settings: CablesSettings, at: datetime) -> Iterator[Reading]:
    said = facts.ups
    if said is None or settings.ups is None:
        return
    name, why = settings.ups.label, said.failure or Failure.UNSUPPORTED
    yield _reading("cables.mains", said.on_mains, at, name, why)
    yield _reading("cables.battery_percent", said.charge_percent, at, name, why)
    yield _reading("cables.battery_runtime_s", said.runtime_s, at, name, why)
    yield _reading("cables.ups_load_percent", said.load_percent, at, name, why)
    yield _reading("cables.battery_celsius", said.temperature_celsius, at, name, why)
    if said.failure is None:
        yield _reading("cables.battery_low", said.low, at, name)
        yield _reading("cables.battery_worn", said.worn, at, name)
