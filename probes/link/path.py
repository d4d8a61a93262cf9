"""The path to one end of the link, hop by hop: a child process of its own, the only place of the product that imports scapy.

``python -m probes.link.path`` reads a `PathRequest` and prints a `PathAnswer`. scapy builds the packets and reads what
comes back; it times nothing that is judged, and sends and sniffs nothing itself: the sockets are the kernel's ICMP ones,
so that the room's video never passes through Python.

Echo requests go out with every TTL at once. All of them have the same addresses, identifier and checksum, as in Paris
traceroute (Augustin et al., IMC 2006, doi:10.1145/1177080.1177100), so that a router that balances by flow sends them one
way, and the next look's too. One datagram to a closed port makes the end itself send back a header, which an echo reply does not.
Then echoes of several sizes that may not be broken up find the largest packet that comes through (`path_mtu`).
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
import time
import zlib
from collections.abc import Iterable
from typing import Any

import msgspec

from contract.readings import Failure
from probes import child
from probes.link.path_protocol import Hop, PathAnswer, PathRequest
from probes.link.path_sizes import mtu_of
from probes.link.path_wire import COPIES, EXCEEDED, REPLY, UNREACHABLE, heard_of, payload, send, sockets

CLOSED_PORT = 33434
"""Where traceroute begins; nobody listens there."""
_PORT_UNREACHABLE = 3
_ATTEMPTS_S = 0.05
_SPARE_S = 1.0
"""Of the child's time, for what is not waiting."""


class _Sent(msgspec.Struct):
    octets: bytes
    ttl: int
    at_s: float = 0.0


class _Heard(msgspec.Struct, frozen=True):
    """One packet that came back for one of ours: ``key`` is the IP identification of ours."""

    key: int
    sender: str
    at_s: float
    dscp: int | None
    end: bool


def trace(request: PathRequest) -> PathAnswer:
    """Ask for a path.

    Raises:
        OSError: the sockets cannot be had, or nothing can be sent.
    """
    from scapy.layers import inet  # noqa: PLC0415 — 0.3 s and 40 MB that nobody else is to pay

    until_s = time.monotonic() + child.LONGEST_S - _SPARE_S
    packets = _packets(request, inet)
    heard: list[_Heard] = []
    with sockets(request) as (out, back):
        for packet in packets.values():
            packet.at_s = time.monotonic()
            send(out, packet.octets, request.host)
        ends_s = time.monotonic() + request.wait_ms / 1000
        while (left_s := ends_s - time.monotonic()) > 0 and not _complete(packets, heard):
            if select.select([back], [], [], min(left_s, _ATTEMPTS_S))[0]:
                heard.extend(heard_of(back, lambda octets: _read(octets, packets, request.host, inet)))
    hops = _hops(packets, heard)
    found = PathAnswer(hops=hops, reached=bool(hops) and hops[-1].address == request.host, dscp=request.dscp)
    if not found.reached:
        return found
    # A path whose packets' size cannot be found out is still a path.
    with contextlib.suppress(OSError):
        mtu = mtu_of(request, inet, rtt_s=(hops[-1].rtt_ms or 0) / 1000, until_s=until_s)
        if mtu is not None:
            return msgspec.structs.replace(found, mtu=mtu.octets, mtu_told_by=mtu.told_by)
    return found


def _packets(request: PathRequest, inet: Any) -> dict[int, _Sent]:
    """Echoes of all TTLs, and the datagram for the end, by their IP identification."""
    # The same flow in each look, another token: the complement beside it keeps the checksum the same.
    ident = zlib.crc32(request.host.encode()) & 0xFFFF
    begin = int.from_bytes(os.urandom(2)) & 0x7FFF | 1
    made: dict[int, _Sent] = {}
    for count in range(COPIES * request.max_hops):
        ttl = count % request.max_hops + 1
        body = payload((begin + count) & 0xFFFF, count)
        header = inet.IP(
            src="0.0.0.0",  # noqa: S104 — the kernel puts in the address of the way
            dst=request.host,
            ttl=ttl,
            tos=request.dscp << 2,
            id=begin + count,
        )
        made[begin + count] = _Sent(bytes(header / inet.ICMP(type=8, id=ident, seq=count) / body), ttl)
    for count in range(COPIES * request.max_hops, COPIES * request.max_hops + 2):
        header = inet.IP(src="0.0.0.0", dst=request.host, ttl=64, tos=request.dscp << 2, id=begin + count)  # noqa: S104 — as above
        made[begin + count] = _Sent(bytes(header / inet.UDP(sport=ident | 0xC000, dport=CLOSED_PORT, chksum=0)), 0)
    return made


def _read(octets: bytes, packets: dict[int, _Sent], host: str, inet: Any) -> _Heard | None:
    """What a packet says about one of ours; None if it is about none."""
    at_s = time.monotonic()
    packet = inet.IP(octets)
    if inet.ICMP not in packet:
        return None
    message = packet[inet.ICMP]
    if message.type == REPLY:
        number, complement = struct.unpack_from("!HH", bytes(message.payload))
        ours = packet.src == host and complement == number ^ 0xFFFF and number in packets and packets[number].ttl
        return _Heard(number, host, at_s, None, end=True) if ours else None
    quoted = packet.getlayer(inet.IPerror)
    if quoted is None or quoted.dst != host or quoted.id not in packets:
        return None
    if quoted.proto != (socket.IPPROTO_ICMP if packets[quoted.id].ttl else socket.IPPROTO_UDP):
        return None
    end = packet.src == host and message.type == UNREACHABLE and message.code == _PORT_UNREACHABLE
    # A router's word that it cannot go on comes for every higher TTL: it is no hop there.
    hop = packets[quoted.id].ttl > 0 and message.type == EXCEEDED
    return _Heard(quoted.id, packet.src, at_s, quoted.tos >> 2, end) if end or hop else None


def _complete(packets: dict[int, _Sent], heard: Iterable[_Heard]) -> bool:
    """Whether all has come that can: the end, what it sends back, and every copy up to it."""
    got = {one.key for one in heard}
    ends = [packets[one.key].ttl for one in heard if one.end and packets[one.key].ttl]
    return bool(ends) and all(key in got for key, packet in packets.items() if packet.ttl <= min(ends))


def _hops(packets: dict[int, _Sent], heard: list[_Heard]) -> tuple[Hop, ...]:
    """Hops up to the end; what goes beyond it, and what nobody answered behind the last answer, is left out."""
    ends = [packets[one.key].ttl for one in heard if one.end and packets[one.key].ttl]
    last = min(ends) if ends else max((packets[one.key].ttl for one in heard), default=0)
    at_end = next((one.dscp for one in heard if one.end and one.dscp is not None), None)
    hops: list[Hop] = []
    for ttl in range(1, last + 1):
        answers = [one for one in heard if packets[one.key].ttl == ttl]
        senders = tuple(dict.fromkeys(one.sender for one in answers))
        dscp = at_end if ends and ttl == last else next((one.dscp for one in answers if one.dscp is not None), None)
        if not answers:
            hops.append(Hop(ttl=ttl))
            continue
        rtt_ms = round((answers[0].at_s - packets[answers[0].key].at_s) * 1000, 3)
        hops.append(Hop(ttl=ttl, address=senders[0], also=senders[1:], rtt_ms=rtt_ms, dscp=dscp))
    return tuple(hops)


def answer(asked: bytes) -> PathAnswer:
    """What is printed."""
    return child.answer(asked, PathRequest, PathAnswer, _path)


def _path(request: PathRequest) -> PathAnswer:
    try:
        socket.inet_pton(socket.AF_INET, request.host)
    except OSError:
        return PathAnswer(failure=Failure.UNSUPPORTED, error=f"{request.host} is no IPv4 address")
    return trace(request)


if __name__ == "__main__":
    sys.exit(child.main(answer))
