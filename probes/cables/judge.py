"""Readings of cables against what the room declares → findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contract.catalog import finding
from contract.findings import Finding
from contract.readings import Failure, Reading
from probes.cables.limits import CablesLimits, CablesSettings
from probes.cables.neighbour import last_neighbour
from probes.interface import Look


def judge(readings: Iterable[Reading], settings: CablesSettings, limits: CablesLimits, look: Look) -> tuple[Finding, ...]:
    """Findings of one look; what the machine cannot tell is no finding."""
    readings = tuple(readings)
    ids = {device.name: device.id for device in settings.usb}
    has_carrier = any(reading.metric == "cables.carrier" and reading.value for reading in readings)
    battery = next((reading.value for reading in readings if reading.metric == "cables.battery_percent"), None)
    return tuple(found for reading in readings for found in _judged(reading, limits, look, ids, battery, has_carrier=has_carrier))


def _judged(
    reading: Reading, limits: CablesLimits, look: Look, ids: dict[str, str], battery: float | None, *, has_carrier: bool
) -> Iterator[Finding]:
    def found(code: str, figure: float | None = None, limit: float | None = None, unit: str = "", **details: float | str) -> Finding:
        return finding(
            code,
            look.phase,
            target=reading.target,
            figure=figure,
            limit=limit,
            unit=unit,
            since=reading.at,
            details=details,
            limits_version=look.limits_version,
        )

    gone = reading.value == 0
    if reading.metric == "cables.carrier" and (gone or reading.failure is Failure.ABSENT):
        yield found("cables.carrier_lost", neighbour=last_neighbour(look.state_directory))
    elif reading.metric == "cables.full_duplex" and gone and has_carrier:
        yield found("cables.half_duplex", neighbour=last_neighbour(look.state_directory))
    elif (
        reading.metric == "cables.port_speed_mbps" and reading.value is not None and has_carrier and reading.value < limits.port_speed_mbps
    ):
        yield found("cables.slow_port", reading.value, limits.port_speed_mbps, reading.unit, neighbour=last_neighbour(look.state_directory))
    elif reading.metric == "cables.usb_present" and gone:
        yield found("cables.usb_lost", usb_id=ids.get(reading.target, ""))
    elif reading.metric == "cables.hdmi_connected" and gone:
        yield found("cables.hdmi_no_signal")
    elif reading.metric == "cables.mains" and gone:
        yield found("cables.on_battery", battery, None, "%")
