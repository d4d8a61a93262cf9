from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

import pytest

from contract import stamp
from contract.findings import Component, State
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from contract.verdicts import verdict_of
from probes.interface import Look
from probes.link import source
from probes.link.limits import Kind, LinkLimits, LinkSettings, Target
from probes.link.probe import run

QUICK = LinkLimits(probes=10, probe_interval_ms=10, probe_wait_ms=300)
LOOK = Look(phase=Phase.LIVE)
Make = Callable[..., Any]


def look(*targets: Target | str, limits: LinkLimits = QUICK, **settings: Any) -> ProbeReport:
    return run(LinkSettings(targets=targets, **settings), limits, LOOK)


def values(report: ProbeReport, target: str) -> dict[str, float | None]:
    return {reading.metric: reading.value for reading in report.readings if reading.target == target}


def failures(report: ProbeReport) -> list[tuple[str, Failure | None]]:
    return [(reading.target, reading.failure) for reading in report.readings if reading.failure is not None]


def state(report: ProbeReport) -> State:
    return verdict_of(Component.LINK, report.readings, report.findings, report.began_at).state


@pytest.mark.req("R10", "R31")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_reflector_on_loopback_answers_all_and_counts_both_ways(reflector: Make, host: str) -> None:
    port = reflector(host=host).port
    report = look(Target(name="center", kind=Kind.STAMP, host=host, port=port), ssid=513)
    got = values(report, "center")
    assert got["link.loss_percent"] == got["link.loss_to_percent"] == got["link.loss_back_percent"] == 0
    assert 0 < (got["link.rtt_ms"] or 0) <= (got["link.rtt_p95_ms"] or 0) <= (got["link.rtt_max_ms"] or 0)
    assert report.findings == ()
    assert state(report) is State.OK
    assert "center stamp" in report.source
    assert report.source.endswith(" lo")


@pytest.mark.root
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_echo_on_loopback_is_answered(host: str) -> None:
    report = look(host)
    assert values(report, host)["link.loss_percent"] == 0
    assert 0 < (values(report, host)["link.rtt_ms"] or 0) < 1000
    assert state(report) is State.OK


def test_the_reflector_sees_the_sites_number_and_an_exact_packet(reflector: Make) -> None:
    made = reflector()
    look(f"stamp:127.0.0.1:{made.port}", ssid=513)
    assert [stamp.unpack_sender(octets).ssid for octets in made.got] == [513] * 10
    assert {len(octets) for octets in made.got} == {44}
    assert [stamp.unpack_sender(octets).seq for octets in made.got] == list(range(10))


def test_the_kernel_tells_when_each_packet_left_and_came(reflector: Make) -> None:
    made = reflector()
    target = Target(kind=Kind.STAMP, host="127.0.0.1", port=made.port)
    wire = source.Wire(target, "127.0.0.1")
    try:
        for seq, promise in ((5, None), (6, 50)):
            assert wire.send(seq, next_within_ms=promise) is None
        left: list[tuple[int, int]] = []
        answers: list[source.Answer] = []
        while len(answers) < 2 and select.select([wire], [], [], 10)[0]:
            heard = wire.hear()
            left += heard.left
            answers += heard.answers
    finally:
        wire.close()
    assert [seq for seq, _ in left] == [5, 6]
    assert [answer.seq for answer in answers] == [5, 6]
    assert all(answer.received_ns > left_ns for answer, (_, left_ns) in zip(answers, left, strict=True))


def test_loss_duplicates_and_disorder_are_counted(reflector: Make) -> None:
    held: list[bytes] = []

    def answers(packet: stamp.SenderPacket, count: int) -> list[bytes]:
        reply = stamp.pack_reflector(stamp.ReflectorPacket(seq=count, sent=1, received=1, sender_seq=packet.seq, sender_sent=packet.sent))
        if packet.seq == 2:
            return []
        if packet.seq == 4:
            held.append(reply)
            return []
        if packet.seq == 5:
            return [reply, *held]
        return [reply, reply] if packet.seq == 7 else [reply]

    got = values(look(f"stamp:127.0.0.1:{reflector(answers).port}"), "127.0.0.1")
    assert got["link.loss_percent"] == 10
    assert got["link.duplicates"] == 1
    assert got["link.reordered_percent"] == pytest.approx(100 / 9)
    assert got["link.loss_to_percent"] == 0
    assert got["link.loss_back_percent"] == pytest.approx(100 / 9)


def test_an_end_that_takes_everything_and_says_nothing_is_unreachable(reflector: Make) -> None:
    silent = reflector(lambda _packet, _count: [])
    alive = reflector()
    report = look(
        Target(name="mcu", kind=Kind.STAMP, host="127.0.0.1", port=silent.port),
        Target(name="center", kind=Kind.STAMP, host="127.0.0.1", port=alive.port),
    )
    assert values(report, "mcu")["link.loss_percent"] == 100
    assert [(found.code, found.details["answered"]) for found in report.findings] == [("link.mcu_unreachable", "center")]
    assert values(report, "center")["link.loss_percent"] == 0
    assert state(report) is State.FAULT


def test_a_machine_without_a_reflector_is_there_but_not_measured() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    report = look(Target(name="center", kind=Kind.STAMP, host="127.0.0.1", port=port))
    assert failures(report) == [("center", Failure.REFUSED)]
    assert report.findings == ()
    assert state(report) is State.UNKNOWN


def test_a_name_nobody_knows_is_its_own_trouble_only(reflector: Make) -> None:
    made = reflector()
    report = look("khong..co", f"center=stamp:127.0.0.1:{made.port}")
    assert failures(report) == [("khong..co", Failure.UNREACHABLE)]
    assert [(found.code, found.target) for found in report.findings] == [("link.down", "khong..co")]
    assert values(report, "center")["link.loss_percent"] == 0


def test_without_permission_for_an_echo_it_is_said_and_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_named: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(source.Wire, "_open", refuse)
    report = look("gateway=127.0.0.1")
    assert failures(report) == [("gateway", Failure.PERMISSION)]
    assert report.findings == ()
    assert state(report) is State.UNKNOWN


@pytest.mark.parametrize("junk", [b"", b"\0", b"\xff" * 37, b"\xff" * 44, b"\0" * 1500])
def test_a_reflector_that_answers_nonsense_is_one_that_does_not_answer(reflector: Make, junk: bytes) -> None:
    report = look(f"mcu=stamp:127.0.0.1:{reflector(lambda packet, _: [junk] if packet.seq else []).port}")
    assert (values(report, "mcu")["link.loss_percent"] or 0) >= 90


def test_an_answer_with_another_time_than_ours_is_not_ours(reflector: Make) -> None:
    def replay(packet: stamp.SenderPacket, count: int) -> list[bytes]:
        said = stamp.ReflectorPacket(seq=count, sent=1, received=1, sender_seq=packet.seq, sender_sent=packet.sent - 1)
        return [stamp.pack_reflector(said)]

    assert values(look(f"mcu=stamp:127.0.0.1:{reflector(replay).port}"), "mcu")["link.loss_percent"] == 100


def test_no_link_and_no_target_are_told_apart() -> None:
    assert failures(look(fitted=False)) == [("", Failure.NOT_FITTED)]
    assert failures(look()) == [("", Failure.SKIPPED)]


def test_a_wrong_way_is_found_by_the_interface(reflector: Make) -> None:
    report = look(f"mcu=stamp:127.0.0.1:{reflector().port}", interface="tslcd0")
    assert [(found.code, found.details["interface"]) for found in report.findings] == [("link.off_tslcd", "lo")]
