"""Asks the operating system; with `ports` and `upkeep` the only files of the host probe that do."""

from __future__ import annotations

import platform
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psutil

from contract.findings import Component
from contract.messages import Device
from probes.host.limits import HostSettings
from probes.host.ports import open_ports
from probes.host.upkeep import DiskHealth, disk_health, patched_at, restart_needed


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine says of itself; None where it cannot tell."""

    cpu_percent: float
    memory_percent: float
    uptime_s: float
    disk_percent: float | None
    temperature_celsius: float | None
    disk: DiskHealth = DiskHealth()
    ports: tuple[str, ...] | None = None
    patched_at: datetime | None = None
    restart_needed: bool = False
    versions: str = ""
    device: Device = Device(component=Component.HOST, name="")


def ask(settings: HostSettings, cpu_span_s: float) -> HostFacts:
    """Read all figures; takes `cpu_span_s`."""
    try:
        disk_percent: float | None = psutil.disk_usage(settings.disk).percent
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
        disk=disk_health(settings.disk, Path("/sys")),
        ports=open_ports(Path("/proc")),
        patched_at=patched_at(Path("/")),
        restart_needed=restart_needed(Path("/")),
        versions=_versions(),
        device=_device(Path("/sys/class/dmi/id")),
    )


def _device(dmi: Path) -> Device:
    """The site PC itself, as its firmware tells everybody; its serial number is root's alone."""

    def word(name: str) -> str:
        try:
            return " ".join((dmi / name).read_text(encoding="utf-8", errors="replace").split())[:60]
        except OSError:
            return ""

    model = " ".join(filter(None, (word("sys_vendor"), word("product_name"))))
    return Device(component=Component.HOST, name=platform.node(), model=model, firmware=_versions())


def _versions() -> str:
    """System, kernel and Python in one line, in no language."""
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        system = ""
    return ", ".join(filter(None, (system, f"{platform.system()} {platform.release()}", f"Python {platform.python_version()}")))
