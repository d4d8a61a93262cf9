"""What the machine says → readings."""

from __future__ import annotations

from datetime import datetime

from contract.catalog import figure, missing
from contract.readings import Failure, Reading
from probes.host.source import HostFacts


def readings_of(facts: HostFacts, at: datetime) -> tuple[Reading, ...]:
    """One reading a figure; what the machine cannot tell is "unsupported" (R15), an unreadable disk "absent"."""
    return (
        figure("host.cpu_percent", facts.cpu_percent, at=at),
        figure("host.memory_percent", facts.memory_percent, at=at),
        figure("host.uptime_s", facts.uptime_s, at=at),
        missing("host.disk_percent", Failure.ABSENT, at=at)
        if facts.disk_percent is None
        else figure("host.disk_percent", facts.disk_percent, at=at),
        missing("host.temperature_celsius", Failure.UNSUPPORTED, at=at)
        if facts.temperature_celsius is None
        else figure("host.temperature_celsius", facts.temperature_celsius, at=at),
    )
