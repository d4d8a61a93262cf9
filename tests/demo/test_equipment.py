from __future__ import annotations

import socket
import struct
from datetime import UTC, datetime

import pytest

from contract.meetings import Phase
from demo.equipment import ConferencingSystem, Mcu
from probes.codec.limits import CodecLimits, CodecSettings
from probes.codec.probe import run
from probes.interface import Look


def test_the_codec_stand_in_is_alive_to_the_probe_until_it_is_switched_off() -> None:
    codec = ConferencingSystem("codec")
    settings = CodecSettings(host="127.0.0.1", sip_port=codec.port)
    assert run(settings, CodecLimits(), Look(phase=Phase.LIVE)).findings == ()
    codec.close()
    assert [found.code for found in run(settings, CodecLimits(answer_ms=300), Look(phase=Phase.LIVE)).findings] == ["codec.unreachable"]


def test_a_stand_in_answers_other_requests_as_a_codec_would() -> None:
    codec = ConferencingSystem("codec")
    request = b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    assert codec.answer(request).startswith(b"SIP/2.0 405 ")
    assert codec.answer(b"GET / HTTP/1.1\r\n\r\n") == b""
    codec.close()


def test_the_mcu_reflects_as_the_standard_says() -> None:
    """scapy reads the answer: an oracle that is none of ours (RFC 8762, 4.3.1)."""
    stamp = pytest.importorskip("scapy.contrib.stamp")
    mcu = Mcu("mcu")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(5)
        packet = struct.pack("!IQHH28x", 7, 0x1234567890ABCDEF, 0x8001, 42)
        sender.sendto(packet, ("127.0.0.1", mcu.port))
        reflected = stamp.STAMPSessionReflectorTestUnauthenticated(sender.recv(2000))
    mcu.close()
    assert (reflected.seq, reflected.seq_sender, reflected.ssid) == (7, 7, 42)
    received_s = int.from_bytes(bytes(reflected)[16:24], "big") / 2**32 - 2_208_988_800
    assert abs(received_s - datetime.now(UTC).timestamp()) < 60
    assert bytes(reflected)[28:36] == packet[4:12]
