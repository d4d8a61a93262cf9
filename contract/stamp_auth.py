"""STAMP in authenticated mode (RFC 8762, 4.2.2 and 4.3.2; TLVs: RFC 8972, 4.8). Pure: bytes and a key in, bytes out.

Without it anybody who can send a datagram with a site's number keeps a dead site alive. The packet's HMAC shows who wrote
it, not when: so a site returns the time of the reflector's last answer (`ECHO_TLV`), which a replay cannot know.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from contract import stamp
from contract.stamp import PacketError, ReflectorPacket, SenderPacket, Tlv

SEALED_OCTETS = 112
HMAC_OCTETS = 16
"""HMAC-SHA-256, the first 128 bits."""
KEY_OCTETS = 32
HMAC_TLV = 8
ECHO_TLV = 253
"""Private-use TLV type: T3 of the last answer that the sender believed, as it was on the wire."""
TLV_SIZES = (0, 8 + 20, 12 + 20, 8 + 12 + 20)
"""Octets of the TLVs that our sender adds: none, the promise, the echo, both, each time with their HMAC."""

_COVERED = SEALED_OCTETS - HMAC_OCTETS
_SENDER = struct.Struct("!I12xQHH68x")
_REFLECTOR = struct.Struct("!I12xQHH4xQ8xI12xQH6xB15x")
_GAP = slice(4, 16)
_SSID_AT = 26


def site_key(secret: bytes, site: str) -> bytes:
    """A site's own key, drawn from the center's secret: who steals one site's key can play that site only."""
    return hmac.digest(secret, b"diemcau stamp " + site.encode(), hashlib.sha256)


def key_from_text(text: str) -> bytes:
    """Key of its 64 hexadecimal digits.

    Raises:
        ValueError: it is something else; the text itself is not repeated.
    """
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_OCTETS:
        raise ValueError(f"a STAMP key has {2 * KEY_OCTETS} hexadecimal digits")
    return key


def is_sealed(octets: bytes) -> bool:
    """Whether a packet is of the authenticated mode: zeros stand where the other mode has its timestamp."""
    return len(octets) >= SEALED_OCTETS and not any(octets[_GAP])


def ssid_of(octets: bytes) -> int:
    """Session identifier of a sealed packet, not yet verified."""
    return int.from_bytes(octets[_SSID_AT : _SSID_AT + 2])


def echo(sent: int) -> Tlv:
    """TLV that returns a reflector's T3."""
    return Tlv(ECHO_TLV, struct.pack("!Q", sent))


def echo_of(tlvs: tuple[Tlv, ...]) -> int | None:
    """T3 that the sender returns; None if it does not."""
    return next((int.from_bytes(tlv.content) for tlv in tlvs if tlv.kind == ECHO_TLV and len(tlv.content) == 8), None)


def seal_sender(packet: SenderPacket, key: bytes) -> bytes:
    """Octets of a sender's packet."""
    head = _SENDER.pack(packet.seq & 0xFFFFFFFF, packet.sent, packet.error.word(), packet.ssid)
    return _sealed(head, packet.tlvs, key)


def seal_reflector(packet: ReflectorPacket, key: bytes) -> bytes:
    """Octets of a reflector's packet."""
    return _sealed(_REFLECTOR.pack(*stamp.reflector_fields(packet)), packet.tlvs, key)


def open_sender(octets: bytes, key: bytes) -> SenderPacket:
    """Read a sender's packet.

    Raises:
        PacketError: it is too short, or not of this key.
    """
    tlvs = _verified(octets, key)
    seq, sent, error, ssid = _SENDER.unpack_from(octets)
    return SenderPacket(seq=seq, sent=sent, error=stamp.error_estimate(error), ssid=ssid, tlvs=tlvs)


def open_reflector(octets: bytes, key: bytes) -> ReflectorPacket:
    """Read a reflector's packet.

    Raises:
        PacketError: it is too short, or not of this key.
    """
    tlvs = _verified(octets, key)
    seq, sent, error, ssid, received, sender_seq, sender_sent, sender_error, ttl = _REFLECTOR.unpack_from(octets)
    return ReflectorPacket(
        seq=seq,
        sent=sent,
        error=stamp.error_estimate(error),
        ssid=ssid,
        received=received,
        sender_seq=sender_seq,
        sender_sent=sender_sent,
        sender_error=stamp.error_estimate(sender_error),
        sender_ttl=ttl,
        tlvs=tlvs,
    )


def _mac(octets: bytes, key: bytes) -> bytes:
    return hmac.digest(key, octets, hashlib.sha256)[:HMAC_OCTETS]


def _sealed(head: bytes, tlvs: tuple[Tlv, ...], key: bytes) -> bytes:
    sealed = head + _mac(head, key)
    plain = stamp.pack_tlvs(tuple(tlv for tlv in tlvs if tlv.kind != HMAC_TLV))
    if not plain:
        return sealed
    return sealed + plain + stamp.pack_tlvs((Tlv(HMAC_TLV, _mac(head[:4] + plain, key), 0),))


def _verified(octets: bytes, key: bytes) -> tuple[Tlv, ...]:
    """TLVs of a packet whose HMACs are right."""
    if len(octets) < SEALED_OCTETS:
        raise PacketError(f"{len(octets)} octets, a packet of the authenticated mode has at least {SEALED_OCTETS}")
    if not hmac.compare_digest(_mac(octets[:_COVERED], key), octets[_COVERED:SEALED_OCTETS]):
        raise PacketError("the HMAC is not of this key")
    if len(octets) == SEALED_OCTETS:
        return ()
    *secured, last = stamp.unpack_tlvs(octets[SEALED_OCTETS:]) or (Tlv(0, b""),)
    if last.kind != HMAC_TLV or not hmac.compare_digest(_mac(octets[:4] + stamp.pack_tlvs(tuple(secured)), key), last.content):
        raise PacketError("the HMAC of the TLVs is missing or not of this key")
    return tuple(secured)
