"""A real ``edge-agent run`` against a real broker, and what may befall it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract import topics
from contract.findings import State
from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from contract.messages import (
    Agenda,
    CheckDone,
    CheckReason,
    Cleared,
    Command,
    ComponentState,
    Interruption,
    Lifecycle,
    Limits,
    Onset,
    Presence,
    Status,
)
from edge_agent.status import AgentStatus

MakeAgent = Callable[..., Any]


def meeting(phase: Phase) -> Meeting:
    """A meeting that is in `phase` now, and stays there for the test."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    order = (Phase.REHEARSAL, Phase.PRECHECK, Phase.LIVE, Phase.WRAP_UP)
    first = now - hour * order.index(phase) - timedelta(minutes=1)
    windows = {each.value: Window(begins_at=first + hour * n, ends_at=first + hour * (n + 1)) for n, each in enumerate(order)}
    plan = Plan(**windows)
    return Meeting(id="m1", title="Họp thử", organizer="UBND", plan=plan, participations=(Participation(site="thu", role=Role.BRANCH),))


def send_agenda(broker: Any, phase: Phase) -> None:
    broker.send(topics.agenda("thu"), Agenda(issued_at=datetime.now(UTC), meetings=(meeting(phase),)), retain=True)


def state_of(status: AgentStatus, component: str) -> State | None:
    return next((each.verdict.state for each in status.components if each.verdict.component == component), None)


def codes(status: AgentStatus) -> set[str]:
    return {found.code for each in status.components for found in each.verdict.findings}


@pytest.mark.req("R25", "R32", "R6")
def test_a_site_says_all_it_owes_the_center_from_start_to_stop(broker: Any, make_agent: MakeAgent) -> None:
    agent = make_agent(broker)
    send_agenda(broker, Phase.PRECHECK)
    agent.start()
    agent.wait_for(lambda status: status.checked_at and status.uplink == "primary", "the check at the window's begin is done")
    broker.send(topics.site_topic("thu", topics.Kind.LIMITS), Limits(version="7"), retain=True)
    broker.send(topics.site_topic("thu", topics.Kind.COMMAND, "check"), Command(id="c1", name="check", at=datetime.now(UTC)))
    agent.wait_for(lambda status: status.limits_version == "7", "the limits have come")
    agent.wait_for(lambda _: len(broker.events(CheckDone)) == 2, "both checks are told")
    scheduled, requested = sorted(broker.events(CheckDone), key=lambda each: each.began_at)
    assert (scheduled.check, scheduled.reason, scheduled.phase, scheduled.meeting) == (
        "m1/precheck",
        CheckReason.SCHEDULED,
        Phase.PRECHECK,
        "m1",
    )
    assert (requested.check, requested.reason) == ("c1", CheckReason.REQUESTED)
    verdicts = {verdict.component: verdict.state for verdict in scheduled.verdicts}
    assert verdicts["host"] in (State.OK, State.WARNING)
    assert verdicts["camera"] is State.NOT_FITTED

    assert agent.signal(signal.SIGTERM) == 0
    agent_states = [message.payload for message in broker.heard if isinstance(message.payload, Status)]
    assert agent_states[-1].state is Presence.DISCONNECTED
    assert [(each.what, each.cause) for each in broker.events(Lifecycle)] == [("started", "unknown"), ("stopped", "planned")]
    assert {message.topic.rest for message in broker.heard if isinstance(message.payload, ComponentState)} >= {"host", "camera", "agent"}
    status = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "status", "--config", str(agent.file)], capture_output=True, text=True, check=False
    )
    assert "đã dừng" in status.stdout


def test_a_killed_agent_says_so_when_it_is_back(broker: Any, make_agent: MakeAgent) -> None:
    agent = make_agent(broker)
    agent.start()
    agent.wait_for(lambda status: status.uplink == "primary" and state_of(status, "host"), "it runs")
    agent.signal(signal.SIGKILL)
    agent.start()
    agent.wait_for(lambda status: status.uplink == "primary" and status.outbox_rows == 0, "it runs again and has told all")
    starts = [each for each in broker.events(Lifecycle) if each.what == "started"]
    assert [each.cause for each in starts] == ["unknown", "crashed"]
    assert starts[1].last_seen_at is not None


@pytest.mark.req("R52")
def test_checks_run_by_the_kept_agenda_while_the_center_is_out_of_reach(broker: Any, make_agent: MakeAgent) -> None:
    agent = make_agent(broker)
    agent.start()
    agent.wait_for(lambda status: status.uplink == "primary", "it runs")
    send_agenda(broker, Phase.REHEARSAL)
    agent.wait_for(lambda status: status.meeting == "m1", "the agenda has come")
    agent.signal(signal.SIGTERM)
    broker.stop()
    (agent.state / "checks.json").unlink(missing_ok=True)
    agent.start()
    status = agent.wait_for(lambda status: status.checked_at, "the check runs without the center")
    assert (status.uplink, status.phase, status.meeting_title) == ("none", Phase.REHEARSAL, "Họp thử")
    assert status.outbox_rows > 0


@pytest.mark.req("R52")
def test_a_broker_that_refuses_stops_neither_looks_nor_page_nor_button(closed_broker: Any, make_agent: MakeAgent) -> None:
    agent = make_agent(closed_broker)
    agent.start()
    agent.wait_for(lambda status: state_of(status, "host"), "it looks")
    address = re.findall(r"local page: (http://[^/\s]+)/", agent.log.read_text(encoding="utf-8"))[-1]
    button = urllib.request.Request(f"{address}/check", method="POST", data=b"", headers={"Origin": address})
    with urllib.request.urlopen(button, timeout=10) as answer:
        assert "Kiểm tra lại" in answer.read().decode()
    status = agent.wait_for(lambda status: status.checked_at, "the check that was asked for at the site is done")
    assert status.uplink == "none"
    agent.wait_for(lambda status: status.uplink_error, "the refusal is told")
    assert agent.alive


@pytest.mark.req("R36", "R31")
def test_a_link_that_is_cut_in_a_meeting_is_told_with_its_true_begin_and_end(broker: Any, make_agent: MakeAgent, reflector: Any) -> None:
    agent = make_agent(broker, f'[link]\ntargets = ["center=stamp:127.0.0.1:{reflector.port}"]\n')
    send_agenda(broker, Phase.LIVE)
    agent.start()
    agent.wait_for(lambda status: status.phase is Phase.LIVE and state_of(status, "link") is State.OK, "the link is well in the meeting")
    cut_at, reflector.cut = datetime.now(UTC), True
    agent.wait_for(lambda status: state_of(status, "link") in (State.FAULT, State.WARNING), "the drop shows")
    back_at, reflector.cut = datetime.now(UTC), False
    agent.wait_for(lambda status: state_of(status, "link") is State.OK, "the return shows")
    agent.wait_for(lambda _: broker.events(Interruption), "the interruption is told")
    (onset,) = [each for each in broker.events(Onset) if each.finding.component == "link"]
    (cleared,) = [each for each in broker.events(Cleared) if each.component == "link"]
    (interruption,) = broker.events(Interruption)
    assert (cleared.code, cleared.began_at) == (onset.finding.code, onset.finding.since)
    slack = timedelta(seconds=3)
    assert cut_at - slack < onset.finding.since < back_at
    assert back_at - slack < cleared.ended_at < back_at + 5 * slack
    assert (interruption.began_at, interruption.ended_at) == (cleared.began_at, cleared.ended_at)
    assert interruption.confirmed
    assert interruption.meeting == "m1"


@pytest.mark.req("R26")
def test_a_microphone_that_is_not_there_is_a_finding(broker: Any, make_agent: MakeAgent) -> None:
    agent = make_agent(broker, '[microphone]\nsource = "no such microphone"\n')
    send_agenda(broker, Phase.LIVE)
    agent.start()
    status = agent.wait_for(lambda status: "microphone.absent" in codes(status), "the missing microphone is told")
    assert status.phase is Phase.LIVE
    agent.wait_for(lambda _: "microphone.absent" in {each.finding.code for each in broker.events(Onset)}, "and the center hears of it")


def test_a_camera_that_never_answers_is_a_finding_and_the_rest_goes_on(broker: Any, make_agent: MakeAgent) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        agent = make_agent(broker, f'[camera]\nsource = "http://127.0.0.1:{listener.getsockname()[1]}/stream"\n')
        agent.start()
        told = ("camera.absent", "camera.no_signal", "agent.probe_timeout")
        status = agent.wait_for(lambda status: any(code in codes(status) for code in told), "the silent camera is told")
        assert state_of(status, "host") in (State.OK, State.WARNING)
        assert state_of(status, "camera") is not State.OK
        listener.shutdown(socket.SHUT_RDWR)
        for each in kept:
            each.close()


@pytest.mark.root
def test_a_full_disk_is_told_and_the_daemon_lives(broker: Any, make_agent: MakeAgent, tmp_path: Path) -> None:
    state = tmp_path / "small"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(state)], check=True)
    try:
        agent = make_agent(broker, state=state)
        agent.start()
        agent.wait_for(lambda status: state_of(status, "host"), "it runs")
        filler = state / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 512)
            except OSError:
                pass
        broker.send(topics.site_topic("thu", topics.Kind.COMMAND, "check"), Command(id="c1", name="check", at=datetime.now(UTC)))
        agent.wait_for(lambda status: status.outbox_error or status.checked_at, "the check is done")
        broker.send(topics.site_topic("thu", topics.Kind.COMMAND, "check"), Command(id="c2", name="check", at=datetime.now(UTC)))
        agent.wait_for(lambda status: status.outbox_error, "the disk's refusal shows")
        agent.wait_for(lambda status: "agent.disk_unwritable" in codes(status), "and is a finding")
        agent.wait_for(
            lambda _: {"c1", "c2"} <= {check.check for check in broker.events(CheckDone)}, "the proof reaches the center all the same"
        )
        filler.unlink()
        agent.wait_for(lambda status: not status.outbox_error and "agent.disk_unwritable" not in codes(status), "it recovers")
        assert agent.signal(signal.SIGTERM) == 0
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def test_a_wrong_file_stops_the_start_with_status_2_and_one_sentence(make_agent: MakeAgent) -> None:
    agent = make_agent(None, "[camera]\nsorce = 1\n")
    agent.start()
    assert agent.program.wait(60) == 2
    assert agent.log.read_text(encoding="utf-8") == f"edge-agent: {agent.file}: camera.sorce: unknown key\n"


def test_a_certificate_that_is_missing_stops_the_start(broker: Any, make_agent: MakeAgent) -> None:
    agent = make_agent(broker)
    agent.file.write_text(agent.file.read_text().replace("[page]", 'ca = "/no/such/ca.pem"\n[page]'))
    agent.start()
    assert agent.program.wait(60) == 2
    assert "center.ca: /no/such/ca.pem: there is no such file" in agent.log.read_text(encoding="utf-8")
