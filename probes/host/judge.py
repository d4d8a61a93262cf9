"""Readings of the machine against limits → findings."""

from __future__ import annotations

from collections.abc import Iterable

from contract.catalog import finding
from contract.findings import Finding
from contract.readings import Reading
from probes.host.limits import HostLimits
from probes.interface import Look


def judge(readings: Iterable[Reading], limits: HostLimits, look: Look) -> tuple[Finding, ...]:
    """A figure above its limit is a finding."""
    judged = {
        "host.cpu_percent": ("host.cpu", limits.cpu_percent),
        "host.memory_percent": ("host.memory", limits.memory_percent),
        "host.disk_percent": ("host.disk", limits.disk_percent),
        "host.temperature_celsius": ("host.temperature", limits.temperature_celsius),
    }
    found = []
    for reading in readings:
        code, limit = judged.get(reading.metric, ("", 0.0))
        if code and reading.value is not None and reading.value > limit:
            found.append(
                finding(
                    code,
                    look.phase,
                    figure=reading.value,
                    limit=limit,
                    unit=reading.unit,
                    since=reading.at,
                    limits_version=look.limits_version,
                )
            )
    return tuple(found)
