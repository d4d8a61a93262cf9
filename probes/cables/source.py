"""Reads sysfs and asks for mains and UPS; the only file of the cables probe that touches the machine."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import psutil

from contract.findings import Component
from contract.messages import Device
from probes.cables import ups
from probes.cables.limits import CablesSettings
from probes.cables.ups import UpsFacts
from probes.child import word

_HUB, _LONGEST_WORD = "09", 60


class PortFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A network port as sysfs tells it; None where the driver cannot tell."""

    name: str
    exists: bool
    carrier: bool | None = None
    speed_mbps: float | None = None
    full_duplex: bool | None = None
    carrier_changes: int | None = None
    errors: int | None = None


class PowerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What feeds the site PC itself, by its own battery; None where there is none."""

    on_mains: bool | None = None
    battery_percent: float | None = None


class CableFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that hangs on the machine."""

    port: PortFacts
    usb_ids: frozenset[str] | None
    hdmi: dict[str, bool | None]
    power: PowerFacts = PowerFacts()
    ups: UpsFacts | None = None
    devices: tuple[Device, ...] = ()


def look(settings: CablesSettings, directory: str, at: datetime) -> CableFacts:
    """Read what is there now.

    Args:
        settings: What the room has.
        directory: State directory; empty: none.
        at: Now, UTC.
    """
    sysfs = Path(settings.sysfs)
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return CableFacts(
        port=_port(sysfs, settings.port or default_port()),
        usb_ids=_usb_ids(sysfs),
        devices=(*_usb_devices(sysfs), *_own_port(sysfs, settings.port or default_port())),
        hdmi={connector: _connected(sysfs, connector) for connector in settings.hdmi},
        power=PowerFacts(
            on_mains=None if battery is None or battery.power_plugged is None else bool(battery.power_plugged),
            battery_percent=None if battery is None else float(battery.percent),
        ),
        ups=None if settings.ups is None else ups.ask(settings.ups, directory, at),
    )


def default_port(routes: Path = Path("/proc/net/route")) -> str:
    """Interface of the IPv4 default route; empty if there is none."""
    text = _read(routes) or ""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 2 and fields[1] == "00000000":
            return fields[0]
    return ""


def _read(path: Path) -> str | None:
    """Text of a small file; None where the kernel will not tell (a port that is down answers EINVAL)."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _read(path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _port(sysfs: Path, name: str) -> PortFacts:
    folder = sysfs / "class" / "net" / name
    if not name or "/" in name or not folder.is_dir():
        return PortFacts(name=name, exists=False)
    carrier, speed, duplex = _number(folder / "carrier"), _number(folder / "speed"), _read(folder / "duplex")
    errors = [_number(folder / "statistics" / counter) for counter in ("rx_errors", "tx_errors")]
    return PortFacts(
        name=name,
        exists=True,
        # A port that is administratively down does not say "no carrier": reading fails, and there is none.
        carrier=carrier == 1,
        speed_mbps=float(speed) if speed is not None and speed > 0 else None,
        full_duplex=None if duplex not in ("full", "half") else duplex == "full",
        carrier_changes=_number(folder / "carrier_changes"),
        errors=None if None in errors else sum(error for error in errors if error is not None),
    )


def _usb_ids(sysfs: Path) -> frozenset[str] | None:
    folder = sysfs / "bus" / "usb" / "devices"
    if not folder.is_dir():
        return None
    pairs = ((_read(device / "idVendor"), _read(device / "idProduct")) for device in folder.iterdir())
    return frozenset(f"{vendor}:{product}".lower() for vendor, product in pairs if vendor and product)


def _usb_devices(sysfs: Path) -> list[Device]:
    """What is plugged in, hubs left out, in the order of its place."""
    found = []
    for place in sorted((sysfs / "bus/usb/devices").glob("*")):
        vendor, product = _read(place / "idVendor"), _read(place / "idProduct")
        if not vendor or not product or _read(place / "bDeviceClass") == _HUB:
            continue
        words = [word((_read(place / name) or "").encode(), _LONGEST_WORD) for name in ("manufacturer", "product", "serial", "bcdDevice")]
        maker, name, serial, version = words
        model = " ".join(filter(None, (maker, name)))
        address = f"USB {vendor.lower()}:{product.lower()}"
        found.append(
            Device(component=Component.CABLES, name=name or place.name, model=model, serial=serial, address=address, firmware=version)
        )
    return found


def _own_port(sysfs: Path, name: str) -> list[Device]:
    address = _read(sysfs / "class/net" / name / "address") if name and "/" not in name else None
    return [Device(component=Component.CABLES, name=name, address=f"MAC {address}")] if address else []


def _connected(sysfs: Path, connector: str) -> bool | None:
    status = _read(sysfs / "class" / "drm" / connector / "status")
    return None if status not in ("connected", "disconnected") else status == "connected"
