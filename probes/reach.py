"""Whether this machine itself can reach anything: a device behind a dead cable of ours is not dead, only out of reach.

Asked after a device did not answer, so that its silence is told as its own fault only where it is (`codec.unreachable`, a network camera
that is gone): with our cable pulled, or the router on the way gone, nothing is known of it.
"""

from __future__ import annotations

from pathlib import Path

from probes.route import resolve, way_to

_SYS, _ARP = Path("/sys/class/net"), Path("/proc/net/arp")
_COMPLETE = 0x2
"""Flag of an ARP entry that has an answer; while the kernel asks in vain it is not set."""


def out_of_reach(host: str, net: Path = _SYS, arp: Path = _ARP) -> str:
    """Why a host cannot be judged from here: what is missing on this side of it; empty if nothing is.

    Args:
        host: Name or address of the device that did not answer.
        net: Where the kernel tells of its interfaces.
        arp: Where it tells of its neighbours.
    """
    address = resolve(host)
    if address is None:
        # Without a name server nothing is known of the host; with one, its name is wrong, which is for the people here to mend.
        return "" if _any_carrier(net) else "no cable has a carrier"
    way = way_to(address)
    if way is None:
        return "no route"
    if way.interface and not _carrier(net / way.interface):
        return f"{way.interface} has no carrier"
    if way.gateway and not _answers(way.gateway, arp):
        return f"the router {way.gateway} on the way is gone"
    return ""


def _carrier(interface: Path) -> bool:
    """What the kernel does not tell of (a tunnel, for example) is taken as there."""
    try:
        return (interface / "carrier").read_text().strip() != "0"
    except OSError:
        # An interface that is administratively down answers EINVAL.
        return not _is_down(interface)


def _is_down(interface: Path) -> bool:
    try:
        return (interface / "operstate").read_text().strip() == "down"
    except OSError:
        return False


def _any_carrier(net: Path) -> bool:
    return any(_carrier(interface) for interface in net.glob("*") if interface.name != "lo")


def _answers(gateway: str, arp: Path) -> bool:
    """By the kernel's own asking, which our attempt has set off; without an entry (point-to-point, IPv6) nothing speaks against it."""
    try:
        lines = arp.read_text().splitlines()[1:]
    except OSError:
        return True
    entries = [fields for line in lines if len(fields := line.split()) > 2 and fields[0] == gateway]
    return not entries or any(int(fields[2], 16) & _COMPLETE for fields in entries)
