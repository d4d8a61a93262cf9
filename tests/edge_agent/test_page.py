"""The local page: the daemon's own words, one button, and nothing for strangers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from contract.catalog import figure, finding
from contract.findings import Component, State
from contract.meetings import Phase
from contract.messages import ComponentState
from contract.readings import Failure
from contract.verdicts import verdict_of
from edge_agent.child import not_measured
from edge_agent.page import paper
from edge_agent.page.html import render
from edge_agent.page.server import MAX_REQUEST_BYTES, PageServer
from edge_agent.status import AgentStatus

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def status() -> AgentStatus:
    loss = finding("agent.probe_timeout", target="<script>", figure=6.0, limit=5.0, unit="s")
    agent = verdict_of(Component.AGENT, (), [loss], T0)
    rows = (figure("host.cpu_percent", 12, at=T0), figure("host.memory_percent", 30, at=T0), figure("host.disk_percent", 40, at=T0))
    host = verdict_of(Component.HOST, rows, (), T0 - timedelta(minutes=9))
    absent = not_measured("microphone", Failure.NOT_FITTED, T0).readings
    microphone = verdict_of(Component.MICROPHONE, absent, (), T0)
    assert (host.state, microphone.state) == (State.OK, State.NOT_FITTED)
    return AgentStatus(
        site="a",
        name="Hoài Nhơn & <b>",
        at=T0,
        started_at=T0,
        pid=1,
        version="0",
        phase=Phase.LIVE,
        meeting_title="Giao ban",
        uplink="none",
        components=(
            ComponentState(verdict=agent),
            ComponentState(verdict=host, readings=rows, valid_for_s=60),
            ComponentState(verdict=microphone, readings=absent),
        ),
    )


def talk(*requests: bytes, loopback: bool = True) -> tuple[list[bytes], int]:
    """Send requests over real connections; the answers, and how often a check was asked for."""
    checks: list[int] = []

    async def body() -> list[bytes]:
        server = PageServer(status, lambda: checks.append(1), loopback=loopback)
        address = await server.start("127.0.0.1", 0)
        port = int(address.rstrip("/").rpartition(":")[2])
        answers = []
        for request in requests:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request.replace(b"PORT", str(port).encode()))
            answers.append(await reader.read())
            writer.close()
        await server.stop()
        return answers

    return asyncio.run(body()), len(checks)


GET = b"GET / HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n"


@pytest.mark.req("R52", "R6", "R4")
def test_the_page_shows_state_word_figure_limit_advice_and_age() -> None:
    ((answer,), _) = talk(GET)
    page = answer.decode()
    assert page.startswith("HTTP/1.1 200 OK\r\n")
    for word in (
        "Đang họp: Giao ban",
        "▲</span> Cảnh báo",
        "không xong sau 6\u00a0s (giới hạn 5\u00a0s)",
        "✔</span> Bình thường",
        "9 phút trước — <strong>đã cũ</strong>",
        "Không trang bị",
        "Kiểm tra lại",
        "chưa nối được",
    ):
        assert word in page, word


def test_what_comes_from_outside_is_escaped() -> None:
    page = render(status())
    assert "Hoài Nhơn &amp; &lt;b&gt;" in page
    assert "<script>" not in page.replace('<script src="/page.js" defer>', "")


def test_the_page_and_the_center_are_told_the_same() -> None:
    ((answer,), _) = talk(b"GET /status.json HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n")
    assert msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=AgentStatus) == status()


def test_the_button_works_from_the_page_itself() -> None:
    ((answer,), checks) = talk(
        b"POST /check HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: http://localhost:PORT\r\nContent-Length: 0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 303 ")
    assert checks == 1


@pytest.mark.parametrize("origin", [b"", b"Origin: http://evil.example\r\n", b"Origin: null\r\n", b"Origin: http://localhost:1\r\n"])
def test_the_button_does_not_work_from_anywhere_else(origin: bytes) -> None:
    ((answer,), checks) = talk(b"POST /check HTTP/1.1\r\nHost: localhost:PORT\r\n" + origin + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert checks == 0


def test_a_name_that_somebody_points_at_the_loopback_is_refused() -> None:
    request = b"GET / HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n"
    assert talk(request)[0][0].startswith(b"HTTP/1.1 421 ")
    assert talk(request, loopback=False)[0][0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET /../etc/passwd HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", b"HTTP/1.1 404 "),
        (b"DELETE / HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", b"HTTP/1.1 405 "),
        (b"\x16\x03\x01 garbage\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 2 * MAX_REQUEST_BYTES + b"\r\n\r\n", b""),
    ],
)
def test_nonsense_is_refused_and_the_page_lives(request_: bytes, answer: bytes) -> None:
    answers, _ = talk(request_, GET)
    assert answers[0].startswith(answer)
    assert answers[1].startswith(b"HTTP/1.1 200 ")


def test_style_and_script_come_from_the_agent_alone() -> None:
    answers, _ = talk(*(b"GET %s HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n" % path for path in (b"/page.css", b"/page.js")))
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert b"default-src 'none'" in answers[0]
    assert "http" not in render(status()).replace("http-equiv", "")


def ticks(page: str, line: str) -> tuple[bool, bool]:
    """Boxes of one device line of the form: normal, damaged."""
    words = page.partition(f"<p>{line}: ")[2].partition(";</p>")[0]
    well, broken = (part.count("☒") == 1 for part in words.split("Bình thường"))
    return well, broken


@pytest.mark.req("R52")
def test_the_paper_ticks_what_is_known_and_leaves_both_boxes_empty_where_nothing_is() -> None:
    gone = finding("camera.absent", target="/dev/video0")
    camera = ComponentState(verdict=verdict_of(Component.CAMERA, (), [gone], T0))
    page = paper.render(msgspec.structs.replace(status(), components=(*status().components, camera)))
    assert ticks(page, "Camera") == (False, True)
    assert ticks(page, "Khác") == (True, False)
    assert ticks(page, "Micro") == (False, False)
    assert "Micro: " in page
    assert "(không trang bị)" in page
    assert ticks(page, "Bộ kết nối") == (False, False)
    assert page.count("(chưa kiểm tra được)") == 2, "codec and cables have said nothing"
    assert "</span> Sự cố" in page
    assert "Hoài Nhơn &amp; &lt;b&gt;" in page
    assert "<script>" not in page


def test_an_advisory_is_no_incident_of_the_paper() -> None:
    rows = (figure("host.cpu_percent", 12, at=T0), figure("host.memory_percent", 30, at=T0), figure("host.disk_percent", 40, at=T0))
    note = finding("host.open_port", figure=1, details={"ports": "tcp/631"})
    host = ComponentState(verdict=verdict_of(Component.HOST, rows, [note], T0), readings=rows)
    page = paper.render(msgspec.structs.replace(status(), components=(host,)))
    assert ticks(page, "Khác") == (True, False)
    assert "tcp/631" not in page
    assert '<span role="img" aria-label="không">☐</span> Sự cố' in page


def test_what_was_not_checked_makes_the_site_neither_normal_nor_faulty() -> None:
    unknown = ComponentState(verdict=verdict_of(Component.CAMERA, not_measured("camera", Failure.TIMEOUT, T0).readings, (), T0))
    page = paper.render(msgspec.structs.replace(status(), components=(unknown,)))
    assert "☒" not in page


def test_the_paper_is_served_and_linked() -> None:
    (answer,), _ = talk(b"GET /form HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert "Nhật ký triển khai họp trực tuyến".encode() in answer
    assert 'href="/form"' in render(status())


def test_a_codec_that_is_off_while_nobody_meets_is_neither_normal_nor_damaged() -> None:
    off = finding("codec.unreachable", Phase.IDLE, target="10.0.0.9", figure=None, limit=2000, unit="ms", details={"protocols": "SIP"})
    rows = (figure("codec.alive", 0, at=T0, target="10.0.0.9"),)
    codec = ComponentState(verdict=verdict_of(Component.CODEC, rows, [off], T0), readings=rows)
    page = paper.render(msgspec.structs.replace(status(), components=(codec,)))
    assert ticks(page, "Bộ kết nối") == (False, False)
    live = finding("codec.unreachable", Phase.LIVE, target="10.0.0.9", figure=None, limit=2000, unit="ms", details={"protocols": "SIP"})
    codec = ComponentState(verdict=verdict_of(Component.CODEC, rows, [live], T0), readings=rows)
    assert ticks(paper.render(msgspec.structs.replace(status(), components=(codec,))), "Bộ kết nối") == (False, True)
