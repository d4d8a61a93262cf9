"""The watch as the daemon runs it: a real child, told by a line, answering in lines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from contract.meetings import Phase
from contract.readings import Failure
from probes.interface import Look
from probes.microphone.limits import MicrophoneSettings
from probes.microphone.watch_protocol import MODULE, WatchLine, WatchRequest


@contextmanager
def _watching(**settings: Any) -> Iterator[tuple[Any, Iterator[WatchLine]]]:
    child = subprocess.Popen([sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdin is not None
    assert child.stdout is not None
    request = WatchRequest(settings=MicrophoneSettings(**settings), look=Look(phase=Phase.LIVE, limits_version="7"))
    child.stdin.write(msgspec.json.encode(request) + b"\n")
    child.stdin.flush()
    try:
        yield child, (msgspec.json.decode(line, type=WatchLine) for line in child.stdout)
    finally:
        child.stdin.close()
        try:
            child.wait(30)
        finally:
            child.kill()
            child.stdout.close()


def _until(lines: Iterator[WatchLine], kind: str, code: str) -> WatchLine:
    for line in lines:
        if line.kind == kind and any(finding.code == code for finding in line.report.findings):
            return line
    raise AssertionError(f"the watch ended without {kind} of {code}")


def test_a_howl_is_told_when_it_begins_and_when_it_ends(tmp_path: Path, wave_bytes: Any, noise: Any) -> None:
    t = np.arange(16_000 * 5) / 16_000
    growing = 10 ** (np.minimum(-90 + 40 * t, -10) / 20) * (t < 3) * np.sin(2 * np.pi * 1600 * t)
    path = tmp_path / "howl.wav"
    path.write_bytes(wave_bytes(noise(5, -50) + growing, 16_000))
    with _watching(source=str(path)) as (child, lines):
        onset = _until(lines, "onset", "microphone.howling").report.findings[0]
        assert onset.frequency_hz == pytest.approx(1600, abs=2)
        assert onset.ended_at_s is None
        assert onset.limits_version == "7"
        assert onset.since is not None
        assert timedelta(0) < datetime.now(UTC) - onset.since < timedelta(minutes=1)
        levels = _until(lines, "levels", "microphone.howling")
        assert levels.report.findings == (onset,)
        assert {reading.metric for reading in levels.report.readings} >= {"microphone.level_dbfs", "microphone.loudness_momentary_lufs"}
        cleared = _until(lines, "cleared", "microphone.howling").report.findings[0]
        assert cleared.ended_at_s == pytest.approx(3.0, abs=0.2)
        assert msgspec.structs.replace(cleared, ended_at_s=None) == onset
    assert child.returncode == 0


def test_a_file_is_played_again_and_again(tmp_path: Path, wave_bytes: Any, noise: Any) -> None:
    path = tmp_path / "short.wav"
    path.write_bytes(wave_bytes(noise(0.7, -60), 16_000))
    with _watching(source=str(path)) as (_, lines):
        for _ in range(3):
            line = next(lines)
            assert line.kind == "levels"
            assert line.report.findings == ()


@pytest.mark.req("R46")
@pytest.mark.parametrize(
    ("settings", "failure"), [({"fitted": False}, Failure.NOT_FITTED), ({"sound_in_codec": True}, Failure.UNSUPPORTED)]
)
def test_a_room_that_cannot_be_heard_says_so_and_lives(settings: Any, failure: Failure) -> None:
    with _watching(**settings) as (child, lines):
        for _ in range(2):
            line = next(lines)
            assert [reading.failure for reading in line.report.readings] == [failure]
        assert child.poll() is None


def test_a_source_that_comes_late_is_told_missing_and_then_heard(tmp_path: Path, wave_bytes: Any, noise: Any) -> None:
    path = tmp_path / "late.wav"
    with _watching(source=str(path)) as (_, lines):
        first = next(lines)
        assert (first.kind, first.report.findings[0].code) == ("onset", "microphone.absent")
        whole = tmp_path / "whole"
        whole.write_bytes(wave_bytes(noise(2, -60), 16_000))
        whole.rename(path)
        cleared = _until(lines, "cleared", "microphone.absent")
        assert cleared.report.findings[0].since == first.report.findings[0].since
        assert any(reading.value is not None for reading in next(lines).report.readings)


def test_it_ends_when_the_daemon_closes_the_pipe(tmp_path: Path, wave_bytes: Any, noise: Any) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(wave_bytes(noise(1, -60), 16_000))
    with _watching(source=str(path)) as (child, lines):
        next(lines)
        child.stdin.close()
        assert child.wait(30) == 0


def test_the_daemon_can_read_the_protocol_without_numpy() -> None:
    program = (
        "import sys, probes.microphone.watch_protocol, probes.registry; sys.exit('numpy' in sys.modules or 'sounddevice' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
