from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.catalog import sentence
from contract.meetings import Phase
from contract.readings import Failure
from probes.child import ask
from probes.interface import Look
from probes.link.limits import LinkLimits, LinkSettings
from probes.link.path import answer
from probes.link.path_look import Way, paths
from probes.link.path_protocol import Hop, PathAnswer, PathRequest

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
CENTER, MCU = Way(address="10.9.0.1", interface="eth0"), Way(address="10.8.0.1", interface="eth0")


class Asked:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.router, self.requests = "10.0.0.1", list[PathRequest]()
        self.failure: Failure | None = None
        self.marks: tuple[int | None, int | None] = (34, 34)

    def __call__(self, request: PathRequest) -> PathAnswer:
        self.requests.append(request)
        if self.failure is not None:
            return PathAnswer(failure=self.failure)
        first, last = self.marks
        hops = (Hop(ttl=1, address=self.router, dscp=first), Hop(ttl=2, address=request.host, dscp=last))
        return PathAnswer(hops=hops, reached=True, dscp=request.dscp)


def look(
    asked: Asked, directory: Path | str, *, at: datetime = AT, phase: Phase = Phase.IDLE, left_s: float = 15, **ways: Way
) -> tuple[Any, Any]:
    settings, limits = LinkSettings(dscp=34), LinkLimits()
    where = Look(phase=phase, state_directory=str(directory), limits_version="v7")
    return paths(ways or {"center": CENTER}, settings, limits, where, at=at, left_s=left_s, ask=asked)


def test_a_path_is_asked_once_and_told_in_every_look(tmp_path: Path) -> None:
    asked = Asked()
    for seconds in (0, 60, 120):
        readings, found = look(asked, tmp_path, at=AT + timedelta(seconds=seconds))
        told = {reading.metric: (reading.value, reading.target, reading.at) for reading in readings}
        assert told == {"link.hops": (2, "center", AT), "link.dscp_arrived": (34, "center", AT)}
        assert found == ()
    assert [(request.host, request.dscp) for request in asked.requests] == [(CENTER.address, 34)]


def test_a_changed_path_is_told_once_the_next_look_saw_it_too_and_stays_told_in_a_live_meeting(tmp_path: Path) -> None:
    asked = Asked()
    look(asked, tmp_path)
    asked.router = "10.0.0.7"
    hour = timedelta(hours=1, seconds=1)
    assert look(asked, tmp_path, at=AT + hour)[1] == ()
    for phase in (Phase.IDLE, Phase.LIVE):
        (found,) = look(asked, tmp_path, at=AT + hour + timedelta(seconds=15), phase=phase)[1]
        assert (found.code, found.since, found.limits_version) == ("link.path_changed", AT + hour, "v7")
        assert sentence(found, "vi") == "Đường tới center khác trước từ chặng 1: trước là 10.0.0.1, nay là 10.0.0.7"
    assert len(asked.requests) == 3


def test_a_lost_mark_is_told_with_its_hop(tmp_path: Path) -> None:
    asked = Asked()
    asked.marks = (34, 0)
    (found,) = look(asked, tmp_path)[1]
    assert sentence(found, "vi") == "Gói tin tới center gửi với DSCP 34, đến chặng 2 (10.9.0.1) còn DSCP 0"
    assert "hop 2 (10.9.0.1) with DSCP 0" in sentence(found, "en")


def test_one_path_in_each_look(tmp_path: Path) -> None:
    asked = Asked()
    for count in range(4):
        look(asked, tmp_path, at=AT + timedelta(seconds=15 * count), center=CENTER, mcu=MCU)
    assert sorted(request.host for request in asked.requests) == [MCU.address, CENTER.address]


@pytest.mark.parametrize("failure", [Failure.PERMISSION, Failure.TIMEOUT, Failure.CRASHED])
def test_a_failure_is_a_missing_figure_and_not_tried_again_before_its_time(tmp_path: Path, failure: Failure) -> None:
    asked = Asked()
    asked.failure = failure
    for seconds in (0, 60):
        readings, found = look(asked, tmp_path, at=AT + timedelta(seconds=seconds))
        assert [(reading.metric, reading.failure) for reading in readings] == [("link.hops", failure)]
        assert found == ()
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    "way",
    [
        Way(address="127.0.0.1", interface="lo"),
        Way(address="127.8.0.1", interface=""),
        Way(address="10.9.0.1", interface="lo"),
        Way(address="fd00::1", interface="eth0"),
        Way(address="", interface=""),
    ],
)
def test_this_machine_and_what_is_not_ipv4_have_no_path(tmp_path: Path, way: Way) -> None:
    asked = Asked()
    assert look(asked, tmp_path, center=way) == ((), ())
    assert asked.requests == []


def test_nothing_is_asked_live_without_a_place_to_remember_without_time_or_of_other_ends(tmp_path: Path) -> None:
    asked = Asked()
    look(asked, tmp_path, phase=Phase.LIVE)
    look(asked, "")
    look(asked, tmp_path / "nowhere")
    look(asked, tmp_path, left_s=4)
    look(asked, tmp_path, gateway=CENTER)
    where = Look(state_directory=str(tmp_path))
    paths({"center": CENTER}, LinkSettings(), LinkLimits(path_enabled=False), where, at=AT, left_s=15, ask=asked)
    assert asked.requests == []


def test_a_child_that_hangs_is_killed_at_its_deadline(tmp_path: Path) -> None:
    program = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(1000)"
    said = ask(PathRequest(host="10.9.0.1"), PathAnswer, [sys.executable, "-c", program], deadline_s=3)
    assert said.failure is Failure.TIMEOUT
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()


@pytest.mark.parametrize(
    "program", ["raise SystemExit('no scapy here')", "print('{')", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_a_child_that_breaks_is_a_failure_with_its_last_words(program: str) -> None:
    said = ask(PathRequest(host="10.9.0.1"), PathAnswer, [sys.executable, "-c", program], deadline_s=30)
    assert said.failure is Failure.CRASHED
    assert said.error


@pytest.mark.parametrize(
    ("asked", "failure"),
    [(b"", Failure.BAD_DATA), (b'{"host": "10.0.0.1", "max_hops": 99}', Failure.BAD_DATA), (b'{"host": "fd00::1"}', Failure.UNSUPPORTED)],
)
def test_a_request_that_cannot_be_met_has_a_named_failure(asked: bytes, failure: Failure) -> None:
    assert answer(asked).failure is failure


def test_whatever_scapy_raises_is_a_failure_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: PathRequest) -> PathAnswer:
        raise RuntimeError("scapy says no")

    monkeypatch.setattr("probes.link.path.trace", broken)
    said = answer(b'{"host": "10.0.0.1"}')
    assert (said.failure, said.error) == (Failure.CRASHED, "RuntimeError: scapy says no")


def test_the_link_probe_imports_no_scapy_nor_does_the_path_until_it_is_asked() -> None:
    program = "import sys, probes.link.probe, probes.link.path; print([name for name in sys.modules if name.startswith('scapy')])"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "[]\n"
