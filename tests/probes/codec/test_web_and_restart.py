"""The web interface with its certificate, and a system that was restarted in a meeting."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from contract.catalog import sentence
from contract.meetings import Phase
from contract.messages import ProbeReport
from probes.codec.limits import CodecLimits, CodecSettings
from probes.codec.probe import run
from probes.codec.restart import restarted
from probes.interface import Look

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
LIVE = Look(phase=Phase.LIVE)


@contextmanager
def web(answer: bytes, certificate: trustme.LeafCert | None = None) -> Iterator[int]:
    """Answers one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            stream, _ = server.accept()
            if certificate is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                certificate.configure_cert(context)
                stream = context.wrap_socket(stream, server_side=True)
            with stream:
                stream.recv(65536)
                stream.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def look(port: int, *, tls: bool = False) -> ProbeReport:
    return run(CodecSettings(host="127.0.0.1", sip_port=0, web_port=port, web_tls=tls), CodecLimits(answer_ms=2000), LIVE)


def value(report: ProbeReport, metric: str) -> float | None:
    return next((reading.value for reading in report.readings if reading.metric == metric), None)


@pytest.mark.parametrize(
    ("status", "codes"), [("200 OK", []), ("302 Found", []), ("401 Unauthorized", []), ("500 Oops", ["codec.web_error"])]
)
def test_any_page_means_alive_and_an_error_of_its_own_is_told(status: str, codes: list[str]) -> None:
    with web(f"HTTP/1.1 {status}\r\nServer: lighttpd\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        report = look(port)
    assert [found.code for found in report.findings] == codes
    assert (value(report, "codec.alive"), value(report, "codec.web_status")) == (1, int(status[:3]))
    assert report.source == "127.0.0.1 lighttpd"


def test_something_that_speaks_otherwise_is_alive_and_its_page_not_read() -> None:
    with web(b"SSH-2.0-dropbear\r\n") as port:
        report = look(port)
    assert report.findings == ()
    assert (value(report, "codec.alive"), value(report, "codec.web_status")) == (1, None)


@pytest.mark.parametrize(("days", "codes"), [(400, []), (5, ["codec.certificate_ends"]), (-3, ["codec.certificate_ended"])])
def test_a_certificate_is_told_before_its_end_and_after(days: int, codes: list[str]) -> None:
    certificate = trustme.CA().issue_cert("phong-hop.example", not_after=datetime.now(UTC) + timedelta(days=days, minutes=5))
    with web(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", certificate) as port:
        report = look(port, tls=True)
    assert [found.code for found in report.findings] == codes
    assert value(report, "codec.certificate_days") == pytest.approx(days, abs=0.1)
    words = "".join(sentence(found, "vi") for found in report.findings)
    assert words == {
        400: "",
        5: "Chứng thư của bộ kết nối 127.0.0.1 còn hiệu lực 5 ngày (nhắc khi dưới 14 ngày)",
        -3: "Chứng thư của bộ kết nối 127.0.0.1 đã hết hạn 3 ngày",
    }.get(days)


def test_a_system_whose_uptime_begins_anew_in_a_meeting_was_restarted(tmp_path: Path) -> None:
    live = Look(phase=Phase.LIVE, state_directory=str(tmp_path))
    assert restarted(live, "10.0.0.9", 7200.0, AT) == ()
    (found,) = restarted(live, "10.0.0.9", 40.0, AT + timedelta(minutes=2))
    assert (found.code, found.since) == ("codec.restarted", AT + timedelta(seconds=80))
    assert sentence(found, "vi") == "Bộ kết nối 10.0.0.9 vừa khởi động lại, mới chạy được 40\u00a0s"
    assert restarted(live, "10.0.0.9", 160.0, AT + timedelta(minutes=4)) != ()
    assert restarted(live, "10.0.0.9", 400.0, AT + timedelta(minutes=8)) == ()


@pytest.mark.req("R18")
def test_a_system_that_was_switched_off_over_night_or_seen_for_the_first_time_was_not_restarted(tmp_path: Path) -> None:
    idle, live = (Look(phase=phase, state_directory=str(tmp_path)) for phase in (Phase.IDLE, Phase.LIVE))
    assert restarted(live, "10.0.0.9", 30.0, AT) == (), "switched on late, and never seen before"
    assert restarted(idle, "10.0.0.9", 7200.0, AT) == ()
    assert restarted(idle, "10.0.0.9", 20.0, AT + timedelta(hours=12)) == ()
    assert restarted(live, "10.0.0.9", 120.0, AT + timedelta(hours=12, minutes=2)) == ()
    assert restarted(live, "10.0.0.8", 10.0, AT + timedelta(hours=12, minutes=3)) == (), "another system"
    assert restarted(live, "10.0.0.8", None, AT + timedelta(hours=12, minutes=4)) == ()
