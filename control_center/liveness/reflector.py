"""Pure: the answer of a stateful STAMP session-reflector (RFC 8762, 4.3; RFC 8972, 4). No clock, no socket.

A session is a site's SSID, whatever address it comes from: a relay or NAT may change its port at any time. Senders without
an SSID of ours, TWAMP-Light ones among them, are told apart by their address; they are answered and mean nothing.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from contract import stamp
from contract.stamp import CADENCE_TLV, UNRECOGNIZED, ErrorEstimate, ReflectorPacket, SenderPacket, Tlv

_KEPT_STRANGERS = 1024


class Asked(msgspec.Struct, frozen=True):
    """A sender's packet, read, and when it came."""

    packet: SenderPacket
    received_ns: int
    ttl: int = 0


class Counters(msgspec.Struct):
    """What came so far."""

    packets: int = 0
    strangers: int = 0
    malformed: int = 0


class Reflector:
    """All sessions.

    Args:
        error: Of the center's clock.
    """

    def __init__(self, error: ErrorEstimate | None = None) -> None:
        self.counters = Counters()
        self._error = error or stamp.error_of(0.001)
        self._sessions: dict[int, int] = {}
        self._strangers: OrderedDict[object, int] = OrderedDict()

    def read(self, octets: bytes, received_ns: int, ttl: int = 0) -> Asked | None:
        """Read what came; None if it is nothing that could be answered."""
        self.counters.packets += 1
        try:
            return Asked(stamp.unpack_sender(octets), received_ns, ttl)
        except stamp.PacketError:
            self.counters.malformed += 1
            return None

    def answer(self, asked: Asked, sender: object, now_ns: int, *, known: bool) -> bytes:
        """The packet to send back.

        Args:
            asked: What came.
            sender: Address it came from.
            now_ns: Unix time now, T3.
            known: Its SSID is a site's.
        """
        packet = asked.packet
        return stamp.pack_reflector(
            ReflectorPacket(
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
        )

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
    flags = tlv.flags & ~UNRECOGNIZED if tlv.kind == CADENCE_TLV and len(tlv.content) == 4 else tlv.flags | UNRECOGNIZED
    return Tlv(tlv.kind, tlv.content, flags)
