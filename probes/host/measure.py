"""What the machine says → readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from contract.catalog import figure, missing
from contract.readings import Failure, Reading
from probes.host.limits import HostSettings
from probes.host.source import HostFacts

_DAY_S = 86400


def readings_of(facts: HostFacts, settings: HostSettings, at: datetime) -> tuple[Reading, ...]:
    """One reading a figure; what the machine cannot tell is "unsupported" (R15), an unreadable disk "absent"."""
    return tuple(_readings(facts, settings, at))


def strangers(facts: HostFacts, settings: HostSettings) -> tuple[str, ...]:
    """Ports that are open to the network and are not expected to be."""
    return tuple(port for port in facts.ports or () if port not in settings.expected_ports)


def _readings(facts: HostFacts, settings: HostSettings, at: datetime) -> Iterator[Reading]:
    def reading(metric: str, value: float | None, why: Failure = Failure.UNSUPPORTED) -> Reading:
        return missing(metric, why, at=at) if value is None else figure(metric, value, at=at)

    disk, patched_at = facts.disk, facts.patched_at
    yield figure("host.cpu_percent", facts.cpu_percent, at=at)
    yield figure("host.memory_percent", facts.memory_percent, at=at)
    yield figure("host.uptime_s", facts.uptime_s, at=at)
    yield reading("host.disk_percent", facts.disk_percent, Failure.ABSENT)
    yield reading("host.temperature_celsius", facts.temperature_celsius)
    yield reading("host.disk_read_only", disk.read_only)
    yield reading("host.files_percent", disk.files_percent)
    yield reading("host.disk_errors", disk.errors)
    yield reading("host.disk_worn_percent", disk.worn_percent)
    yield reading("host.open_ports", None if facts.ports is None else len(strangers(facts, settings)))
    # A clock that was set back makes no patch of the future.
    yield reading("host.patch_age_days", None if patched_at is None else max(0.0, (at - patched_at).total_seconds() / _DAY_S))
    # Without the mark nobody knows: plain Debian sets it only where unattended-upgrades is installed.
    yield reading("host.restart_needed", 1.0 if facts.restart_needed else None)
