"""Which address a name has, and which way a packet to it would take, as the kernel says (rtnetlink RTM_GETROUTE)."""

from __future__ import annotations

import contextlib
import socket
import struct

import msgspec

_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26
_NLM_F_REQUEST = 1
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_MESSAGE = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_TIMEOUT_S = 1.0


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How the kernel would send to an address; empty where it does not say."""

    interface: str = ""
    source: str = ""
    gateway: str = ""


def way_to(address: str) -> Way | None:
    """Way to a numeric address; None if there is none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    octets = socket.inet_pton(family, address)
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(octets), _RTA_DST) + octets
    body = _ROUTE.pack(family, len(octets) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute
    request = _MESSAGE.pack(_MESSAGE.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body
    with contextlib.suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(_TIMEOUT_S)
        kernel.send(request)
        return _read(kernel.recv(8192), family)
    return None


def _read(answer: bytes, family: int) -> Way | None:
    length, kind, _, _, _ = _MESSAGE.unpack_from(answer)
    if kind != _RTM_NEWROUTE:
        return None
    interface = source = gateway = ""
    at = _MESSAGE.size + _ROUTE.size
    while at + _ATTRIBUTE.size <= length:
        size, what = _ATTRIBUTE.unpack_from(answer, at)
        content = answer[at + _ATTRIBUTE.size : at + size]
        if what == _RTA_OIF:
            interface = socket.if_indextoname(struct.unpack("=I", content)[0])
        elif what == _RTA_PREFSRC:
            source = socket.inet_ntop(family, content)
        elif what == _RTA_GATEWAY:
            gateway = socket.inet_ntop(family, content)
        at += max(size, _ATTRIBUTE.size) + 3 & ~3
    return Way(interface=interface, source=source, gateway=gateway)


def resolve(host: str) -> str | None:
    """First address of a host; None if its name says nothing now. Blocks on a name, never on an address."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return None
    return str(found[0][4][0])


def is_address(host: str) -> bool:
    """Whether a host needs no resolving."""
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True
