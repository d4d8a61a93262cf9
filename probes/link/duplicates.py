"""Who has an address on the cable: a child process that asks by ARP, because two devices with one address break each other's calls.

``python -m probes.link.duplicates`` reads a `DuplicatesRequest` and prints a `DuplicatesAnswer`. For its own address it asks as RFC 5227
(2.1.1) has it, without saying that it has it itself; for others as any host would. scapy builds and reads the packets, a kernel socket that
hears nothing but ARP sends and receives them.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from probes import child
from probes.child import Answer

COPIES = 3
_BETWEEN_S = 0.1
_ETH_P_ARP = 0x0806
_NOBODY, _EVERYBODY = "0.0.0.0", "ff:ff:ff:ff:ff:ff"  # noqa: S104 — RFC 5227's probe: no sender yet
_WHO_HAS = 1


class DuplicatesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose addresses are asked for.

    Attributes:
        interface: Of the cable.
        own: This machine's address there.
        others: Addresses of others on the same cable.
        wait_ms: For the last answers.
    """

    interface: str
    own: str
    others: tuple[str, ...] = ()
    wait_ms: Annotated[float, msgspec.Meta(ge=50, le=2000)] = 600.0


class DuplicatesAnswer(Answer, frozen=True, kw_only=True):
    """Ethernet addresses that say they have each IP address, this machine's own left out."""

    owners: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


def owners(request: DuplicatesRequest) -> DuplicatesAnswer:
    """Ask.

    Raises:
        OSError: without permission, or without the interface.
    """
    from scapy.layers import l2  # noqa: PLC0415 — 0.2 s and 40 MB that nobody else is to pay

    mine = set(_own_macs())
    found: dict[str, set[str]] = {address: set() for address in (request.own, *request.others)}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)) as wire:
        wire.bind((request.interface, _ETH_P_ARP))
        own_mac = wire.getsockname()[4].hex(":")
        for _ in range(COPIES):
            for address in found:
                asker = _NOBODY if address == request.own else request.own
                asked = l2.ARP(op=_WHO_HAS, hwsrc=own_mac, psrc=asker, hwdst="00:00:00:00:00:00", pdst=address)
                wire.send(bytes(l2.Ether(src=own_mac, dst=_EVERYBODY, type=_ETH_P_ARP) / asked))
            _hear(wire, time.monotonic() + _BETWEEN_S, found, l2)
        _hear(wire, time.monotonic() + request.wait_ms / 1000, found, l2)
    return DuplicatesAnswer(owners={address: tuple(sorted(macs - mine)) for address, macs in found.items()})


def _hear(wire: socket.socket, until_s: float, found: dict[str, set[str]], l2: Any) -> None:
    """Whoever speaks as one of the addresses, in an answer or in a question of its own, has it."""
    while (left_s := until_s - time.monotonic()) > 0:
        if select.select([wire], [], [], left_s)[0]:
            # What scapy cannot read is no ARP.
            with contextlib.suppress(Exception):
                arp = l2.Ether(wire.recv(2048))[l2.ARP]
                if arp.psrc in found:
                    found[arp.psrc].add(arp.hwsrc.lower())


def _own_macs() -> Iterator[str]:
    """Of all interfaces: a second one on the same cable answers for the first, and is no stranger."""
    for path in Path("/sys/class/net").glob("*/address"):
        with contextlib.suppress(OSError):
            yield path.read_text().strip().lower()


def answer(asked: bytes) -> DuplicatesAnswer:
    """What is printed."""
    return child.answer(asked, DuplicatesRequest, DuplicatesAnswer, owners)


if __name__ == "__main__":
    sys.exit(child.main(answer))
