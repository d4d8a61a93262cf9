"""STAMP test packets in unauthenticated mode (RFC 8762, 4.2.1 and 4.3.1; SSID and TLVs: RFC 8972). Pure: bytes in, bytes out.

Both ends use it. A timestamp stays the 64-bit word of the wire until somebody wants nanoseconds of it: a reflector must
return the sender's word untouched, whatever format it is in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

SENDER_OCTETS = 44
REFLECTOR_OCTETS = 44
TWAMP_SENDER_OCTETS = 14
"""Smallest packet of a TWAMP-Light sender: sequence number, timestamp, error estimate (RFC 5357, 4.1.2)."""
SHORTEST_REPLY_OCTETS = 38
"""Replies of 41 (TWAMP) and 38 octets are in use; all that is needed lies before."""
MAX_SSID = 65535
CADENCE_TLV = 252
"""Private-use TLV type (RFC 8972, 5.1): milliseconds until the next packet at the latest, as BFD's DesMinTx; 0 says "I leave"."""
UNRECOGNIZED = 0x80
"""TLV flag U: set by the sender, cleared by a reflector that understands the type (RFC 8972, 4)."""

_NTP_EPOCH_S = 2_208_988_800
_NS = 10**9
_SENDER = struct.Struct("!IQHH28x")
_REFLECTOR = struct.Struct("!IQHHQIQHxxB3x")
_REPLY_HEAD = struct.Struct("!IQHHQIQH")
_TLV = struct.Struct("!BBH")
_ZEROS = bytes(28)


class PacketError(ValueError):
    """Bytes that are no STAMP packet."""


def ntp_from_ns(unix_ns: int) -> int:
    """NTP 64-bit timestamp (RFC 5905, 6) of a Unix time in nanoseconds, rounded down to 2⁻³² s."""
    seconds, rest = divmod(unix_ns, _NS)
    return ((seconds + _NTP_EPOCH_S) & 0xFFFFFFFF) << 32 | (rest << 32) // _NS


def ns_from_ntp(timestamp: int) -> int:
    """Unix time in nanoseconds of an NTP 64-bit timestamp between 1968 and 2104 (RFC 4330, 3)."""
    seconds, fraction = timestamp >> 32, timestamp & 0xFFFFFFFF
    if seconds < 1 << 31:
        seconds += 1 << 32
    return (seconds - _NTP_EPOCH_S) * _NS + (fraction * _NS + (1 << 31) >> 32)


def ns_from_ptp(timestamp: int) -> int:
    """Nanoseconds of a PTPv2 truncated timestamp: 32 bits of seconds, 32 bits of nanoseconds (RFC 8186, 2.1.1)."""
    return (timestamp >> 32) * _NS + (timestamp & 0xFFFFFFFF)


class ErrorEstimate(msgspec.Struct, frozen=True):
    """Quality of a timestamp (RFC 4656, 4.1.2; bit Z: RFC 8186, 2.3).

    Attributes:
        synchronized: S: the clock is synchronized to UTC from outside.
        ptp: Z: the timestamps are PTPv2 truncated instead of NTP.
        scale: 0–63.
        multiplier: 1–255; 0 means that the timestamp must be discarded.
    """

    synchronized: bool = False
    ptp: bool = False
    scale: int = 0
    multiplier: int = 1

    @property
    def error_s(self) -> float | None:
        """Estimated error in seconds, multiplier · 2⁻³² · 2^scale; None when the timestamp is to be discarded."""
        return None if self.multiplier == 0 else float(self.multiplier * 2.0 ** (self.scale - 32))

    def word(self) -> int:
        """The 16 bits of the wire."""
        return self.synchronized << 15 | self.ptp << 14 | (self.scale & 0x3F) << 8 | self.multiplier & 0xFF


def error_estimate(word: int) -> ErrorEstimate:
    """Error estimate of its 16 bits."""
    return ErrorEstimate(bool(word & 0x8000), bool(word & 0x4000), word >> 8 & 0x3F, word & 0xFF)


def error_of(error_s: float, *, synchronized: bool = False) -> ErrorEstimate:
    """Smallest error estimate that is not below `error_s` seconds (0 to about 5e11)."""
    scale = 0
    units = max(1, -int(-error_s * 2.0**32 // 1))
    while units > 255 and scale < 63:
        units = (units + 1) // 2
        scale += 1
    return ErrorEstimate(synchronized=synchronized, scale=scale, multiplier=min(units, 255))


class Tlv(msgspec.Struct, frozen=True):
    """One TLV as it is on the wire (RFC 8972, 4)."""

    kind: int
    content: bytes
    flags: int = UNRECOGNIZED


class SenderPacket(msgspec.Struct, frozen=True, kw_only=True):
    """What a session-sender sends.

    Attributes:
        seq: Sequence number of the session.
        sent: T1, a 64-bit timestamp as `error` says.
        error: Of T1.
        ssid: STAMP session identifier; 0: none.
        tlvs: Extensions.
    """

    seq: int
    sent: int
    error: ErrorEstimate = ErrorEstimate()
    ssid: int = 0
    tlvs: tuple[Tlv, ...] = ()


class ReflectorPacket(msgspec.Struct, frozen=True, kw_only=True):
    """What a session-reflector answers.

    Attributes:
        seq: Its own counter if it is stateful, else the sender's number.
        sent: T3, when it answered.
        error: Of T3 and `received`.
        ssid: As the sender's.
        received: T2, when the sender's packet came.
        sender_seq, sender_sent, sender_error: The sender's words, untouched.
        sender_ttl: TTL or hop limit with which the sender's packet came; 255 sent, so it tells the hops.
        tlvs: Extensions.
    """

    seq: int
    sent: int
    received: int
    sender_seq: int
    sender_sent: int
    error: ErrorEstimate = ErrorEstimate()
    ssid: int = 0
    sender_error: ErrorEstimate = ErrorEstimate()
    sender_ttl: int = 0
    tlvs: tuple[Tlv, ...] = ()

    @property
    def received_ns(self) -> int:
        """T2, Unix time in nanoseconds by the reflector's clock (of a PTP one, on its own scale)."""
        return (ns_from_ptp if self.error.ptp else ns_from_ntp)(self.received)

    @property
    def sent_ns(self) -> int:
        """T3, likewise."""
        return (ns_from_ptp if self.error.ptp else ns_from_ntp)(self.sent)

    @property
    def held_ns(self) -> int:
        """Time that the packet spent in the reflector, T3 − T2, in nanoseconds; negative if the reflector's clock says so."""
        return self.sent_ns - self.received_ns


def cadence(next_within_ms: int) -> Tlv:
    """TLV that says when the next packet comes at the latest."""
    return Tlv(CADENCE_TLV, struct.pack("!I", next_within_ms))


def cadence_of(tlvs: Iterable[Tlv]) -> int | None:
    """Milliseconds until the sender's next packet, 0 if it leaves, None if it does not say."""
    for tlv in tlvs:
        if tlv.kind == CADENCE_TLV and len(tlv.content) == 4:
            return int.from_bytes(tlv.content)
    return None


def pack_sender(packet: SenderPacket) -> bytes:
    """Octets of a sender's packet."""
    return _SENDER.pack(packet.seq & 0xFFFFFFFF, packet.sent, packet.error.word(), packet.ssid) + pack_tlvs(packet.tlvs)


def reflector_fields(packet: ReflectorPacket) -> tuple[int, ...]:
    """What stands in a reflector's packet, in the order of both of its forms, plain and authenticated."""
    return (
        packet.seq & 0xFFFFFFFF,
        packet.sent,
        packet.error.word(),
        packet.ssid,
        packet.received,
        packet.sender_seq,
        packet.sender_sent,
        packet.sender_error.word(),
        packet.sender_ttl,
    )


def pack_reflector(packet: ReflectorPacket) -> bytes:
    """Octets of a reflector's packet."""
    return _REFLECTOR.pack(*reflector_fields(packet)) + pack_tlvs(packet.tlvs)


def unpack_sender(octets: bytes) -> SenderPacket:
    """Read a sender's packet, also a TWAMP-Light sender's of 14 octets and more.

    What follows its 14 octets is padding, often random: there is an SSID only where the octets that STAMP keeps zero are zero.

    Raises:
        PacketError: it is too short.
    """
    if len(octets) < TWAMP_SENDER_OCTETS:
        raise PacketError(f"{len(octets)} octets, a sender's packet has at least {TWAMP_SENDER_OCTETS}")
    if len(octets) < SENDER_OCTETS or octets[16:SENDER_OCTETS] != _ZEROS:
        seq, sent, error = struct.unpack_from("!IQH", octets)
        return SenderPacket(seq=seq, sent=sent, error=error_estimate(error))
    seq, sent, error, ssid = _SENDER.unpack_from(octets)
    return SenderPacket(seq=seq, sent=sent, error=error_estimate(error), ssid=ssid, tlvs=unpack_tlvs(octets[SENDER_OCTETS:]))


def unpack_reflector(octets: bytes) -> ReflectorPacket:
    """Read a reflector's packet of 38 octets or more.

    Raises:
        PacketError: it is too short.
    """
    if len(octets) < SHORTEST_REPLY_OCTETS:
        raise PacketError(f"{len(octets)} octets, a reflector's packet has at least {SHORTEST_REPLY_OCTETS}")
    seq, sent, error, ssid, received, sender_seq, sender_sent, sender_error = _REPLY_HEAD.unpack_from(octets)
    return ReflectorPacket(
        seq=seq,
        sent=sent,
        error=error_estimate(error),
        ssid=ssid,
        received=received,
        sender_seq=sender_seq,
        sender_sent=sender_sent,
        sender_error=error_estimate(sender_error),
        sender_ttl=octets[40] if len(octets) > 40 else 0,
        tlvs=unpack_tlvs(octets[REFLECTOR_OCTETS:]),
    )


def pack_tlvs(tlvs: tuple[Tlv, ...]) -> bytes:
    """Octets of TLVs (RFC 8972, 4)."""
    return b"".join(_TLV.pack(tlv.flags, tlv.kind, len(tlv.content)) + tlv.content for tlv in tlvs) if tlvs else b""


def unpack_tlvs(octets: bytes) -> tuple[Tlv, ...]:
    """TLVs up to the first that is malformed."""
    tlvs: list[Tlv] = []
    at = 0
    while at + _TLV.size <= len(octets):
        flags, kind, length = _TLV.unpack_from(octets, at)
        at += _TLV.size
        if at + length > len(octets):
            break
        tlvs.append(Tlv(kind, octets[at : at + length], flags))
        at += length
    return tuple(tlvs)
