"""Readings of cables against what the room declares → findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contract.catalog import finding
from contract.findings import Finding
from contract.readings import Failure, Reading
from probes.cables.limits import CablesLimits, CablesSettings
from probes.cables.neighbour import last_neighbour
from probes.interface import Look

_OWN = "PC"
"""What findings call the site PC's own battery."""


def judge(readings: Iterable[Reading], settings: CablesSettings, limits: CablesLimits, look: Look) -> tuple[Finding, ...]:
    """Findings of one look; what the machine cannot tell is no finding."""
    readings = tuple(readings)
    ids = {device.name: device.id for device in settings.usb}
    has_carrier = any(reading.metric == "cables.carrier" and reading.value for reading in readings)
    found = [one for reading in readings for one in _judged(reading, limits, look, ids, has_carrier=has_carrier)]
    return (*found, *_of_power(readings, limits, look))


def _judged(reading: Reading, limits: CablesLimits, look: Look, ids: dict[str, str], *, has_carrier: bool) -> Iterator[Finding]:
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


def _of_power(readings: tuple[Reading, ...], limits: CablesLimits, look: Look) -> Iterator[Finding]:
    """What each battery says: the site PC's own (without a target), the UPS's."""
    figures = {(reading.metric, reading.target): reading for reading in readings if reading.value is not None}

    def value(metric: str, target: str) -> float | None:
        return figures[metric, target].value if (metric, target) in figures else None

    for (metric, target), reading in figures.items():
        common = {"target": target or _OWN, "since": reading.at, "limits_version": look.limits_version}
        if metric == "cables.mains" and reading.value == 0:
            runtime_s = value("cables.battery_runtime_s", target)
            if value("cables.battery_low", target) or (runtime_s is not None and runtime_s < limits.ups_runtime_s):
                yield finding("cables.battery_low", look.phase, figure=runtime_s, limit=limits.ups_runtime_s, unit="s", **common)
            yield finding("cables.on_battery", look.phase, figure=value("cables.battery_percent", target), unit="%", **common)
        elif metric == "cables.battery_worn" and reading.value:
            yield finding("cables.battery_worn", look.phase, **common)
