"""Readings of the machine against limits → findings."""

from __future__ import annotations

from collections.abc import Iterable

from contract.catalog import finding
from contract.findings import Finding
from contract.readings import Reading
from probes.host.limits import HostLimits, HostSettings
from probes.host.measure import strangers
from probes.host.source import HostFacts
from probes.interface import Look

_YES_OR_NO = {"host.disk_read_only": "host.disk_read_only", "host.restart_needed": "host.restart_needed"}


def judge(readings: Iterable[Reading], facts: HostFacts, settings: HostSettings, limits: HostLimits, look: Look) -> tuple[Finding, ...]:
    """A figure above its limit is a finding."""
    judged = {
        "host.cpu_percent": ("host.cpu", limits.cpu_percent),
        "host.memory_percent": ("host.memory", limits.memory_percent),
        "host.disk_percent": ("host.disk", limits.disk_percent),
        "host.files_percent": ("host.files", limits.files_percent),
        "host.temperature_celsius": ("host.temperature", limits.temperature_celsius),
        "host.disk_worn_percent": ("host.disk_worn", limits.worn_percent),
        "host.patch_age_days": ("host.patches_old", limits.patch_age_days),
        "host.disk_errors": ("host.disk_errors", 0.0),
        "host.open_ports": ("host.open_port", 0.0),
    }
    details: dict[str, float | str] = {"ports": ", ".join(strangers(facts, settings))}
    found = []
    for reading in readings:
        code, limit = judged.get(reading.metric, ("", 0.0))
        if code and reading.value is not None and reading.value > limit:
            found.append(
                finding(
                    code,
                    look.phase,
                    figure=round(reading.value, 1),
                    limit=limit,
                    unit=reading.unit,
                    since=reading.at,
                    details=details if code == "host.open_port" else {},
                    limits_version=look.limits_version,
                )
            )
        elif reading.metric in _YES_OR_NO and reading.value:
            found.append(finding(_YES_OR_NO[reading.metric], look.phase, since=reading.at, limits_version=look.limits_version))
    return tuple(found)
