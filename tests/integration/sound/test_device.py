"""The probe and its watch hear a real (virtual) device through PortAudio: the right level, the right frequency, every gap."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest

from contract.findings import Finding
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.watch_protocol import MODULE, WatchLine, WatchRequest

_RATE = 48_000


def _probe(server: Any, source: str = "roommic", **limits: Any) -> ProbeReport:
    """Run the probe in a child as the daemon does: PortAudio reads its configuration once a process."""
    request = {"probe": "microphone", "settings": {"source": source}, "limits": limits, "look": {"phase": "precheck"}}
    child = subprocess.run(
        [sys.executable, "-m", "probes"],
        input=msgspec.json.encode(request),
        env=server.environment,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return msgspec.json.decode(child.stdout, type=ProbeReport)


def _figures(report: ProbeReport) -> dict[str, float | None]:
    return {reading.metric.removeprefix("microphone."): reading.value for reading in report.readings}


@pytest.mark.req("R26")
def test_a_tone_that_is_played_is_heard_at_its_level_and_frequency(sound_server: Any) -> None:
    t = np.arange(_RATE * 25) / _RATE
    sound_server.play(10 ** (-9 / 20) * np.sin(2 * np.pi * 1000 * t))
    report = _probe(sound_server, look_s=6.0)
    figures = _figures(report)
    assert figures["level_dbfs"] == pytest.approx(-9, abs=0.5)
    assert figures["sample_rate_hz"] > 0  # type: ignore[operator]  # a None would fail here as it should
    (tone,) = [finding for finding in report.findings if finding.code == "microphone.sustained_tone"]
    assert tone.frequency_hz == pytest.approx(1000, abs=1)
    assert tone.since is not None


def test_a_microphone_that_gives_zeros_is_dead(sound_server: Any) -> None:
    report = _probe(sound_server)
    assert [finding.code for finding in report.findings] == ["microphone.dead"]
    assert "roommic" in report.source


def test_a_name_that_portaudio_does_not_know_is_absent(sound_server: Any) -> None:
    report = _probe(sound_server, "the chairman's microphone")
    assert [finding.code for finding in report.findings] == ["microphone.absent"]
    assert [reading.failure for reading in report.readings] == [Failure.ABSENT]


def _watch(server: Any, limits: MicrophoneLimits | None = None) -> Any:
    child = server.start(sys.executable, "-m", MODULE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    request = WatchRequest(settings=MicrophoneSettings(source="roommic"), limits=limits or MicrophoneLimits(), look=Look(phase=Phase.LIVE))
    child.stdin.write(msgspec.json.encode(request) + b"\n")
    child.stdin.flush()
    return child


def _finding(child: Any, kind: str, code: str) -> Finding:
    for line in child.stdout:
        told = msgspec.json.decode(line, type=WatchLine)
        for finding in told.report.findings:
            if told.kind == kind and finding.code == code:
                return finding
    raise AssertionError(f"the watch ended without {kind} of {code}")


@pytest.mark.req("R26")
def test_a_howl_is_told_by_the_watch_while_it_grows(sound_server: Any) -> None:
    child = _watch(sound_server)
    child.stdout.readline()  # it listens
    t = np.arange(_RATE * 8) / _RATE
    growing = 10 ** (np.minimum(-95 + 25 * t, -6) / 20) * np.sin(2 * np.pi * 1600 * t)
    sound_server.play(growing + np.random.default_rng(1).standard_normal(len(t)) * 1e-3)
    found = _finding(child, "onset", "microphone.howling")
    assert found.frequency_hz == pytest.approx(1600, abs=5)
    assert found.early
    assert found.details["growth_db_per_s"] == pytest.approx(25, abs=5)
    child.stdin.close()
    assert child.wait(30) == 0


def test_a_sound_server_that_dies_is_told(sound_server: Any) -> None:
    child = _watch(sound_server)
    child.stdout.readline()
    server = sound_server.children[0]
    server.kill()
    server.wait()
    for line in child.stdout:
        told = msgspec.json.decode(line, type=WatchLine)
        failures = [reading.failure for reading in told.report.readings if reading.failure is not None]
        if failures:
            assert failures[0] in {Failure.ABSENT, Failure.TIMEOUT}
            break
    child.stdin.close()
    assert child.wait(30) == 0


@pytest.mark.req("R47")
def test_a_mute_at_the_sound_server_is_told_from_a_dead_microphone(sound_server: Any) -> None:
    sound_server.control("set-source-mute", "mic.monitor", "1")
    request = {
        "probe": "microphone",
        "settings": {"source": "roommic", "mute_control": "pulse:mic.monitor"},
        "limits": {},
        "look": {"phase": "precheck"},
    }
    command, told = [sys.executable, "-m", "probes"], msgspec.json.encode(request)
    child = subprocess.run(command, input=told, env=sound_server.environment, check=True, capture_output=True, timeout=60)
    report = msgspec.json.decode(child.stdout, type=ProbeReport)
    assert [finding.code for finding in report.findings] == ["microphone.muted"]
    assert _figures(report)["muted"] == 1
