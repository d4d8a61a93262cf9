"""Loudness against the standard's own figures and against ffmpeg."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probes.microphone.loudness import k_weighting

_TABLE_1 = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
_TABLE_2 = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]


def test_the_filter_at_48_khz_is_the_one_that_the_standard_tabulates() -> None:
    assert k_weighting(48_000) == pytest.approx(np.array([_TABLE_1, _TABLE_2]), abs=1e-9)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_997_hz_at_full_scale_in_one_channel_reads_minus_3_01_lufs(hear: Any, sine: Any, figure: Any, rate_hz: int) -> None:
    report = hear(sine(997, 5, 0.0, rate_hz), rate_hz)
    assert figure(report, "loudness_lufs") == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("level_dbfs", [-23.0, -33.0])
def test_ebu_3341_cases_1_and_2_for_one_channel(hear: Any, sine: Any, figure: Any, level_dbfs: float) -> None:
    """The cases play 1 kHz in two channels at −23 and −33 dBFS and want −23 and −33 LUFS; one channel alone has 3.01 LU less."""
    report = hear(sine(1000, 20, level_dbfs, 48_000), 48_000)
    for metric in ("loudness_lufs", "loudness_momentary_lufs", "loudness_short_term_lufs"):
        assert figure(report, metric) == pytest.approx(level_dbfs - 3.01, abs=0.1)


def test_ebu_3341_case_3_the_relative_gate_leaves_quiet_parts_out(hear: Any, sine: Any, figure: Any) -> None:
    parts = [sine(1000, 10, -36), sine(1000, 60, -23), sine(1000, 10, -36)]
    assert figure(hear(np.concatenate(parts)), "loudness_lufs") == pytest.approx(-26.01, abs=0.1)


def test_ebu_3341_case_4_the_absolute_gate_leaves_silence_out(hear: Any, sine: Any, figure: Any) -> None:
    parts = [sine(1000, 10, -72), sine(1000, 10, -36), sine(1000, 60, -23), sine(1000, 10, -36), sine(1000, 10, -72)]
    assert figure(hear(np.concatenate(parts)), "loudness_lufs") == pytest.approx(-26.01, abs=0.1)


def test_silence_has_no_loudness(hear: Any, noise: Any) -> None:
    assert "microphone.loudness_lufs" not in {reading.metric for reading in hear(noise(2, -90)).readings}


def _by_ffmpeg(path: Path) -> float:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-nostats", "-hide_banner", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


def _by_us(path: Path, figure: Any) -> float:
    from probes.interface import Look
    from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
    from probes.microphone.probe import run

    return float(figure(run(MicrophoneSettings(source=str(path)), MicrophoneLimits(), Look()), "loudness_lufs"))


def test_a_voice_made_by_code_has_the_loudness_that_ffmpeg_says(voice: Any, wave_bytes: Any, figure: Any, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(wave_bytes(voice(20, 5, rate_hz=48_000), 48_000))
    assert _by_us(path, figure) == pytest.approx(_by_ffmpeg(path), abs=0.11)


def test_spoken_vietnamese_has_the_loudness_that_ffmpeg_says(spoken: Any, figure: Any) -> None:
    path = spoken("Kính thưa các đồng chí, hôm nay tỉnh họp trực tuyến với các huyện. Xin mời các điểm cầu báo cáo.")
    assert _by_us(path, figure) == pytest.approx(_by_ffmpeg(path), abs=0.11)
