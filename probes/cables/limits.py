"""Configuration of the cables probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

from typing import Annotated

import msgspec


class UsbDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A USB device that the room has."""

    name: Annotated[str, msgspec.Meta(min_length=1, description="what people call it")]
    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{4}:[0-9a-f]{4}$", description="vendor:product as lsusb shows it")]


class CablesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file."""

    fitted: bool = True
    port: Annotated[str, msgspec.Meta(description="network interface of TSLCD; empty: the one of the default route")] = ""
    usb: tuple[UsbDevice, ...] = ()
    hdmi: Annotated[tuple[str, ...], msgspec.Meta(description="connectors as below /sys/class/drm, for example card0-HDMI-A-1")] = ()
    sysfs: Annotated[str, msgspec.Meta(description="where sysfs is mounted")] = "/sys"


class CablesLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults."""

    port_speed_mbps: Annotated[float, msgspec.Meta(ge=0, description="slowest acceptable speed of the port")] = 100.0
