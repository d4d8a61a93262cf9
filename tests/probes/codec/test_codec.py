from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.findings import Severity
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.codec import sip
from probes.codec.limits import CodecLimits, CodecSettings, SipTransport
from probes.codec.probe import run
from probes.interface import Look
from probes.snmp_access import SnmpAccess
from tests.probes.conftest import DESCRIPTION, SnmpAgent

QUICK = CodecLimits(answer_ms=600)
LIVE = Look(phase=Phase.LIVE)


def answer_to(request: bytes, status: str) -> bytes:
    """What a user agent answers: the dialog's headers given back (RFC 3261, 8.2.6.2)."""
    kept = [line for line in request.split(b"\r\n") if line.split(b":")[0] in (b"Via", b"To", b"From", b"Call-ID", b"CSeq")]
    return b"\r\n".join([b"SIP/2.0 " + status.encode(), *kept, b"Content-Length: 0", b"", b""])


@contextmanager
def udp_peer(answers: Callable[[bytes], list[bytes]]) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    request, sender = peer.recvfrom(65536)
                except TimeoutError:
                    continue
                for answer in answers(request):
                    peer.sendto(answer, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield peer.getsockname()[1]
        finally:
            over.set()
            thread.join()


@contextmanager
def tcp_peer(answer: Callable[[bytes], bytes] | None = None) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    stream, _ = server.accept()
                except TimeoutError:
                    continue
                with stream:
                    request = stream.recv(65536) if answer else b""
                    if answer and request:
                        stream.sendall(answer(request))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def look(**settings: object) -> ProbeReport:
    return run(CodecSettings(host="127.0.0.1", **settings), QUICK, LIVE)  # type: ignore[arg-type]


def codes(report: ProbeReport) -> list[str]:
    return [found.code for found in report.findings]


def value(report: ProbeReport, metric: str) -> float | None:
    return next(reading.value for reading in report.readings if reading.metric == metric)


@pytest.mark.req("R4", "R29")
@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "486 Busy Here", "503 Service Unavailable"])
def test_any_sip_answer_means_alive(status: str) -> None:
    with udp_peer(lambda request: [answer_to(request, status)]) as port:
        report = look(sip_port=port)
    assert codes(report) == []
    assert value(report, "codec.alive") == 1
    assert value(report, "codec.sip_status") == int(status[:3])


def test_sip_over_tcp_is_asked_too() -> None:
    with tcp_peer(lambda request: answer_to(request, "200 OK")) as port:
        assert codes(look(sip_port=port, sip_transport=SipTransport.TCP)) == []


def test_one_lost_datagram_is_not_a_dead_codec() -> None:
    requests: list[bytes] = []

    def forgetful(request: bytes) -> list[bytes]:
        requests.append(request)
        return [answer_to(request, "200 OK")] if len(requests) > 1 else []

    with udp_peer(forgetful) as port:
        assert codes(look(sip_port=port)) == []


@pytest.mark.parametrize("nonsense", [b"", b"\x00" * 40, b"HTTP/1.1 200 OK\r\n\r\n", b"SIP/2.0 200 OK\r\nCall-ID: other\r\n\r\n"])
def test_an_answer_that_is_not_ours_does_not_count(nonsense: bytes) -> None:
    with udp_peer(lambda _: [nonsense]) as port:
        report = look(sip_port=port)
    assert codes(report) == ["codec.unreachable"]
    assert report.findings[0].severity is Severity.CRITICAL


def test_a_silent_protocol_beside_one_that_answers_is_that_protocols_fault() -> None:
    with tcp_peer() as port:
        report = look(sip_port=closed_port(), h323_port=port)
    assert codes(report) == ["codec.sip_down"]
    assert value(report, "codec.alive") == 1


def test_a_codec_that_refuses_everything_is_unreachable_and_says_by_what() -> None:
    report = look(sip_port=closed_port(), h323_port=closed_port())
    assert codes(report) == ["codec.unreachable"]
    assert report.findings[0].details == {"protocols": "SIP, H.323"}
    assert {reading.failure for reading in report.readings if reading.metric == "codec.h323_ms"} == {Failure.REFUSED}


def test_a_codec_switched_off_at_night_alarms_nobody() -> None:
    report = run(CodecSettings(host="127.0.0.1", sip_port=closed_port()), QUICK, Look(phase=Phase.IDLE))
    assert report.findings[0].severity is Severity.INFO


def test_a_name_that_does_not_resolve_is_a_failure_and_not_a_crash() -> None:
    report = run(CodecSettings(host="nowhere.invalid", h323_port=1720), QUICK, LIVE)
    assert codes(report) == ["codec.unreachable"]


@pytest.mark.req("R46")
@pytest.mark.parametrize(
    ("settings", "failure"), [(CodecSettings(fitted=False), Failure.NOT_FITTED), (CodecSettings(), Failure.UNSUPPORTED)]
)
def test_a_codec_that_is_not_fitted_or_not_declared_is_not_asked(settings: CodecSettings, failure: Failure) -> None:
    report = run(settings, QUICK, LIVE)
    assert [reading.failure for reading in report.readings] == [failure]
    assert report.findings == ()


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_an_answer_by_chance(noise: bytes) -> None:
    assert sip.status_of(noise, "00ff00ff00ff00ff") is None


def test_addresses_of_ipv6_stand_in_brackets() -> None:
    request = sip.options(host="fd00::1", port=5060, local_host="fd00::2", local_port=9, transport="udp", branch="b")
    assert request.startswith(b"OPTIONS sip:[fd00::1]:5060 SIP/2.0\r\n")


@pytest.mark.req("R29")
@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_a_real_snmp_agent_tells_who_it_is_and_its_uptime(snmp_agent: SnmpAgent, version: str) -> None:
    report = look(sip_port=0, snmp=getattr(snmp_agent, version))
    assert codes(report) == []
    assert (value(report, "codec.uptime_s") or -1) >= 0
    assert report.source == f"127.0.0.1 {DESCRIPTION}"


def test_a_real_network_port_is_told_with_its_errors_and_one_that_is_slow_is_found(snmp_agent: SnmpAgent) -> None:
    report = look(sip_port=0, snmp=snmp_agent.v2c, snmp_interface="lo")
    assert value(report, "codec.port_errors") == 0
    assert value(report, "codec.port_speed_mbps") == 10, "what net-snmp says of a loopback"
    (found,) = report.findings
    assert (found.code, found.figure, found.limit) == ("codec.slow_port", 10, 100)


def test_a_wrong_community_is_silence_and_its_word_is_told_to_nobody(snmp_agent: SnmpAgent, tmp_path: Path) -> None:
    file = tmp_path / "community"
    file.write_text("bimat\n")
    report = look(sip_port=0, snmp=SnmpAccess(port=snmp_agent.port, community_file=str(file)))
    assert codes(report) == ["codec.unreachable"]
    assert "bimat" not in repr(report)


def test_a_community_file_that_cannot_be_read_is_a_matter_of_permission(tmp_path: Path) -> None:
    report = look(sip_port=0, snmp=SnmpAccess(community_file=str(tmp_path / "none")))
    assert [reading.failure for reading in report.readings if reading.metric == "codec.uptime_s"] == [Failure.PERMISSION]
