"""Pure: the answer of a stateful STAMP session-reflector (RFC 8762, 4.3; RFC 8972, 4). No clock, no socket.

A session is a site's SSID, whatever address it comes from: a relay or NAT may change its port at any time. Senders without
an SSID of ours, TWAMP-Light ones among them, are told apart by their address; they are answered and mean nothing.

A sealed packet (`contract.stamp_auth`) with a wrong seal is not answered. One with a right seal is **fresh** if it returns a
recent time of ours, and was not there before: what somebody recorded and sends again is answered, and means nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from contract import stamp, stamp_auth
from contract.stamp import CADENCE_TLV, UNRECOGNIZED, ErrorEstimate, ReflectorPacket, SenderPacket, Tlv

_KEPT_STRANGERS = 1024
_FRESH_NS = 2_000_000_000
_FRESH_GAPS = 3
"""An echo may be so old, or so many of the promised gaps."""


class Asked(msgspec.Struct, frozen=True):
    """A sender's packet, read, and when it came.

    Attributes:
        packet: What it says.
        received_ns: T2, Unix time.
        ttl: With which it came.
        key: With which it was sealed; empty: it was not.
        fresh: Sealed just now, by who has the key.
    """

    packet: SenderPacket
    received_ns: int
    ttl: int = 0
    key: bytes = b""
    fresh: bool = False


class Counters(msgspec.Struct):
    """What came so far."""

    packets: int = 0
    strangers: int = 0
    malformed: int = 0
    forged: int = 0
    stale: int = 0


class Reflector:
    """All sessions.

    Args:
        error: Of the center's clock.
        key_of: Key of an SSID; empty: it has none.
    """

    def __init__(self, error: ErrorEstimate | None = None, key_of: Callable[[int], bytes] = lambda _: b"") -> None:
        self.counters = Counters()
        self._error = error or stamp.error_of(0.001)
        self._key_of = key_of
        self._latest: dict[int, tuple[int, int]] = {}
        self._sessions: dict[int, int] = {}
        self._strangers: OrderedDict[object, int] = OrderedDict()

    def read(self, octets: bytes, received_ns: int, ttl: int = 0) -> Asked | None:
        """Read what came; None if it is nothing that could be answered."""
        self.counters.packets += 1
        if stamp_auth.is_sealed(octets):
            return self._open(octets, received_ns, ttl)
        try:
            return Asked(stamp.unpack_sender(octets), received_ns, ttl)
        except stamp.PacketError:
            self.counters.malformed += 1
            return None

    def _open(self, octets: bytes, received_ns: int, ttl: int) -> Asked | None:
        key = self._key_of(stamp_auth.ssid_of(octets))
        try:
            packet = stamp_auth.open_sender(octets, key)
        except stamp.PacketError:
            self.counters.forged += 1
            return None
        if not key:  # anybody can seal with no key
            self.counters.forged += 1
            return None
        return Asked(packet, received_ns, ttl, key, self._is_fresh(packet, received_ns))

    def _is_fresh(self, packet: SenderPacket, now_ns: int) -> bool:
        """Whether it returns a recent time of ours and comes after all that were fresh before."""
        echo = stamp_auth.echo_of(packet.tlvs)
        if echo is None:  # its first: it has not heard us yet
            return False
        oldest_ns = max(_FRESH_NS, _FRESH_GAPS * 1_000_000 * (stamp.cadence_of(packet.tlvs) or 0))
        mark = (echo, packet.seq)
        fresh = abs(now_ns - stamp.ns_from_ntp(echo)) <= oldest_ns and mark > self._latest.get(packet.ssid, (0, -1))
        if fresh:
            self._latest[packet.ssid] = mark
        else:
            self.counters.stale += 1
        return fresh

    def answer(self, asked: Asked, sender: object, now_ns: int, *, known: bool) -> bytes:
        """The packet to send back.

        Args:
            asked: What came.
            sender: Address it came from.
            now_ns: Unix time now, T3.
            known: Its SSID is a site's.
        """
        packet = asked.packet
        reply = ReflectorPacket(
            seq=self._count(packet.ssid) if known else self._count_stranger((packet.ssid, sender)),
            sent=stamp.ntp_from_ns(now_ns),
            error=self._error,
            ssid=packet.ssid,
            received=stamp.ntp_from_ns(asked.received_ns),
            sender_seq=packet.seq,
            sender_sent=packet.sent,
            sender_error=packet.error,
            sender_ttl=asked.ttl,
            tlvs=tuple(_reflected(tlv) for tlv in packet.tlvs),
        )
        return stamp_auth.seal_reflector(reply, asked.key) if asked.key else stamp.pack_reflector(reply)

    def _count(self, ssid: int) -> int:
        number = self._sessions.get(ssid, 0)
        self._sessions[ssid] = (number + 1) & 0xFFFFFFFF
        return number

    def _count_stranger(self, sender: object) -> int:
        self.counters.strangers += 1
        number = self._strangers.pop(sender, 0)
        self._strangers[sender] = (number + 1) & 0xFFFFFFFF
        if len(self._strangers) > _KEPT_STRANGERS:
            self._strangers.popitem(last=False)
        return number


def _reflected(tlv: Tlv) -> Tlv:
    """A TLV comes back as it came; flag U stays on what is not understood (RFC 8972, 4)."""
    understood = len(tlv.content) == {CADENCE_TLV: 4, stamp_auth.ECHO_TLV: 8}.get(tlv.kind, -1)
    flags = tlv.flags & ~UNRECOGNIZED if understood else tlv.flags | UNRECOGNIZED
    return Tlv(tlv.kind, tlv.content, flags)
