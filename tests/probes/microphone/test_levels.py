"""Levels by AES17, clipping and gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.microphone.levels import ClippingCounter, GapCounter, flat_tops


def test_a_full_scale_sine_has_0_dbfs(hear: Any, sine: Any, figure: Any) -> None:
    report = hear(sine(997, 2, 0.0, 48_000), 48_000)
    assert figure(report, "level_dbfs") == pytest.approx(0, abs=0.01)
    assert figure(report, "peak_dbfs") == pytest.approx(0, abs=0.01)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(level_dbfs=st.floats(-90, -10), seed=st.integers(0, 99))
def test_six_decibels_more_gain_are_six_decibels_more_level(hear: Any, noise: Any, figure: Any, level_dbfs: float, seed: int) -> None:
    quiet, loud = hear(noise(1.5, level_dbfs, seed)), hear(2 * noise(1.5, level_dbfs, seed))
    for metric in ("level_dbfs", "peak_dbfs", "noise_floor_dbfs", "loudness_momentary_lufs"):
        tolerance = 0.26 if metric == "noise_floor_dbfs" else 0.02  # counted in steps of 0.25 dB
        assert figure(loud, metric) - figure(quiet, metric) == pytest.approx(6.02, abs=tolerance)


def _clipped_runs(samples: Any, block: int) -> int:
    counter = ClippingCounter(1, 0.9999)
    return sum(int(counter.push(samples[start : start + block])[0]) for start in range(0, len(samples), block))


@given(block=st.integers(1, 40), runs=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 6), st.sampled_from([-1.0, 1.0])), max_size=12))
def test_a_run_counts_once_from_three_samples_on_wherever_blocks_end(block: int, runs: list[tuple[int, int, float]]) -> None:
    parts = [np.concatenate([np.zeros(pause), np.full(length, sign)]) for pause, length, sign in runs]
    samples = np.concatenate([np.zeros(1), *parts, np.zeros(3)])[:, None].astype(np.float32)
    assert _clipped_runs(samples, block) == sum(length >= 3 for _, length, _ in runs)


@pytest.mark.parametrize("block", [480, 4800, 777])
def test_a_lost_buffer_is_a_gap_and_a_pause_is_not(sine: Any, block: int) -> None:
    rate = 48_000
    sound = sine(500, 2, -20, rate)[:, None].astype(np.float32)
    sound[20_088:20_568] = 0  # 10 ms, from crest to crest
    sound[50_000:60_000] = 0  # a pause of 0.2 s
    sound[80_000:80_020] = 0  # too short to be a buffer
    counter = GapCounter(rate, 1)
    assert sum(int(counter.push(sound[start : start + block])[0]) for start in range(0, len(sound), block)) == 1


def test_a_sine_that_was_pushed_over_full_scale_is_told_as_clipping(hear: Any, sine: Any, codes: Any) -> None:
    loud = np.clip(sine(440, 2, 6.0), -1, 1)
    assert "clipping" in codes(hear(loud, bits=16))
    assert "clipping" in codes(hear(loud, bits=8))
    assert "clipping" not in codes(hear(sine(440, 2, -0.1), bits=16))


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_tops_that_were_cut_off_below_full_scale_are_told_as_clipping_with_their_level(hear: Any, voice: Any, bits: int) -> None:
    loud = voice(6, 2, -8)
    cut = 0.4 * np.clip(loud, -0.5, 0.5) / 0.5
    (found,) = [found for found in hear(cut, bits=bits).findings if found.code == "microphone.clipping"]
    assert found.details["top_dbfs"] == pytest.approx(20 * np.log10(0.4), abs=0.1)
    assert not [found for found in hear(0.4 * loud, bits=bits).findings if found.code == "microphone.clipping"]


def test_clipping_before_a_softer_noise_is_still_told(hear: Any, voice: Any, noise: Any, codes: Any) -> None:
    assert "clipping" in codes(hear(0.4 * np.clip(voice(6, 2, -8), -0.5, 0.5) + noise(6, -85)))


@settings(max_examples=40, deadline=None)
@given(
    frequency_hz=st.floats(30, 4000),
    level_dbfs=st.floats(-28, -0.1),
    rate_hz=st.sampled_from([16_000, 48_000]),
    bits=st.sampled_from([8, 16, 24]),
)
def test_a_pure_tone_has_no_flat_tops_however_coarse(frequency_hz: float, level_dbfs: float, rate_hz: int, bits: int) -> None:
    t = np.arange(rate_hz // 10) / rate_hz
    tone = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * frequency_hz * t)
    coarse = np.round(tone * 2 ** (bits - 1)) / 2 ** (bits - 1)
    assert flat_tops(coarse.astype(np.float32)[:, None])[0] == 0


def test_speech_through_a_telephone_codec_is_not_called_clipped(voice: Any) -> None:
    """G.711 keeps 16 steps an octave: its tops are coarse, but not cut."""
    sound = voice(20, 3, -12, 8_000)
    top = np.abs(sound).max()
    octave = np.floor(np.log2(np.maximum(np.abs(sound), 2**-12)))
    coarse = np.round(sound / 2 ** (octave - 4)) * 2 ** (octave - 4)
    runs = sum(int(flat_tops(coarse[start : start + 800].astype(np.float32)[:, None])[0]) for start in range(0, len(coarse), 800))
    assert top > 0.3
    assert runs / 20 < 2  # five a second are told
