"""What passes a site's network card, with the kernel's times; ``python -m bench.link.capture``, ends with its input.

A packet socket, which is what tcpdump uses; that one need not be installed.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
from typing import NamedTuple

from bench.link.network import PORT
from bench.link.site import say
from contract import stamp

IRTT_PORT = 2112
_ETH_P_ALL, _OUTGOING, _SO_TIMESTAMPNS = 3, 4, 35
_ICMP, _UDP = 1, 17


class Seen(NamedTuple):
    """One packet: to which series it belongs, its number there, whether it is the answer, and how long a reflector held it."""

    series: str
    seq: int
    answer: bool
    held_ns: int = 0


def read(octets: bytes) -> Seen | None:
    """Read an IPv4 packet; None if it is none of the probes'."""
    if len(octets) < 28 or octets[0] >> 4 != 4:
        return None
    payload = octets[(octets[0] & 15) * 4 :]
    if octets[9] == _ICMP and payload[0] in (0, 8):
        ident, seq = struct.unpack_from("!HH", payload, 4)
        return Seen(f"icmp {ident}", seq, payload[0] == 0)
    if octets[9] != _UDP:
        return None
    source, target = struct.unpack_from("!HH", payload)
    body = payload[8:]
    if target == PORT:
        return Seen("stamp", stamp.unpack_sender(body).seq, answer=False)
    if source == PORT:
        reply = stamp.unpack_reflector(body)
        return Seen("stamp", reply.sender_seq, answer=True, held_ns=reply.held_ns)
    if IRTT_PORT in (source, target) and len(body) >= 16 and not body[3] & 5:  # neither opens nor closes
        return Seen("irtt", int.from_bytes(body[12:16], "little"), source == IRTT_PORT)
    return None


def main() -> None:
    """Record until the input ends, then say all."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    tap.bind(("eth0", _ETH_P_ALL))
    records: list[tuple[bytes, int]] = []
    poll = select.poll()
    poll.register(tap, select.POLLIN)
    poll.register(sys.stdin, select.POLLIN | select.POLLHUP)
    say("started", {})
    while not any(number == sys.stdin.fileno() for number, _ in poll.poll()):
        octets, ancillary, _, _ = tap.recvmsg(256, 256)
        seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
        records.append((octets, seconds * 1_000_000_000 + nanoseconds))
    sent: dict[tuple[str, int], int] = {}
    trips: dict[str, dict[str, int]] = {}
    for octets, at_ns in records:
        seen = read(octets)
        if seen is None:
            continue
        if not seen.answer:
            sent[seen.series, seen.seq] = at_ns
        elif (seen.series, seen.seq) in sent:
            trips.setdefault(seen.series, {}).setdefault(str(seen.seq), at_ns - sent[seen.series, seen.seq] - seen.held_ns)
    say("trips", trips)


if __name__ == "__main__":
    main()
