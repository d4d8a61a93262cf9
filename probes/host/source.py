"""Asks the operating system; the only file of the host probe that does."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import psutil


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine says of itself; None where it cannot tell."""

    cpu_percent: float
    memory_percent: float
    uptime_s: float
    disk_percent: float | None
    temperature_celsius: float | None


def ask(disk: str, cpu_span_s: float) -> HostFacts:
    """Read all figures; takes `cpu_span_s`."""
    try:
        disk_percent: float | None = psutil.disk_usage(disk).percent
    except OSError:
        disk_percent = None
    sensors: dict[str, list[Any]] = getattr(psutil, "sensors_temperatures", dict)()
    current = [sensor.current for chip in sensors.values() for sensor in chip if sensor.current is not None and sensor.current > 0]
    return HostFacts(
        cpu_percent=psutil.cpu_percent(cpu_span_s),
        memory_percent=psutil.virtual_memory().percent,
        uptime_s=max(0.0, time.time() - psutil.boot_time()),
        disk_percent=disk_percent,
        temperature_celsius=max(current, default=None),
    )
