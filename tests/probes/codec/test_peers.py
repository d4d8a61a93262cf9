"""The codec probe against real SIP software: baresip (a user agent), kamailio (a server), sipp (a tester)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme

from contract.meetings import Phase
from contract.messages import ProbeReport
from probes.codec.limits import CodecLimits, CodecSettings, SipTransport
from probes.codec.probe import run
from probes.interface import Look
from tests.probes.conftest import udp_port

pytestmark = pytest.mark.req("R4", "R29")

LIMITS = CodecLimits(answer_ms=3000)
LIVE = Look(phase=Phase.LIVE)


def free_port() -> int:
    """Free for UDP and TCP, and the one after it too: baresip takes the next for TLS."""
    while True:
        port = udp_port()
        with ExitStack() as taken:
            try:
                for number in (port, port + 1):
                    taken.enter_context(socket.create_server(("127.0.0.1", number)))
            except OSError:
                continue
            return port


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[None]:
    """A peer for as long as it is asked; ended by its own process id."""
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        log.close()


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def asked(settings: CodecSettings) -> ProbeReport:
    """The first look that finds the peer ready; starting takes it a moment."""
    until_s = time.monotonic() + 20
    while (report := run(settings, LIMITS, LIVE)).findings and time.monotonic() < until_s:
        time.sleep(0.2)
    return report


def value(report: ProbeReport, metric: str) -> float | None:
    return next(reading.value for reading in report.readings if reading.metric == metric)


@contextmanager
def baresip(folder: Path) -> Iterator[int]:
    port = free_port()
    certificate = trustme.CA().issue_cert("phong-hop.example")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "cert.pem"))
    (folder / "accounts").write_text("<sip:phong-hop@127.0.0.1>;regint=0\n")
    (folder / "contacts").write_text("")
    (folder / "config").write_text(
        f"sip_listen 127.0.0.1:{port}\nsip_certificate {folder}/cert.pem\nmodule_path /usr/lib/baresip/modules\n"
        "module_app account.so\nmodule_app contact.so\n"
    )
    with started([program("baresip"), "-f", str(folder), "-n", "127.0.0.1"], folder):
        yield port


@pytest.mark.parametrize(("transport", "offset"), [(SipTransport.UDP, 0), (SipTransport.TCP, 0), (SipTransport.TLS, 1)])
def test_a_real_user_agent_is_alive_over_every_transport(tmp_path: Path, transport: SipTransport, offset: int) -> None:
    with baresip(tmp_path) as port:
        report = asked(CodecSettings(host="127.0.0.1", sip_port=port + offset, sip_transport=transport))
    assert report.findings == (), (tmp_path / "log").read_text()
    assert value(report, "codec.alive") == 1
    assert value(report, "codec.sip_status") in (200, 404, 488)


KAMAILIO = """
children=1
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
request_route {{
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    sl_send_reply("403", "Forbidden");
}}
"""


@pytest.mark.parametrize("transport", [SipTransport.UDP, SipTransport.TCP])
def test_a_real_server_is_alive_and_says_who_it_is(tmp_path: Path, transport: SipTransport) -> None:
    port = free_port()
    configuration = tmp_path / "kamailio.cfg"
    configuration.write_text(KAMAILIO.format(port=port))
    with started([program("kamailio"), "-DD", "-E", "-f", str(configuration), "-Y", str(tmp_path), "-P", str(tmp_path / "pid")], tmp_path):
        report = asked(CodecSettings(host="127.0.0.1", sip_port=port, sip_transport=transport))
    assert report.findings == (), (tmp_path / "log").read_text()
    assert value(report, "codec.sip_status") == 200
    assert "kamailio" in report.source


SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="trả lời OPTIONS">
<recv request="OPTIONS"/>
<send><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


@pytest.mark.parametrize("status", ["200 OK", "486 Busy Here", "503 Service Unavailable"])
def test_a_real_tester_that_answers_anything_at_all_is_alive(tmp_path: Path, status: str) -> None:
    port = free_port()
    scenario = tmp_path / "scenario.xml"
    scenario.write_text(SCENARIO.format(status=status))
    with started([program("sipp"), "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-skip_rlimit"], tmp_path):
        report = asked(CodecSettings(host="127.0.0.1", sip_port=port))
    assert report.findings == (), (tmp_path / "log").read_text()
    assert value(report, "codec.sip_status") == int(status[:3])


def test_a_real_user_agent_that_was_ended_is_gone(tmp_path: Path) -> None:
    settings: Callable[[int], CodecSettings] = lambda port: CodecSettings(host="127.0.0.1", sip_port=port)  # noqa: E731
    with baresip(tmp_path) as port:
        assert asked(settings(port)).findings == ()
    assert [found.code for found in run(settings(port), CodecLimits(answer_ms=500), LIVE).findings] == ["codec.unreachable"]
