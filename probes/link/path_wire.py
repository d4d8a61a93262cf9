"""What the path's questions share: the kernel's ICMP sockets, and a payload by which an echo is known again."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import TypeVar

from probes.link.path_protocol import PathRequest

COPIES = 3
"""Packets of each kind: one may be lost, and two answers from different addresses show a balanced path."""
REPLY, UNREACHABLE, EXCEEDED = 0, 3, 11
"""Types of ICMP."""
_SOL_RAW, _ICMP_FILTER = 255, 1
_HEARD = struct.pack("@I", 0xFFFFFFFF & ~(1 << REPLY | 1 << UNREACHABLE | 1 << EXCEEDED))
_SO_BINDTODEVICE = 25
_LARGEST = 2048

_T = TypeVar("_T")


@contextlib.contextmanager
def sockets(request: PathRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """One to send whole packets by, one that hears the answers.

    Raises:
        OSError: without permission, or without the interface.
    """
    with _raw_socket(request, socket.IPPROTO_RAW) as out, _raw_socket(request, socket.IPPROTO_ICMP) as back:
        back.setsockopt(_SOL_RAW, _ICMP_FILTER, _HEARD)
        yield out, back


def _raw_socket(request: PathRequest, protocol: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    try:
        made.setblocking(False)  # noqa: FBT003 — the standard library has it so
        if request.interface:
            made.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, request.interface.encode())
    except OSError:
        made.close()
        raise
    return made


def send(out: socket.socket, octets: bytes, host: str) -> None:
    """A full queue loses a packet as the network might; copies stand for it."""
    with contextlib.suppress(BlockingIOError):
        out.sendto(octets, (host, 0))


def heard_of(back: socket.socket, read: Callable[[bytes], _T | None]) -> Iterator[_T]:
    """Everything that has come and is about one of ours."""
    while True:
        try:
            octets = back.recv(_LARGEST)
        except BlockingIOError:
            return
        # What scapy cannot read is a stranger's packet; it must not cost us the path.
        with contextlib.suppress(Exception):
            one = read(octets)
            if one is not None:
                yield one


def payload(number: int, seq: int) -> bytes:
    """Our number and what evens out the checksum: the sum over header and payload is the same for all."""
    return struct.pack("!HHH", number, number ^ 0xFFFF, seq ^ 0xFFFF) + bytes(50)
