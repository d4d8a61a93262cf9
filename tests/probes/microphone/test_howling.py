"""Howling is told early, at the right frequency and once; nothing else is called howling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

_HOWLS = [(over_db, seed) for seed, over_db in enumerate([1, 2, 3, 5, 2, 3, 5, 3], start=101)]


@pytest.mark.req("R26")
@pytest.mark.parametrize(("over_db", "seed"), _HOWLS)
def test_a_closed_loop_that_howls_is_found_once_before_it_saturates(hear: Any, howl: Any, howls_of: Any, over_db: Any, seed: Any) -> None:
    rendered = howl(over_db, seed)
    found = howls_of(hear(rendered.sound))
    assert len(found) == 1
    assert found[0].detected_at_s > rendered.crossed_s
    assert found[0].detected_at_s < rendered.saturated_s
    assert found[0].started_at_s < found[0].detected_at_s
    assert found[0].details["growth_db_per_s"] >= 6


@pytest.mark.parametrize("seed", [102, 103])
def test_the_frequency_is_within_5_hz_of_the_line_that_grows(hear: Any, howl: Any, howls_of: Any, seed: Any) -> None:
    rendered = howl(3, seed, seconds=14)
    found = howls_of(hear(rendered.sound))[0]
    upto = round(found.detected_at_s * 16_000)
    heard = rendered.sound[upto - 4800 : upto] * np.hanning(4800)
    spectrum = np.abs(np.fft.rfft(heard, 64_000))
    near = np.arange(round(4 * (found.frequency_hz - 40)), round(4 * (found.frequency_hz + 40)))
    assert abs(near[np.argmax(spectrum[near])] / 4 - found.frequency_hz) < 5


def test_a_line_that_grows_out_of_noise_gives_frequency_growth_and_end(hear: Any, noise: Any, howls_of: Any) -> None:
    rate, seconds = 16_000, 8.0
    t = np.arange(int(rate * seconds)) / rate
    level_db = np.where(t < 3, -200, np.where(t < 6.5, np.minimum(-95 + 30 * (t - 3), -20), -200))
    sound = noise(seconds, -55) + 10 ** (level_db / 20) * np.sin(2 * np.pi * 1603.7 * t)
    (found,) = howls_of(hear(sound))
    assert abs(found.frequency_hz - 1603.7) < 1
    assert abs(found.details["growth_db_per_s"] - 30) < 3
    assert abs(found.ended_at_s - 6.5) < 0.15
    assert found.early
    assert found.figure < -25


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000])
def test_a_howl_is_found_at_every_sample_rate(hear: Any, noise: Any, howls_of: Any, rate_hz: Any) -> None:
    t = np.arange(rate_hz * 6) / rate_hz
    growing = 10 ** (np.minimum(-60 + 25 * np.maximum(t - 2, 0), -10) / 20) * (t > 2) * np.sin(2 * np.pi * 2111 * t)
    (found,) = howls_of(hear(noise(6, -50, rate_hz=rate_hz) + growing, rate_hz))
    assert abs(found.frequency_hz - 2111) < 2


def test_each_channel_is_judged_on_its_own(hear: Any, howl: Any, voice: Any, howls_of: Any) -> None:
    rendered = howl(3, 103)
    sound = np.stack([voice(14, 3)[: len(rendered.sound)], rendered.sound, np.zeros(len(rendered.sound))], axis=1)
    report = hear(sound)
    assert [finding.target for finding in howls_of(report)] == ["2"]
    assert [(finding.code, finding.target) for finding in report.findings if finding.code.endswith("dead")] == [("microphone.dead", "3")]


@pytest.mark.parametrize("over_db", [-6, -3])
@pytest.mark.parametrize("seed", [101, 104, 106])
def test_a_stable_loop_does_not_howl(hear: Any, howl: Any, howls_of: Any, over_db: Any, seed: Any) -> None:
    assert howls_of(hear(howl(over_db, seed).sound)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_voice_does_not_howl(hear: Any, voice: Any, codes: Any, seed: Any) -> None:
    assert codes(hear(voice(30, seed))) == []


@pytest.mark.parametrize(
    ("language", "options"), [("vi", []), ("vi", ["-s", "110", "-p", "80"]), ("en", ["-p", "20"]), ("en+f4", ["-s", "220"])]
)
def test_spoken_words_do_not_howl(spoken: Any, tmp_path: Any, howls_of: Any, language: Any, options: Any) -> None:
    from probes.interface import Look
    from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
    from probes.microphone.probe import run

    text = "Kính thưa các đồng chí, hôm nay tỉnh họp trực tuyến với các huyện. One two three four five six seven eight nine ten."
    report = run(MicrophoneSettings(source=str(spoken(text, language, *options))), MicrophoneLimits(), Look())
    assert howls_of(report) == []


def _keys(t: Any) -> Any:
    tones = [(697, 1209), (770, 1336), (852, 1477), (941, 1336)]
    which, within = (t / 0.25).astype(int) % 4, t % 0.25 < 0.12
    low, high = np.array(tones)[which].T
    return within * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)) / 2


_HARMLESS: dict[str, Callable[[Any], Any]] = {
    "keys of a telephone": _keys,
    "ringing tone": lambda t: np.sin(2 * np.pi * 425 * t) * (t % 5 < 1),
    "busy tone": lambda t: np.sin(2 * np.pi * 425 * t) * (t % 0.7 < 0.35),
    "dialling tone": lambda t: np.sin(2 * np.pi * 425 * t),
    "steady 1 kHz": lambda t: np.sin(2 * np.pi * 1000 * t),
    "slow siren": lambda t: np.sin(2 * np.pi * (900 * t - 191 * np.cos(2 * np.pi * 0.25 * t))),
    "fast siren": lambda t: np.sin(2 * np.pi * (900 * t - 16 * np.cos(2 * np.pi * 3 * t))),
    "two-tone horn": lambda t: np.sin(2 * np.pi * np.cumsum(np.where(t % 1.5 < 0.75, 650, 480)) * (t[1] - t[0])),
    "whistling": lambda t: np.clip(np.minimum(t % 4, 4 - t % 4) * 2, 0, 1) * np.sin(2 * np.pi * (1500 * t + 6 * np.sin(2 * np.pi * 2 * t))),
    "mains hum": lambda t: sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 9)) / 3,
    "hum that is switched on": lambda t: (t > 3) * sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 9)) / 3,
    "a struck glass": lambda t: np.exp(-3 * (t % 4)) * np.sin(2 * np.pi * 2340 * t),
    "a note that swells, with overtones": lambda t: (
        np.clip(t % 5 / 4, 0, 1) * sum(np.sin(2 * np.pi * 440 * k * t) / k for k in range(1, 6))
    ),
}


@pytest.mark.parametrize("name", _HARMLESS)
@pytest.mark.parametrize("level_dbfs", [-12, -35])
def test_what_is_no_howl_is_not_called_howling(hear: Any, noise: Any, howls_of: Any, name: Any, level_dbfs: Any) -> None:
    t = np.arange(16_000 * 12) / 16_000
    sound = 10 ** (level_dbfs / 20) * _HARMLESS[name](t) + noise(12, -62)
    assert howls_of(hear(sound)) == []


def test_a_steady_tone_is_told_as_such(hear: Any, sine: Any, noise: Any) -> None:
    (found,) = hear(sine(1000, 6, -20) + noise(6, -70)).findings
    assert found.code == "microphone.sustained_tone"
    assert abs(found.frequency_hz - 1000) < 0.5
    assert abs(found.figure - -20) < 0.3
    assert found.detected_at_s - found.started_at_s == pytest.approx(3.0, abs=0.02)


@pytest.mark.parametrize(("over_db", "seed"), [(2, 105), (5, 104)])
def test_a_file_cut_off_at_the_moment_of_detection_yields_the_same_howl(
    hear: Any, howl: Any, howls_of: Any, over_db: Any, seed: Any
) -> None:
    rendered = howl(over_db, seed)
    (whole,) = howls_of(hear(rendered.sound))
    (cut,) = howls_of(hear(rendered.sound[: round(whole.detected_at_s * 16_000)]))
    same = ("figure", "frequency_hz", "started_at_s", "detected_at_s", "early", "details", "severity")
    assert {name: getattr(cut, name) for name in same} == {name: getattr(whole, name) for name in same}


# No shrinking: one example takes a tenth of a second.
@settings(
    max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    frequency_hz=st.floats(200, 7000),
    growth_db_per_s=st.floats(12, 80),
    begins_s=st.floats(1, 3),
    seed=st.integers(0, 1000),
)
def test_any_growing_line_is_found_and_its_moment_is_honest(
    hear: Any, noise: Any, howls_of: Any, *, frequency_hz: Any, growth_db_per_s: Any, begins_s: Any, seed: Any
) -> None:
    t = np.arange(16_000 * 7) / 16_000
    level_db = np.minimum(-65 + growth_db_per_s * (t - begins_s), -6)
    sound = noise(7, -50, seed) + 10 ** (level_db / 20) * (t > begins_s) * np.sin(2 * np.pi * frequency_hz * t)
    (whole,) = howls_of(hear(sound))
    assert abs(whole.frequency_hz - frequency_hz) < 5
    (cut,) = howls_of(hear(sound[: round(whole.detected_at_s * 16_000)]))
    assert (cut.frequency_hz, cut.detected_at_s, cut.figure) == (whole.frequency_hz, whole.detected_at_s, whole.figure)
    assert howls_of(hear(sound[: round(whole.detected_at_s * 16_000) - 160])) == []
