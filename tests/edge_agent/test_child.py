"""One run of a probe: whatever it does, a report comes back and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.messages import ProbeReport
from contract.readings import Failure
from edge_agent import child
from edge_agent.child import run_probe
from probes.camera.limits import CameraLimits, CameraSettings
from probes.host.limits import HostLimits, HostSettings
from probes.interface import Look
from probes.registry import PROBES

QUICK = Look(deadline_s=0.4)
PATIENT = Look(deadline_s=30)


def look_with(monkeypatch: pytest.MonkeyPatch, module: str, look: Look = PATIENT) -> ProbeReport:
    """Run the camera probe with another module in the child."""
    start = child.start_child
    monkeypatch.setattr(child, "start_child", lambda _: start(module))
    return asyncio.run(run_probe("camera", CameraSettings(), CameraLimits(), look))


def codes(report: ProbeReport) -> list[str]:
    return [found.code for found in report.findings]


def come_true(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true while one waits: a kill or an end takes its moment on a loaded machine."""
    patience_ends_s = time.monotonic() + 60
    while not condition() and time.monotonic() < patience_ends_s:
        time.sleep(0.02)
    return condition()


def gone(pid: int) -> bool:
    """Whether a process is dead (or a zombie that nobody waits for)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_report_comes_back_from_the_child(make_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = make_module(
        "fine",
        """
        import json, sys
        request = json.load(sys.stdin)
        assert request["probe"] == "camera" and request["settings"]["fitted"] is True and request["look"]["deadline_s"] == 30
        print(json.dumps({"probe": "camera", "began_at": "2026-03-02T01:00:00Z", "duration_s": 1.5, "source": "fake"}))
        """,
    )
    report = look_with(monkeypatch, module)
    assert (report.source, report.duration_s, report.findings) == ("fake", 1.5, ())


def test_a_hanging_child_is_killed_with_all_that_it_started(make_module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    module = make_module(
        "hangs",
        f"""
        import os, subprocess, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        other = subprocess.Popen(["sleep", "600"])
        open({str(pids)!r} + ".part", "w").write(f"{{os.getpid()}} {{other.pid}}")
        os.rename({str(pids)!r} + ".part", {str(pids)!r})
        time.sleep(600)
        """,
    )
    monkeypatch.setattr(child, "GRACE_S", 0.0)
    look = Look(deadline_s=0.2)
    while not pids.exists():  # a loaded machine may take longer than that to start it at all
        look = msgspec.structs.replace(look, deadline_s=2 * look.deadline_s)
        report = look_with(monkeypatch, module, look)
        monkeypatch.undo()
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
        monkeypatch.setattr(child, "GRACE_S", 0.0)
    assert codes(report) == ["agent.probe_timeout"]
    (timeout,) = report.findings
    assert (timeout.target, timeout.limit, timeout.unit) == ("camera", look.deadline_s, "s")
    assert timeout.figure is not None
    assert {reading.failure for reading in report.readings} <= {Failure.TIMEOUT}
    for pid in pids.read_text().split():
        assert come_true(lambda pid=int(pid): gone(pid))  # type: ignore[misc]


def test_a_child_that_breaks_is_told_with_its_last_words(make_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    report = look_with(monkeypatch, make_module("breaks", "raise ValueError('no such lens')"))
    assert codes(report) == ["agent.probe_crashed"]
    assert "ValueError: no such lens" in str(report.findings[0].details["error"])


def test_a_child_that_is_killed_is_told_by_its_signal(make_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    report = look_with(monkeypatch, make_module("segfaults", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    assert "SIGSEGV" in str(report.findings[0].details["error"])


def test_a_child_without_end_of_output_is_stopped(make_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    report = look_with(monkeypatch, make_module("floods", "while True: print('x' * 65536)"))
    assert codes(report) == ["agent.probe_crashed"]


@pytest.mark.parametrize("output", ["", "not json", '{"probe": 1}'])
def test_what_a_child_says_must_be_a_report(make_module: Any, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    assert codes(look_with(monkeypatch, make_module("babbles", f"print({output!r})"))) == ["agent.probe_crashed"]


@pytest.mark.req("R46")
def test_a_room_without_the_device_is_not_looked_at() -> None:
    report = asyncio.run(run_probe("camera", CameraSettings(fitted=False), CameraLimits(), QUICK))
    assert report.findings == ()
    assert {reading.failure for reading in report.readings} <= {Failure.NOT_FITTED}


class _Light:
    """A light probe made of a function."""

    def __init__(self, run: Any) -> None:
        self.component = PROBES["host"].component
        self.heavy = False
        self._run = run

    def load(self) -> Any:
        return self._run


def test_a_light_probe_that_hangs_is_left_behind_and_not_started_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    release, started = threading.Event(), []

    def hang(*_: Any) -> ProbeReport:
        started.append(1)
        release.wait(60)
        return ProbeReport(probe="host", began_at=datetime.now(UTC), duration_s=0)

    monkeypatch.setitem(PROBES, "host", _Light(hang))
    monkeypatch.setattr(child, "GRACE_S", 0.0)

    async def twice() -> list[str]:
        found = []
        for _ in range(2):
            found += codes(await run_probe("host", HostSettings(), HostLimits(), QUICK))
        return found

    try:
        assert asyncio.run(twice()) == ["agent.probe_timeout", "agent.probe_timeout"]
        assert len(started) == 1
    finally:
        release.set()
        assert come_true(lambda: not child._under_way), "the thread that was left behind would hide the next look"


def test_a_light_probe_that_breaks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(*_: Any) -> ProbeReport:
        raise ZeroDivisionError("no host")

    monkeypatch.setitem(PROBES, "host", _Light(divide))
    report = asyncio.run(run_probe("host", HostSettings(), HostLimits(), Look()))
    assert codes(report) == ["agent.probe_crashed"]
    assert report.findings[0].details["error"] == "ZeroDivisionError: no host"


def test_children_load_one_thread_each_and_find_our_packages() -> None:
    environment = child._environment()
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert str(Path(child.__file__).parents[1]) in environment["PYTHONPATH"].split(os.pathsep)
