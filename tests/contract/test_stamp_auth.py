from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import stamp, stamp_auth
from contract.stamp import ErrorEstimate, PacketError, ReflectorPacket, SenderPacket, Tlv

KEY, OTHER = bytes(range(32)), bytes(32)
u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
errors = st.builds(ErrorEstimate, st.booleans(), st.booleans(), st.integers(0, 63), u8)
kinds = u8.filter(lambda kind: kind != stamp_auth.HMAC_TLV)
tlvs = st.lists(st.builds(Tlv, kinds, st.binary(max_size=12), u8), max_size=3).map(tuple)
senders = st.builds(SenderPacket, seq=u32, sent=u64, error=errors, ssid=u16, tlvs=tlvs)
reflectors = st.builds(
    ReflectorPacket, seq=u32, sent=u64, error=errors, ssid=u16, received=u64, sender_seq=u32, sender_sent=u64, sender_error=errors,
    sender_ttl=u8, tlvs=tlvs,
)  # fmt: skip


@given(senders)
def test_a_senders_packet_comes_out_as_it_went_in(packet: SenderPacket) -> None:
    octets = stamp_auth.seal_sender(packet, KEY)
    assert stamp_auth.is_sealed(octets)
    assert stamp_auth.ssid_of(octets) == packet.ssid
    assert stamp_auth.open_sender(octets, KEY) == packet


@given(reflectors)
def test_a_reflectors_packet_comes_out_as_it_went_in(packet: ReflectorPacket) -> None:
    assert stamp_auth.open_reflector(stamp_auth.seal_reflector(packet, KEY), KEY) == packet


@given(senders, st.data())
def test_a_changed_bit_anywhere_is_seen(packet: SenderPacket, drawn: st.DataObject) -> None:
    octets = bytearray(stamp_auth.seal_sender(packet, KEY))
    # The flags of the TLV that holds the HMAC are its carriers' business and covered by nothing.
    flags_at = len(octets) - 20 if packet.tlvs else -1
    octets[drawn.draw(st.integers(0, len(octets) - 1).filter(lambda at: at != flags_at))] ^= 1 << drawn.draw(st.integers(0, 7))
    with pytest.raises(PacketError):
        stamp_auth.open_sender(bytes(octets), KEY)


def test_the_fields_lie_where_the_standard_has_them() -> None:
    """RFC 8762, figures 4 and 7; SSID: RFC 8972, 3."""
    octets = stamp_auth.seal_sender(SenderPacket(seq=0x01020304, sent=0x1112131415161718, error=ErrorEstimate(multiplier=7), ssid=9), KEY)
    assert len(octets) == 112
    assert (octets[:4], octets[4:16], octets[16:24], octets[24:26]) == (b"\1\2\3\4", bytes(12), bytes(range(0x11, 0x19)), b"\0\7")
    assert (octets[26:28], octets[28:96]) == (b"\0\x09", bytes(68))
    assert octets[96:] == hmac.new(KEY, octets[:96], hashlib.sha256).digest()[:16]
    reply = ReflectorPacket(seq=1, sent=2, received=3, sender_seq=4, sender_sent=5, sender_error=ErrorEstimate(multiplier=6), sender_ttl=61)
    octets = stamp_auth.seal_reflector(reply, KEY)
    at = {3: 1, 23: 2, 39: 3, 51: 4, 71: 5, 73: 6, 80: 61, 25: 1}
    assert {index: octet for index, octet in enumerate(octets[:96]) if octet} == at


def test_tlvs_without_their_hmac_are_refused() -> None:
    bare = stamp_auth.seal_sender(SenderPacket(seq=1, sent=1), KEY)
    with pytest.raises(PacketError):
        stamp_auth.open_sender(bare + stamp.pack_tlvs((stamp.cadence(0),)), KEY)


def test_each_site_has_a_key_of_its_own() -> None:
    assert len({stamp_auth.site_key(secret, site) for secret in (KEY, OTHER) for site in ("a", "b")}) == 4


@pytest.mark.parametrize("text", ["", "00", "g" * 64, "00" * 33])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits") as refused:
        stamp_auth.key_from_text(text)
    assert not text or f"{text}" not in str(refused.value) or text == "00"


def test_a_key_is_read_from_its_digits() -> None:
    assert stamp_auth.key_from_text(KEY.hex() + "\n") == KEY


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(octets: bytes) -> None:
    for read in (stamp_auth.open_sender, stamp_auth.open_reflector):
        with pytest.raises(PacketError):
            read(octets, KEY)


def test_an_unsealed_packet_is_not_taken_for_a_sealed_one() -> None:
    padded = stamp.pack_sender(SenderPacket(seq=1, sent=stamp.ntp_from_ns(10**18), tlvs=(Tlv(1, bytes(100)),)))
    assert not stamp_auth.is_sealed(padded)
