"""Configuration of the cables probe: what the room has (settings) and what is still normal (limits)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from probes.snmp_access import SnmpAccess


class UsbDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A USB device that the room has."""

    name: Annotated[str, msgspec.Meta(min_length=1, description="what people call it")]
    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{4}:[0-9a-f]{4}$", description="vendor:product as lsusb shows it")]


class NutUps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="by", tag="nut"):
    """A UPS that NUT's ``upsd`` knows.

    Attributes:
        host: Machine on which upsd runs; this one as a rule.
        port: Its TCP port.
        name: Of the UPS, as in ups.conf.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 3493
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "ups"

    @property
    def label(self) -> str:
        """What findings call it."""
        return f"UPS {self.name}"


class SnmpUps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="by", tag="snmp"):
    """A UPS with a network card that speaks the UPS-MIB (RFC 1628).

    Attributes:
        host: Its name or address.
        snmp: How it is asked.
    """

    host: str
    snmp: SnmpAccess

    @property
    def label(self) -> str:
        """What findings call it."""
        return f"UPS {self.host}"


Ups = NutUps | SnmpUps


class CablesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the site has; from the site's own file."""

    fitted: bool = True
    port: Annotated[str, msgspec.Meta(description="network interface of TSLCD; empty: the one of the default route")] = ""
    usb: tuple[UsbDevice, ...] = ()
    hdmi: Annotated[tuple[str, ...], msgspec.Meta(description="connectors as below /sys/class/drm, for example card0-HDMI-A-1")] = ()
    ups: Annotated[Ups | None, msgspec.Meta(description='uninterruptible power supply, by = "nut" or "snmp"; None: none')] = None
    sysfs: Annotated[str, msgspec.Meta(description="where sysfs is mounted")] = "/sys"


class CablesLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is still normal; versioned at the center, these are the defaults."""

    ups_runtime_s: Annotated[float, msgspec.Meta(ge=0, description="on battery: critical below so much time left")] = 600.0
    port_speed_mbps: Annotated[float, msgspec.Meta(ge=0, description="slowest acceptable speed of the port")] = 100.0
