"""The host probe: processor, memory, disk and its health, temperature, uptime, open ports, age of patches."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from contract.catalog import missing
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.host.judge import judge
from probes.host.limits import HostLimits, HostSettings
from probes.host.measure import readings_of
from probes.host.source import ask
from probes.interface import Look

ESSENTIAL = ("host.cpu_percent", "host.memory_percent", "host.disk_percent")


def run(settings: HostSettings, limits: HostLimits, look: Look) -> ProbeReport:
    """Look at the machine once."""
    began_at, began = datetime.now(UTC), time.monotonic()
    if not settings.fitted:
        readings = tuple(missing(metric, Failure.NOT_FITTED, at=began_at) for metric in ESSENTIAL)
        return ProbeReport(probe="host", began_at=began_at, duration_s=0.0, readings=readings)
    facts = ask(settings, limits.cpu_span_s)
    readings = readings_of(facts, settings, began_at)
    return ProbeReport(
        probe="host",
        began_at=began_at,
        duration_s=time.monotonic() - began,
        readings=readings,
        findings=judge(readings, facts, settings, limits, look),
        source=facts.versions,
        devices=(facts.device,),
    )
