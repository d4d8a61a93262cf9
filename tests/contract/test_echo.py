from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest

from contract import echo

TOKEN = b"diemcau!"


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 2**64 - 1))
def test_a_request_is_what_scapy_would_send(ident: int, seq: int, sent_ns: int) -> None:
    ours = echo.pack_request(4, ident, seq, TOKEN, sent_ns)
    assert ours == bytes(ICMP(type=8, id=ident, seq=seq) / ours[8:])
    theirs = ICMPv6EchoRequest(echo.pack_request(6, ident, seq, TOKEN, sent_ns))
    assert (theirs.type, theirs.code, theirs.id, theirs.seq) == (128, 0, ident, seq)


@given(st.integers(0, 65535), st.integers(0, 2**64 - 1), st.booleans())
def test_a_reply_is_known_by_its_token_with_and_without_an_ip_header(seq: int, sent_ns: int, with_header: bool) -> None:
    reply = bytearray(echo.pack_request(4, 77, seq, TOKEN, sent_ns))
    reply[0] = 0
    octets = bytes(IP(src="127.0.0.1", dst="127.0.0.1") / bytes(reply)) if with_header else bytes(reply)
    assert echo.unpack(4, octets, TOKEN) == echo.Echo(seq, sent_ns, reply=True)
    assert echo.unpack(4, octets, b"another!") is None


@given(st.binary(max_size=100), st.sampled_from([4, 6]))
def test_what_others_send_is_not_ours(octets: bytes, version: int) -> None:
    assert echo.unpack(version, octets, TOKEN) is None
