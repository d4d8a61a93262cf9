from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.stamp import STAMPSessionReflectorTestUnauthenticated, STAMPSessionSenderTestUnauthenticated

from contract import stamp
from control_center.liveness.reflector import Reflector

HERE = ("127.0.0.1", 5000)


def ask(reflector: Reflector, octets: bytes, *, known: bool = True, sender: object = HERE, ttl: int = 61) -> stamp.ReflectorPacket:
    asked = reflector.read(octets, received_ns=1_700_000_000_000_000_000, ttl=ttl)
    assert asked is not None
    return stamp.unpack_reflector(reflector.answer(asked, sender, 1_700_000_000_000_500_000, known=known))


def test_an_answer_repeats_the_senders_words_and_adds_both_times() -> None:
    packet = stamp.SenderPacket(
        seq=9, sent=0xE1234567_89ABCDEF, error=stamp.ErrorEstimate(synchronized=True, scale=5, multiplier=77), ssid=513
    )
    reply = ask(Reflector(), stamp.pack_sender(packet))
    assert (reply.sender_seq, reply.sender_sent, reply.sender_error, reply.ssid, reply.sender_ttl) == (
        9,
        packet.sent,
        packet.error,
        513,
        61,
    )
    assert reply.held_ns == 500_000
    assert reply.seq == 0


def test_each_site_is_counted_by_itself_whatever_address_it_comes_from() -> None:
    reflector = Reflector()

    def number(ssid: int, port: int) -> int:
        return ask(reflector, stamp.pack_sender(stamp.SenderPacket(seq=5, sent=1, ssid=ssid)), sender=("127.0.0.1", port)).seq

    assert [number(1, 10), number(1, 11), number(2, 10), number(1, 12), number(2, 13)] == [0, 1, 0, 2, 1]


def test_a_twamp_light_sender_of_fourteen_octets_is_answered_in_full() -> None:
    reply = ask(Reflector(), stamp.pack_sender(stamp.SenderPacket(seq=3, sent=7))[:14], known=False)
    assert (reply.sender_seq, reply.sender_sent, reply.ssid) == (3, 7, 0)


def test_scapys_sender_is_answered_as_scapy_reads_it() -> None:
    theirs = bytes(STAMPSessionSenderTestUnauthenticated(seq=4, ssid=77))
    reflector = Reflector()
    asked = reflector.read(theirs, received_ns=10**18)
    assert asked is not None
    reply = STAMPSessionReflectorTestUnauthenticated(reflector.answer(asked, HERE, 10**18, known=True))
    assert (reply.seq, reply.seq_sender, reply.ssid, reply.mbz1, reply.mbz2) == (0, 4, 77, 0, 0)


def test_what_is_understood_and_what_is_not_comes_back_marked() -> None:
    packet = stamp.SenderPacket(seq=1, sent=1, ssid=1, tlvs=(stamp.cadence(50), stamp.Tlv(1, b"abcd", 0)))
    reply = ask(Reflector(), stamp.pack_sender(packet))
    assert [(tlv.kind, tlv.content, bool(tlv.flags & stamp.UNRECOGNIZED)) for tlv in reply.tlvs] == [
        (stamp.CADENCE_TLV, (50).to_bytes(4), False),
        (1, b"abcd", True),
    ]


def test_an_answer_is_never_longer_than_stamp_asks_for() -> None:
    """A reflector that answers little with much would serve for attacks."""
    for octets in (bytes(14), bytes(44), bytes(60), stamp.pack_sender(stamp.SenderPacket(seq=1, sent=1, tlvs=(stamp.Tlv(9, bytes(900)),)))):
        reflector = Reflector()
        asked = reflector.read(octets, 1)
        assert asked is not None
        assert len(reflector.answer(asked, HERE, 1, known=False)) <= max(44, len(octets))


@given(st.binary(max_size=100))
def test_garbage_is_counted_or_answered_and_never_fails(octets: bytes) -> None:
    reflector = Reflector()
    asked = reflector.read(octets, 1)
    assert reflector.counters.malformed == (asked is None) == (len(octets) < 14)
    if asked is not None:
        reflector.answer(asked, HERE, 1, known=False)


def test_strangers_do_not_fill_the_memory() -> None:
    reflector = Reflector()
    for port in range(3000):
        ask(reflector, bytes(14), known=False, sender=("192.0.2.1", port))
    assert len(reflector._strangers) == 1024
    assert reflector.counters.strangers == 3000
