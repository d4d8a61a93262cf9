"""Sockets that listen for strangers, as the kernel lists them; reading needs no privilege (R13). Pure, but for the files it is given."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

_LISTENS, _UNCONNECTED = "0A", "07"
"""States of a socket in /proc/net: TCP_LISTEN, and a UDP socket that is bound and has no peer."""
_TABLES = {"tcp": "tcp", "tcp6": "tcp", "udp": "udp", "udp6": "udp"}
_OWN_PORTS = 32768
"""First port that the kernel gives to who asks for none, by default: a UDP socket from here on waits for its own answers."""


def open_ports(proc: Path) -> tuple[str, ...] | None:
    """Ports that are open to strangers, as ``tcp/22``, in order; None if the kernel does not tell.

    Loopback is nobody's door. UDP has no state of listening: a socket that is bound below the kernel's own range is taken as one.

    Args:
        proc: Where procfs is mounted.
    """
    tables = [(protocol, _read(proc / "net" / name)) for name, protocol in _TABLES.items()]
    if all(table is None for _, table in tables):
        return None
    least = _own_ports(proc)
    found = {(protocol, port) for protocol, table in tables for port in _open(protocol, table or "", least)}
    return tuple(f"{protocol}/{port}" for protocol, port in sorted(found))


def _open(protocol: str, table: str, least_own: int) -> Iterator[int]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 4 or ":" not in fields[1]:
            continue
        digits, _, port = fields[1].rpartition(":")
        try:
            state, number, address = fields[3], int(port, 16), _address(digits)
        except ValueError:
            continue
        listens = state == _LISTENS if protocol == "tcp" else state == _UNCONNECTED and number < least_own
        if listens and not address.is_loopback:
            yield number


def _address(digits: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Address in the kernel's notation: words of 32 bits in the machine's own order (little-endian on all site PCs)."""
    octets = b"".join(bytes.fromhex(digits[place : place + 8])[::-1] for place in range(0, len(digits), 8))
    address = ipaddress.ip_address(octets)
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _own_ports(proc: Path) -> int:
    words = (_read(proc / "sys/net/ipv4/ip_local_port_range") or "").split()
    return int(words[0]) if words and words[0].isdigit() else _OWN_PORTS


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
