"""The microphone watch's supervisor, with children that behave as a real one may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.findings import State
from contract.messages import Cleared, ComponentState, Heartbeat, Onset
from edge_agent import watches
from edge_agent.judgement import Judgement
from edge_agent.watches import MicrophoneWatch
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings

PRELUDE = """
import json, sys, time
request = json.loads(sys.stdin.readline())
assert request["look"]["phase"] == "idle"
def say(kind, findings=(), level=-40.0):
    at = "2026-03-02T01:00:00Z"
    readings = [{"metric": "microphone.level_dbfs", "unit": "dBFS", "at": at, "value": level}] if kind == "levels" else []
    report = {"probe": "microphone", "began_at": at, "duration_s": 1, "readings": readings, "findings": list(findings)}
    print(json.dumps({"kind": kind, "report": report}), flush=True)
howl = {"code": "microphone.howling", "severity": "warning", "component": "microphone", "frequency_hz": 2500.0,
        "since": "2026-03-02T01:00:00Z", "started_at_s": 10.0, "detected_at_s": 11.0}
"""


class Ear:
    """Journal and teller that remember."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.states: list[ComponentState] = []

    def append(self, _kind: Any, payload: Any, _time: datetime) -> int:
        self.events.append(payload)
        return len(self.events)

    def publish_state(self, component: str, state: ComponentState) -> None:
        assert component in ("microphone", "agent")
        self.states.append(state)

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        raise AssertionError("not the watch's business")


def watch(module: str, tmp_path: Path, until: Callable[[Ear], bool], **options: Any) -> Ear:
    """Run the watch until a condition holds, then stop it."""
    ear = Ear()

    async def body() -> None:
        judgement = Judgement(ear, ear, tmp_path, datetime.now(UTC))
        made = MicrophoneWatch(judgement, lambda: (MicrophoneSettings(), MicrophoneLimits(), Look()), module=module, **options)
        await made.follow(listen=True)
        async with asyncio.timeout(60):
            while not until(ear):  # noqa: ASYNC110 — there is no event for it
                await asyncio.sleep(0.02)
        await made.follow(listen=False)

    asyncio.run(body())
    return ear


def kinds(ear: Ear) -> list[str]:
    return [f"{type(event).__name__} {event.finding.code if isinstance(event, Onset) else event.code}" for event in ear.events]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "BACKOFF_S", 0.01)
    monkeypatch.setattr(watches, "LONGEST_BACKOFF_S", 0.05)


@pytest.mark.req("R26")
def test_a_howl_is_told_at_once_with_frequency_and_ends_when_the_watch_says_so(make_module: Any, tmp_path: Path) -> None:
    module = make_module(
        "howls",
        PRELUDE
        + """
say("levels"); say("onset", [howl]); say("levels", [howl], -6.0); say("cleared", [dict(howl, ended_at_s=14.5)]); say("levels")
time.sleep(600)
""",
    )
    ear = watch(module, tmp_path, lambda ear: len(ear.events) == 2)
    onset, cleared = ear.events
    assert isinstance(onset, Onset)
    assert isinstance(cleared, Cleared)
    assert onset.finding.frequency_hz == 2500.0
    begin = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    assert onset.finding.since == begin
    assert (cleared.began_at, cleared.ended_at) == (begin, begin + timedelta(seconds=4.5))


def test_a_sound_room_is_told_ok_with_its_level(make_module: Any, tmp_path: Path) -> None:
    ear = watch(make_module("fine", PRELUDE + "say('levels')\ntime.sleep(600)\n"), tmp_path, lambda ear: bool(ear.states))
    assert ear.states[-1].verdict.state is State.OK
    assert ear.states[-1].readings[0].value == -40.0
    assert ear.events == []


def test_a_watch_that_falls_silent_is_a_finding_and_is_replaced(make_module: Any, tmp_path: Path) -> None:
    module = make_module(
        "hangs_once",
        PRELUDE
        + f"""
import pathlib
mark = pathlib.Path({str(tmp_path / "mark")!r})
say("levels")
if not mark.exists():
    mark.touch()
    time.sleep(600)
while True:
    say("levels"); time.sleep(0.05)
""",
    )
    ear = watch(module, tmp_path, lambda ear: len(ear.events) == 2, silent_after_s=1.5)
    assert kinds(ear) == ["Onset agent.probe_timeout", "Cleared agent.probe_timeout"]
    assert ear.events[0].finding.target == "microphone"


def test_a_watch_that_breaks_is_told_with_its_last_words_and_tried_again(make_module: Any, tmp_path: Path) -> None:
    module = make_module("breaks", PRELUDE + f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\nraise OSError('no PortAudio')\n")
    starts = tmp_path / "starts"
    ear = watch(module, tmp_path, lambda ear: bool(ear.events) and starts.exists() and len(starts.read_text()) >= 3)
    assert kinds(ear) == ["Onset agent.probe_crashed"]
    assert "no PortAudio" in str(ear.events[0].finding.details["error"])
    assert any(state.verdict.state is State.UNKNOWN for state in ear.states if state.verdict.component == "microphone")


def test_a_line_that_cannot_be_read_replaces_the_child_and_is_told(make_module: Any, tmp_path: Path) -> None:
    ear = watch(make_module("babbles", PRELUDE + "print('{', flush=True)\ntime.sleep(600)\n"), tmp_path, lambda ear: bool(ear.events))
    assert kinds(ear) == ["Onset agent.probe_crashed"]


def test_what_was_open_when_the_watch_stops_is_ended_by_the_rounds(make_module: Any, tmp_path: Path) -> None:
    ear = Ear()

    async def body() -> None:
        judgement = Judgement(ear, ear, tmp_path, datetime.now(UTC))
        module = make_module("howls_on", PRELUDE + "say('onset', [howl])\ntime.sleep(600)\n")
        made = MicrophoneWatch(judgement, lambda: (MicrophoneSettings(), MicrophoneLimits(), Look()), module=module)
        await made.follow(listen=True)
        async with asyncio.timeout(60):
            while not ear.events:  # noqa: ASYNC110 — there is no event for it
                await asyncio.sleep(0.02)
        await made.follow(listen=False)
        assert [found.code for found in judgement.standing()] == ["microphone.howling"]
        for _ in range(2):
            judgement.watched("microphone", "microphone", [], datetime.now(UTC))

    asyncio.run(body())
    assert kinds(ear) == ["Onset microphone.howling", "Cleared microphone.howling"]


def test_orders_in_quick_succession_end_in_the_last_one(make_module: Any, tmp_path: Path) -> None:
    module = make_module("fine", PRELUDE + "say('levels')\ntime.sleep(600)\n")

    async def body() -> list[bool]:
        ear = Ear()
        judgement = Judgement(ear, ear, tmp_path, datetime.now(UTC))
        made = MicrophoneWatch(judgement, lambda: (MicrophoneSettings(), MicrophoneLimits(), Look()), module=module)
        seen = []
        for last in (True, False):
            orders = (made.follow(listen=True), made.restart(), made.follow(listen=not last), made.restart(), made.follow(listen=last))
            await asyncio.gather(*orders)
            seen.append(made.running)
        return seen

    assert asyncio.run(body()) == [True, False]
