"""Every finding's ``detected_at_s`` is honest: a file cut off at that moment yields the same finding, a file cut off before it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.findings import Finding
from contract.messages import ProbeReport

_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000)
"""Of 11025 and 22050 Hz no 10 ms are whole samples, and no tick ends on a whole millisecond."""
_CODE_OF = {
    "silence": "dead",
    "loud voice": "high_level",
    "quiet voice": "low_level",
    "clipped voice": "clipping",
    "hum": "hum",
    "noise": "noisy",
    "tone": "sustained_tone",
    "howl": "howling",
    "offset": "dc_offset",
    "torn": "dropouts",
    "no numbers": "dropouts",
}
_SEGMENTS = ("voice", *_CODE_OF)


def _segment(kind: str, seconds: float, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    hiss = 10 ** (-72 / 20) * rng.standard_normal(len(t))
    syllables = np.clip(np.sin(2 * np.pi * 3.3 * t), 0, 1) ** 2
    voice = syllables * sum(np.sin(2 * np.pi * 141 * order * t + order) / order for order in range(1, 20)) / 3
    sounds = {
        "silence": 0 * t,
        "voice": 0.1 * voice + hiss,
        "loud voice": 0.95 * np.tanh(4 * voice) + hiss,
        "quiet voice": 0.003 * voice + hiss / 30,
        "clipped voice": np.clip(3 * voice, -1, 1),
        "hum": 0.02 * np.sin(2 * np.pi * 50 * t) + 0.01 * np.sin(2 * np.pi * 150 * t) + hiss,
        "noise": 0.05 * rng.standard_normal(len(t)),
        "tone": 0.1 * np.sin(2 * np.pi * rng.uniform(300, 3000) * t) + hiss,
        "howl": 10 ** (np.minimum(-65 + rng.uniform(15, 60) * t, -10) / 20) * np.sin(2 * np.pi * rng.uniform(300, 3000) * t) + hiss,
        "offset": 0.1 + hiss,
        "torn": np.where(t % 0.5 < 0.01, 0, 0.3 * np.sin(2 * np.pi * 180 * t + 1)) + 0 * t,
        "no numbers": np.where(t % 1 > 0.999, np.nan, hiss),
    }
    return sounds[kind]


def _detected(report: ProbeReport) -> list[Finding]:
    """The findings as they were at their moment, when nobody knew yet how long they would last."""
    return [msgspec.structs.replace(finding, ended_at_s=None) for finding in report.findings]


def _assert_honest(hear: Any, sound: NDArray[np.float64], rate_hz: int, **settings: Any) -> list[str]:
    """Cut the sound where each finding was detected, and 10 ms before; the codes that were found."""
    found = _detected(hear(sound, rate_hz, **settings))
    for finding in found:
        assert finding.detected_at_s is not None
        frames = round(finding.detected_at_s * rate_hz)
        assert finding in _detected(hear(sound[:frames], rate_hz, **settings))
        sooner = _detected(hear(sound[: frames - rate_hz // 100], rate_hz, **settings))
        assert finding not in sooner
        assert (*finding.key, finding.detected_at_s) not in [(*other.key, other.detected_at_s) for other in sooner]
    return [finding.code.removeprefix("microphone.") for finding in found]


# No shrinking: one example takes a second.
@settings(
    max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kinds=st.lists(st.sampled_from(_SEGMENTS), min_size=2, max_size=3),
    other=st.sampled_from(("none", "same", *_SEGMENTS)),
    rate_hz=st.sampled_from(_RATES_HZ),
    bits=st.sampled_from([8, 16, 32]),
    seed=st.integers(0, 1000),
)
def test_a_file_cut_off_where_a_finding_was_detected_yields_the_same_finding(
    hear: Any, kinds: list[str], other: str, rate_hz: int, bits: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = np.concatenate([_segment(kind, float(rng.uniform(2.5, 5)), rate_hz, rng) for kind in kinds])
    if other != "none":
        beside = sound if other == "same" else np.resize(_segment(other, 5, rate_hz, rng), len(sound))
        sound = np.stack([sound, beside], axis=1)
    _assert_honest(hear, sound if bits == 32 else np.nan_to_num(sound), rate_hz, bits=bits, separate_channels=True)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025])
@pytest.mark.parametrize(("kind", "code"), _CODE_OF.items())
def test_each_fault_of_a_sound_is_raised_and_its_moment_is_honest(hear: Any, kind: str, code: str, rate_hz: int) -> None:
    assert code in _assert_honest(hear, _segment(kind, 6, rate_hz, np.random.default_rng(1)), rate_hz)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025])
def test_the_moment_at_which_two_channels_are_one_is_honest(hear: Any, rate_hz: int) -> None:
    words = _segment("voice", 6, rate_hz, np.random.default_rng(1))
    assert "channels_identical" in _assert_honest(hear, np.stack([words, words], axis=1), rate_hz, separate_channels=True)


def _in_8_bits(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.round(sound * 128) / 128)


def _by_a_law(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-T G.711: 16 steps an octave down to 1/64, even steps below, and no zero among them."""
    step = 2.0 ** np.maximum(np.floor(np.log2(np.maximum(np.abs(sound), 1e-9))) - 4, -11)
    return np.asarray((np.floor(sound / step) + 0.5) * step)


@pytest.mark.parametrize("coarsely", [_in_8_bits, _by_a_law])
def test_a_pause_in_samples_too_coarse_for_noise_is_no_dead_microphone_but_silence_from_the_start_is(
    hear: Any, codes: Any, coarsely: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    """However the file is laid out: a telephone's recording may come as 16 bits."""
    rng = np.random.default_rng(1)
    talk = np.concatenate([_segment(kind, 4, 8_000, rng) for kind in ("voice", "silence", "voice")])
    assert "dead" in codes(hear(talk, 8_000, bits=16))
    for bits in (16, 32):
        assert "dead" not in codes(hear(coarsely(talk), 8_000, bits=bits))
        assert "dead" in codes(hear(coarsely(np.zeros(8_000 * 4)), 8_000, bits=bits))
        assert "dead" in codes(hear(coarsely(talk[8_000 * 4 :]), 8_000, bits=bits))


def test_a_pause_in_a_file_of_8_bits_is_no_dead_microphone_but_a_file_of_silence_is(hear: Any, codes: Any) -> None:
    rng = np.random.default_rng(1)
    talk = np.concatenate([_segment(kind, 4, 8_000, rng) for kind in ("voice", "silence", "voice")])
    assert "dead" not in codes(hear(talk, 8_000, bits=8))
    assert "dead" in codes(hear(np.zeros(8_000 * 4), 8_000, bits=8))
