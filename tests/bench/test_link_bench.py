from __future__ import annotations

import struct

from bench.link.capture import IRTT_PORT, Seen, read
from bench.link.network import PORT
from bench.link.replay import Replay, bursts, independent
from contract import stamp


def packet(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!BBHHHBBH8x", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + payload


def datagram(source: int, target: int, body: bytes) -> bytes:
    return packet(17, struct.pack("!HHHH", source, target, 8 + len(body), 0) + body)


def test_the_capture_knows_each_tool_and_takes_the_time_in_the_reflector_away() -> None:
    assert read(packet(1, struct.pack("!BBHHH", 8, 0, 0, 77, 3) + bytes(8))) == Seen("icmp 77", 3, answer=False)
    assert read(packet(1, struct.pack("!BBHHH", 0, 0, 0, 77, 3) + bytes(8))) == Seen("icmp 77", 3, answer=True)
    asked = stamp.SenderPacket(seq=9, sent=5)
    assert read(datagram(4000, PORT, stamp.pack_sender(asked))) == Seen("stamp", 9, answer=False)
    reply = stamp.ReflectorPacket(
        seq=1, sent=stamp.ntp_from_ns(2_000_000_000), received=stamp.ntp_from_ns(1_999_000_000), sender_seq=9, sender_sent=5
    )
    seen = read(datagram(PORT, 4000, stamp.pack_reflector(reply)))
    assert seen is not None
    assert (seen.seq, seen.answer, abs(seen.held_ns - 1_000_000) < 2) == (9, True, True)
    assert read(datagram(4000, IRTT_PORT, bytes(12) + (6).to_bytes(4, "little"))) == Seen("irtt", 6, answer=False)


def test_the_capture_passes_over_what_is_nobodys() -> None:
    assert read(datagram(1, 2, bytes(60))) is None
    assert read(packet(6, bytes(40))) is None
    assert read(b"\x60" + bytes(60)) is None


def test_a_replay_that_loses_everything_from_some_moment_on_is_alarmed_by_site_and_center() -> None:
    replay = Replay(lambda at_s: (at_s < 5, at_s < 5))
    replay.run(8)
    assert (replay.site_alarms, replay.center_alarms) == (1, 1)


def test_a_replay_of_short_gaps_counts_them_as_interruptions() -> None:
    replay = Replay(lambda at_s: (not 5 <= at_s < 5.7, not 5 <= at_s < 5.7))
    replay.run(8)
    assert (replay.site_alarms, replay.center_alarms, replay.short) == (0, 0, 1)


def test_generated_losses_have_the_share_that_they_claim() -> None:
    lossy, bursty = independent(0.05, 1), bursts(2)
    assert 0.09 < sum(not all(lossy(0)) for _ in range(20_000)) / 20_000 < 0.106
    assert 0.012 < sum(not bursty(step / 100)[0] for step in range(500_000)) / 500_000 < 0.028
