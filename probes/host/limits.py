"""Configuration of the host probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

from typing import Annotated

import msgspec

PortName = Annotated[str, msgspec.Meta(pattern="^(tcp|udp)/[0-9]{1,5}$")]
Percent = Annotated[float, msgspec.Meta(gt=0, le=100)]


class HostSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file."""

    fitted: bool = True
    disk: Annotated[str, msgspec.Meta(description="folder on the disk that must not fill up")] = "/"
    expected_ports: Annotated[
        tuple[PortName, ...], msgspec.Meta(description="ports that may be open to the network: SSH, and the client's end of DHCP")
    ] = ("tcp/22", "udp/68", "udp/546")


class HostLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults."""

    cpu_percent: Annotated[Percent, msgspec.Meta(description="processor load above which probes may come late")] = 95.0
    memory_percent: Annotated[Percent, msgspec.Meta(description="memory in use")] = 90.0
    disk_percent: Annotated[Percent, msgspec.Meta(description="disk in use")] = 90.0
    files_percent: Annotated[Percent, msgspec.Meta(description="files of the disk in use (inodes)")] = 95.0
    worn_percent: Annotated[Percent, msgspec.Meta(description="life of the disk that is used up, where it tells")] = 90.0
    patch_age_days: Annotated[float, msgspec.Meta(gt=0, le=3650, description="since a package of the system was last upgraded")] = 120.0
    temperature_celsius: Annotated[float, msgspec.Meta(gt=0, le=150, description="hottest sensor")] = 85.0
    clock_offset_s: Annotated[float, msgspec.Meta(gt=0, le=86400, description="clock against the center's, either way")] = 2.0
    cpu_span_s: Annotated[float, msgspec.Meta(gt=0, le=5, description="time over which the load is measured")] = 0.5
