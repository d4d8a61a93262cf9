"""Loudness against the standard's own figures and against ffmpeg."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probes.microphone.loudness import LoudnessMeter, k_weighting

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


_RECORDED = sorted(Path("/usr/share/sounds/alsa").glob("*.wav"))
"""Real voices and a noise at 48 kHz, which alsa-utils brings."""


def test_there_are_real_recordings() -> None:
    if not _RECORDED:
        pytest.skip("not installed: alsa-utils")
    assert len(_RECORDED) > 5


@pytest.mark.parametrize("path", _RECORDED, ids=lambda path: path.stem)
def test_real_recordings_have_the_loudness_that_ffmpeg_says(figure: Any, path: Path) -> None:
    assert _by_us(path, figure) == pytest.approx(_by_ffmpeg(path), abs=0.1)


def _ebu_3341(case: int, sine: Any) -> Any:
    """Signals of EBU Tech 3341 (2016), table 1, for one channel at 48 kHz; levels of a sine's peak, as there."""

    def tone(seconds: float, level_dbfs: float) -> Any:
        return sine(1000, seconds, level_dbfs, 48_000)

    if case == 3:
        return np.concatenate([tone(10, -36), tone(60, -23), tone(10, -36)])
    if case == 4:
        return np.concatenate([tone(10, -72), tone(10, -36), tone(60, -23), tone(10, -36), tone(10, -72)])
    if case == 5:
        return np.concatenate([tone(20, -26), tone(20.1, -20), tone(20, -26)])
    if case == 9:
        return np.concatenate([tone(seconds, level) for _ in range(5) for seconds, level in ((1.34, -20), (1.66, -30))])
    if case == 12:
        return np.concatenate([tone(seconds, level) for _ in range(25) for seconds, level in ((0.18, -20), (0.22, -30))])
    return tone(20, {1: -23.0, 2: -33.0}[case])


def _by_the_meter(sound: Any, rate_hz: int) -> float | None:
    """The meter alone: these signals are long, and nothing else of the probe is asked."""
    step = rate_hz // 10
    meter = LoudnessMeter(rate_hz, 1, step)
    samples = np.asarray(sound, np.float32)[:, None]
    for start in range(0, len(samples) - step + 1, step):
        meter.push(samples[start : start + step])
    return meter.integrated[0].loudness()


@pytest.mark.parametrize("case", [1, 2, 3, 4, 5, 9, 12])
def test_signals_of_ebu_3341_have_the_loudness_that_ffmpeg_says(sine: Any, wave_bytes: Any, tmp_path: Path, case: int) -> None:
    path, signal = tmp_path / "signal.wav", _ebu_3341(case, sine)
    path.write_bytes(wave_bytes(signal, 48_000, bits=24))
    assert _by_the_meter(signal, 48_000) == pytest.approx(_by_ffmpeg(path), abs=0.1)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_a_noise_with_pauses_has_the_loudness_that_ffmpeg_says_at_other_rates(
    noise: Any, wave_bytes: Any, tmp_path: Path, rate_hz: int
) -> None:
    """Through ffmpeg's resampler to 48 kHz, since its own filter at other rates is not the standard's."""
    sound = np.concatenate([noise(seconds, level, 3, rate_hz) for seconds, level in ((4, -30), (3, -60), (5, -24))])
    path = tmp_path / "noise.wav"
    path.write_bytes(wave_bytes(sound, rate_hz, bits=24))
    assert _by_the_meter(sound, rate_hz) == pytest.approx(_by_ffmpeg(path), abs=0.1)


@pytest.mark.parametrize("case", [3, 4, 5])
def test_the_gates_leave_quiet_parts_and_silence_out_as_ebu_3341_wants(sine: Any, case: int) -> None:
    """−23 LUFS in two channels: 3.01 LU less in one."""
    assert _by_the_meter(_ebu_3341(case, sine), 48_000) == pytest.approx(-26.01, abs=0.1)


def test_ebu_3341_case_9_short_term_loudness_is_that_of_the_standard(hear: Any, sine: Any, figure: Any) -> None:
    """−23 LUFS in two channels from 3 s on: 3.01 LU less in one."""
    assert figure(hear(_ebu_3341(9, sine), 48_000), "loudness_short_term_lufs") == pytest.approx(-26.01, abs=0.1)


def test_ebu_3341_case_12_momentary_loudness_is_that_of_the_standard(hear: Any, sine: Any, figure: Any) -> None:
    assert figure(hear(_ebu_3341(12, sine), 48_000), "loudness_momentary_lufs") == pytest.approx(-26.01, abs=0.1)
