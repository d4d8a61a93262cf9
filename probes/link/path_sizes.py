"""Sends echoes that may not be broken up, to find the largest packet that a path carries whole."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from probes.link.path_mtu import Fate, PathMtu, path_mtu
from probes.link.path_protocol import PathRequest
from probes.link.path_wire import COPIES, REPLY, UNREACHABLE, heard_of, payload, send, sockets
from probes.route import way_to

_TOO_LARGE = 4
_IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE = 10, 3
_SIOCGIFMTU = 0x8921
_ATTEMPTS_S = 0.05
_LEAST_WAIT_S, _WAIT_RTTS = 0.15, 4
_HEADERS = 28
"""Octets of the headers of IP and ICMP."""


def mtu_of(request: PathRequest, inet: Any, *, rtt_s: float, until_s: float) -> PathMtu | None:
    """Largest packet that reaches the end whole.

    Args:
        request: Which path.
        inet: scapy's layers.
        rtt_s: How long an answer takes.
        until_s: Monotonic instant by which it must be known.

    Raises:
        OSError: the sockets cannot be had, nothing can be sent, or the interface has gone.
    """
    with sockets(request) as (out, back):
        # The kernel's own memory of the path is not asked: it lasts ten minutes, and would hide that the path has become better.
        out.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE)
        exchange = _Exchange(request, out, back, inet, wait_s=max(_LEAST_WAIT_S, _WAIT_RTTS * rtt_s), until_s=until_s)
        return path_mtu(exchange.ask, _first_mtu(request, out))


def _first_mtu(request: PathRequest, out: socket.socket) -> int:
    """What the cable carries by which the packets leave.

    Raises:
        OSError: there is no way, or its interface has gone.
    """
    way = way_to(request.host)
    name = request.interface or (way.interface if way is not None else "")
    answered = fcntl.ioctl(out, _SIOCGIFMTU, struct.pack("16si12x", name.encode(), 0))
    return int(struct.unpack_from("16si", answered)[1])


class _Exchange:
    """Sends echoes of several sizes that may not be broken up, and tells what became of them."""

    def __init__(self, request: PathRequest, out: socket.socket, back: socket.socket, inet: Any, *, wait_s: float, until_s: float) -> None:
        self._request, self._out, self._back, self._inet = request, out, back, inet
        self._wait_s, self._until_s = wait_s, until_s
        self._ident = zlib.crc32(request.host.encode()) & 0xFFFF
        self._next = int.from_bytes(os.urandom(2)) & 0x7FFF | 1

    def ask(self, sizes: Sequence[int]) -> dict[int, Fate] | None:
        ends_s = time.monotonic() + self._wait_s
        if ends_s > self._until_s:
            return None
        sent = {self._send(size): size for size in sizes for _ in range(COPIES)}
        fates = dict.fromkeys(sizes, Fate())
        while (left_s := ends_s - time.monotonic()) > 0 and not all(fate.answered or fate.told for fate in fates.values()):
            if select.select([self._back], [], [], min(left_s, _ATTEMPTS_S))[0]:
                for number, fate in heard_of(self._back, lambda octets: self._read(octets, sent)):
                    if not fates[sent[number]].answered:
                        fates[sent[number]] = fate
        return fates

    def _send(self, size: int) -> int:
        self._next = self._next % 0x7FFF + 1
        number, inet = self._next, self._inet
        header = inet.IP(src="0.0.0.0", dst=self._request.host, ttl=64, tos=self._request.dscp << 2, id=number, flags="DF")  # noqa: S104
        body = payload(number, number) + bytes(size - _HEADERS - len(payload(0, 0)))
        try:
            send(self._out, bytes(header / inet.ICMP(type=8, id=self._ident, seq=number) / body), self._request.host)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
        return number

    def _read(self, octets: bytes, sent: Mapping[int, int]) -> tuple[int, Fate] | None:
        packet = self._inet.IP(octets)
        message = packet[self._inet.ICMP]
        if message.type == REPLY:
            number, complement = struct.unpack_from("!HH", bytes(message.payload))
            ours = packet.src == self._request.host and complement == number ^ 0xFFFF and number in sent
            return (number, Fate(answered=True)) if ours else None
        quoted = packet.getlayer(self._inet.IPerror)
        if message.type != UNREACHABLE or message.code != _TOO_LARGE or quoted is None:
            return None
        ours = quoted.dst == self._request.host and quoted.proto == socket.IPPROTO_ICMP and quoted.id in sent
        return (quoted.id, Fate(told=int(message.nexthopmtu or 0), told_by=packet.src)) if ours else None
