"""Every finding's ``detected_at_s`` is honest: a file cut off at that moment yields the same finding, a file cut off before it does not."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.findings import Finding

_SEGMENTS = ("silence", "voice", "loud voice", "quiet voice", "clipped voice", "hum", "noise", "tone", "howl", "offset")
_TICK_S = 0.1


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
    }
    return sounds[kind]


def _of_event(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, ended_at_s=None, since=None)


# No shrinking: one example takes a second.
@settings(
    max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kinds=st.lists(st.sampled_from(_SEGMENTS), min_size=2, max_size=4),
    other=st.sampled_from(("none", "same", *_SEGMENTS)),
    rate_hz=st.sampled_from([8_000, 16_000, 44_100, 48_000]),
    seed=st.integers(0, 1000),
)
def test_a_file_cut_off_where_a_finding_was_detected_yields_the_same_finding(
    hear: Any, kinds: list[str], other: str, rate_hz: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = np.concatenate([_segment(kind, float(rng.uniform(2.5, 6)), rate_hz, rng) for kind in kinds])
    if other != "none":
        beside = sound if other == "same" else np.resize(_segment(other, 5, rate_hz, rng), len(sound))
        sound = np.stack([sound, beside], axis=1)
    for finding in hear(sound, rate_hz, separate_channels=True).findings:
        assert finding.detected_at_s is not None
        upto = round(finding.detected_at_s * rate_hz)
        cut = hear(sound[:upto], rate_hz, separate_channels=True).findings
        assert _of_event(finding) in [_of_event(found) for found in cut]
        before = hear(sound[: upto - round(_TICK_S * rate_hz)], rate_hz, separate_channels=True).findings
        assert _of_event(finding) not in [_of_event(found) for found in before]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("silence", "dead"),
        ("loud voice", "high_level"),
        ("quiet voice", "low_level"),
        ("clipped voice", "clipping"),
        ("hum", "hum"),
        ("noise", "noisy"),
        ("tone", "sustained_tone"),
        ("howl", "howling"),
        ("offset", "dc_offset"),
    ],
)
def test_the_sounds_of_this_file_do_raise_what_they_are_named_for(hear: Any, codes: Any, kind: str, code: str) -> None:
    assert code in codes(hear(_segment(kind, 6, 16_000, np.random.default_rng(1)), 16_000))


def test_a_pause_in_a_file_of_8_bits_is_no_dead_microphone_but_a_file_of_silence_is(hear: Any, codes: Any) -> None:
    rng = np.random.default_rng(1)
    talk = np.concatenate([_segment(kind, 4, 8_000, rng) for kind in ("voice", "silence", "voice")])
    assert "dead" not in codes(hear(talk, 8_000, bits=8))
    assert "dead" in codes(hear(talk, 8_000, bits=16))
    assert "dead" in codes(hear(np.zeros(8_000 * 4), 8_000, bits=8))
