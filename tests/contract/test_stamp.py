from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.stamp import (
    ErrorEstimate as ScapyError,
)
from scapy.contrib.stamp import (
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
)

from contract import stamp
from contract.stamp import ErrorEstimate, PacketError, ReflectorPacket, SenderPacket, Tlv

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
errors = st.builds(ErrorEstimate, st.booleans(), st.booleans(), st.integers(0, 63), u8)
tlvs = st.lists(st.builds(Tlv, u8, st.binary(max_size=12), u8), max_size=3).map(tuple)
senders = st.builds(SenderPacket, seq=u32, sent=u64, error=errors, ssid=u16, tlvs=tlvs)
reflectors = st.builds(
    ReflectorPacket,
    seq=u32,
    sent=u64,
    error=errors,
    ssid=u16,
    received=u64,
    sender_seq=u32,
    sender_sent=u64,
    sender_error=errors,
    sender_ttl=u8,
    tlvs=tlvs,
)


def scapy_error(error: ErrorEstimate) -> ScapyError:
    return ScapyError(S=error.synchronized, Z=error.ptp, scale=error.scale, multiplier=error.multiplier)


@given(senders.filter(lambda packet: not packet.tlvs and not packet.error.ptp))
def test_a_senders_packet_is_byte_for_byte_scapys(packet: SenderPacket) -> None:
    theirs = STAMPSessionSenderTestUnauthenticated(seq=packet.seq, err_estimate=scapy_error(packet.error), ssid=packet.ssid)
    octets = bytearray(bytes(theirs))
    octets[4:12] = struct.pack("!Q", packet.sent)  # scapy takes the timestamp as a float, which has not enough bits
    assert stamp.pack_sender(packet) == bytes(octets)
    assert len(octets) == stamp.SENDER_OCTETS


@given(reflectors.filter(lambda packet: not packet.tlvs and not packet.error.ptp and not packet.sender_error.ptp))
def test_a_reflectors_packet_is_byte_for_byte_scapys(packet: ReflectorPacket) -> None:
    theirs = STAMPSessionReflectorTestUnauthenticated(
        seq=packet.seq,
        err_estimate=scapy_error(packet.error),
        ssid=packet.ssid,
        seq_sender=packet.sender_seq,
        err_estimate_sender=scapy_error(packet.sender_error),
        ttl_sender=packet.sender_ttl,
    )
    octets = bytearray(bytes(theirs))
    for at, word in ((4, packet.sent), (16, packet.received), (28, packet.sender_sent)):
        octets[at : at + 8] = struct.pack("!Q", word)
    assert stamp.pack_reflector(packet) == bytes(octets)
    assert len(octets) == stamp.REFLECTOR_OCTETS


@given(senders)
def test_scapy_reads_our_senders_packet_as_we_meant_it(packet: SenderPacket) -> None:
    theirs = STAMPSessionSenderTestUnauthenticated(stamp.pack_sender(packet))
    assert (theirs.seq, theirs.ssid, theirs.mbz) == (packet.seq, packet.ssid, 0)
    assert [(tlv.type, bytes(tlv.value), int(tlv.flags)) for tlv in theirs.tlv_objects] == [
        (tlv.kind, tlv.content, tlv.flags) for tlv in packet.tlvs
    ]


@given(senders)
def test_what_was_packed_is_read_back(packet: SenderPacket) -> None:
    assert stamp.unpack_sender(stamp.pack_sender(packet)) == packet


@given(reflectors)
def test_a_reply_that_was_packed_is_read_back(packet: ReflectorPacket) -> None:
    assert stamp.unpack_reflector(stamp.pack_reflector(packet)) == packet


@given(reflectors.filter(lambda packet: not packet.tlvs), st.sampled_from([38, 41]))
def test_the_shorter_replies_of_twamp_reflectors_are_read(packet: ReflectorPacket, octets: int) -> None:
    read = stamp.unpack_reflector(stamp.pack_reflector(packet)[:octets])
    assert (read.seq, read.received, read.sender_seq, read.sender_sent) == (
        packet.seq,
        packet.received,
        packet.sender_seq,
        packet.sender_sent,
    )
    assert read.sender_ttl == (packet.sender_ttl if octets == 41 else 0)


@given(u32, u64, st.binary(min_size=30, max_size=60).filter(lambda padding: any(padding[2:30])))
def test_the_random_padding_of_a_twamp_sender_is_no_session_identifier(seq: int, sent: int, padding: bytes) -> None:
    read = stamp.unpack_sender(struct.pack("!IQH", seq, sent, 1) + padding)
    assert (read.seq, read.sent, read.ssid, read.tlvs) == (seq, sent, 0, ())


@given(st.binary(max_size=200))
def test_no_octets_make_the_readers_fail_otherwise_than_told(octets: bytes) -> None:
    for read, least in ((stamp.unpack_sender, 14), (stamp.unpack_reflector, 38)):
        if len(octets) < least:
            with pytest.raises(PacketError):
                read(octets)
        else:
            assert 0 <= read(octets).seq < 2**32


@given(st.integers(0, 4_200_000_000 * 10**9))
def test_a_time_survives_the_ntp_format_to_the_nanosecond(unix_ns: int) -> None:
    assert abs(stamp.ns_from_ntp(stamp.ntp_from_ns(unix_ns)) - unix_ns) <= 1


def test_the_ntp_epoch_is_1900_and_wraps_in_2036() -> None:
    assert stamp.ntp_from_ns(0) == 2_208_988_800 << 32
    wrap_s = 2**32 - 2_208_988_800
    assert stamp.ntp_from_ns(wrap_s * 10**9) == 0
    assert stamp.ns_from_ntp(1 << 31) == wrap_s * 10**9 + 500_000_000


@given(st.floats(1e-9, 1e6))
def test_an_error_estimate_is_never_smaller_than_the_error_and_at_most_one_per_cent_and_a_step_larger(error_s: float) -> None:
    told = stamp.error_of(error_s).error_s
    assert told is not None
    assert error_s <= told <= error_s * 1.02 + 2.0**-32


def test_a_multiplier_of_zero_discards_the_timestamp() -> None:
    assert ErrorEstimate(multiplier=0).error_s is None


def test_the_time_inside_the_reflector_is_told_in_both_formats() -> None:
    ntp = ReflectorPacket(seq=1, sent=stamp.ntp_from_ns(2_500_000), received=stamp.ntp_from_ns(1_000_000), sender_seq=1, sender_sent=0)
    assert ntp.held_ns == pytest.approx(1_500_000, abs=1)
    ptp = ReflectorPacket(
        seq=1, sent=7 << 32 | 100, received=6 << 32 | 999_999_900, sender_seq=1, sender_sent=0, error=ErrorEstimate(ptp=True)
    )
    assert ptp.held_ns == 200


@given(u32)
def test_the_cadence_is_told_in_a_tlv_of_its_own(next_within_ms: int) -> None:
    packet = SenderPacket(seq=1, sent=2, tlvs=(Tlv(1, b"abc"), stamp.cadence(next_within_ms)))
    assert stamp.cadence_of(stamp.unpack_sender(stamp.pack_sender(packet)).tlvs) == next_within_ms
    assert stamp.cadence_of((Tlv(1, b"abc"),)) is None
