"""ICMP echo, versions 4 (RFC 792) and 6 (RFC 4443, 4). Pure: bytes in, bytes out.

A reply is known by a token of ours, not by the identifier: a datagram socket's identifier is the kernel's.
"""

from __future__ import annotations

import struct

import msgspec

TOKEN_OCTETS = 8
_ECHO = struct.Struct("!BBHHH")
_PAYLOAD = struct.Struct("!8sQ")
_PADDING = bytes(40)
"""56 octets of payload, as everybody's ping sends."""
REQUEST = {4: 8, 6: 128}
REPLY = {4: 0, 6: 129}


class Echo(msgspec.Struct, frozen=True):
    """One of our echoes: sequence number (16 bits) and the Unix time in nanoseconds that was put into it."""

    seq: int
    sent_ns: int
    reply: bool


def pack_request(version: int, ident: int, seq: int, token: bytes, sent_ns: int) -> bytes:
    """Octets of an echo request; the checksum of version 6 is the kernel's work."""
    body = _PAYLOAD.pack(token, sent_ns) + _PADDING
    if version == 6:
        return _ECHO.pack(REQUEST[6], 0, 0, ident, seq & 0xFFFF) + body
    return _ECHO.pack(REQUEST[4], 0, checksum(_ECHO.pack(REQUEST[4], 0, 0, ident, seq & 0xFFFF) + body), ident, seq & 0xFFFF) + body


def unpack(version: int, octets: bytes, token: bytes) -> Echo | None:
    """One of our echoes out of an ICMP message, without or with an IPv4 header before it; None if it is not ours."""
    if version == 4 and octets and octets[0] >> 4 == 4 and len(octets) > 20:
        octets = octets[(octets[0] & 0x0F) * 4 :]
    if len(octets) < _ECHO.size + _PAYLOAD.size:
        return None
    kind, _, _, _, seq = _ECHO.unpack_from(octets)
    said, sent_ns = _PAYLOAD.unpack_from(octets, _ECHO.size)
    if said != token or kind not in (REPLY[version], REQUEST[version]):
        return None
    return Echo(seq, sent_ns, kind == REPLY[version])


def checksum(octets: bytes) -> int:
    """Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets[: len(octets) // 2 * 2])) + (octets[-1] << 8 if len(octets) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
