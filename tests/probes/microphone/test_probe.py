"""One look: files of all kinds, devices that are not there, rooms without a microphone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from contract.meetings import Phase
from contract.readings import Failure
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.probe import run
from probes.microphone.source import why_not


def _look(source: str = "", **settings: Any) -> Any:
    return run(MicrophoneSettings(source=source, **settings), MicrophoneLimits(), Look(phase=Phase.PRECHECK))


def _failure(report: Any) -> Any:
    (reading,) = report.readings
    assert reading.metric == "microphone.level_dbfs"
    return reading.failure


@pytest.mark.req("R46")
def test_a_room_without_a_microphone_is_told_apart_from_a_missing_one() -> None:
    assert _failure(_look(fitted=False)) is Failure.NOT_FITTED
    assert _failure(_look(sound_in_codec=True)) is Failure.UNSUPPORTED
    assert _look(fitted=False).findings == _look(sound_in_codec=True).findings == ()


@pytest.mark.parametrize("source", ["no such microphone", "/nowhere/sound.wav"])
def test_a_declared_microphone_that_is_missing_is_a_fault(source: str) -> None:
    report = _look(source)
    assert _failure(report) is Failure.ABSENT
    assert [finding.code for finding in report.findings] == ["microphone.absent"]
    assert report.findings[0].details == {"source": source}


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound at all, only words"])
def test_a_file_without_sound_is_bad_data_and_says_so(tmp_path: Path, caplog: Any, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    report = _look(str(path))
    assert _failure(report) is Failure.BAD_DATA
    assert str(path) in caplog.text


def test_a_file_with_a_header_and_no_samples_says_so(tmp_path: Path, wave_bytes: Any) -> None:
    path = tmp_path / "none.wav"
    path.write_bytes(wave_bytes(np.zeros(0), 8000))
    assert _failure(_look(str(path))) is Failure.BAD_DATA


@pytest.mark.parametrize(("bits", "rate_hz"), [(8, 8_000), (16, 11_025), (24, 44_100), (32, 96_000)])
def test_files_of_any_width_and_rate_are_measured(hear: Any, sine: Any, figure: Any, bits: int, rate_hz: int) -> None:
    report = hear(sine(700, 1, -12, rate_hz), rate_hz, bits=bits)
    assert figure(report, "level_dbfs") == pytest.approx(-12, abs=0.1)
    assert figure(report, "sample_rate_hz") == rate_hz


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_other_formats_are_decoded_by_ffmpeg(tmp_path: Path, wave_bytes: Any, sine: Any, figure: Any, suffix: str) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    wave, other = tmp_path / "sound.wav", tmp_path / f"sound.{suffix}"
    wave.write_bytes(wave_bytes(sine(700, 2, -12, 48_000), 48_000))
    subprocess.run(["ffmpeg", "-v", "error", "-i", wave, other], check=True)
    assert figure(_look(str(other)), "level_dbfs") == pytest.approx(-12, abs=0.3)


def test_other_formats_are_unsupported_without_ffmpeg(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "sound.flac"
    path.write_bytes(b"fLaC" + bytes(100))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert _failure(_look(str(path))) is Failure.UNSUPPORTED


def test_channels_have_numbers_where_there_are_several(hear: Any, sine: Any, figure: Any) -> None:
    report = hear(np.stack([sine(500, 1, -10), sine(500, 1, -30)], axis=1))
    assert figure(report, "level_dbfs", "1") == pytest.approx(-10, abs=0.1)
    assert figure(report, "level_dbfs", "2") == pytest.approx(-30, abs=0.1)


def test_it_runs_in_a_child_as_the_daemon_starts_it(tmp_path: Path, wave_bytes: Any, sine: Any) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(wave_bytes(sine(500, 1, -10), 16_000))
    request = {"probe": "microphone", "settings": {"source": str(path)}, "limits": {}, "look": {}}
    told = subprocess.run([sys.executable, "-m", "probes"], input=msgspec.json.encode(request), check=True, capture_output=True).stdout
    assert b'"microphone.level_dbfs"' in told


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Exception("Error opening InputStream: Device unavailable [PaErrorCode -9985]", -9985), Failure.BUSY),
        (Exception("Unanticipated host error: Device or resource busy", -9999), Failure.BUSY),
        (Exception("Unanticipated host error: Permission denied", -9999), Failure.PERMISSION),
        (Exception("Invalid number of channels [PaErrorCode -9998]", -9998), Failure.UNSUPPORTED),
        (Exception("Invalid sample rate [PaErrorCode -9997]", -9997), Failure.UNSUPPORTED),
        (Exception("Invalid device [PaErrorCode -9996]", -9996), Failure.ABSENT),
    ],
)
def test_each_error_of_portaudio_has_its_failure(error: Exception, failure: Failure) -> None:
    assert why_not(error) is failure
