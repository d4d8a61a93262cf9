"""P.56 method B: against the standard's own steps written out sample by sample, and against signals whose activity is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.microphone.active_speech_level import NOTHING, Activity, ActivityMeter, active_level


def _ours(sound: Any, rate_hz: int = 16_000, block: int = 1600) -> tuple[float, float]:
    meter, total = ActivityMeter(rate_hz, 1), NOTHING
    samples = np.asarray(sound, np.float32)[:, None]
    for start in range(0, len(samples), block):
        total += meter.push(samples[start : start + block])[0]
    return active_level(total)


def _by_the_standard(sound: Any, rate_hz: int = 16_000) -> tuple[float, float]:
    """P.56 (12/2011) clause 6.2 (method B) step by step, as ITU-T G.191's sv56 does it; AES17 instead of dBov."""
    g = float(np.exp(-1 / (rate_hz * 0.03)))
    hangover = round(0.2 * rate_hz)
    thresholds = [2.0 ** (j - 15) for j in range(15)]
    counts, idle = [0] * 15, [hangover] * 15
    p = q = 0.0
    for x in np.asarray(sound, float).tolist():
        p = g * p + (1 - g) * abs(x)
        q = g * q + (1 - g) * p
        for j, c in enumerate(thresholds):
            if q >= c:
                counts[j], idle[j] = counts[j] + 1, 0
            elif idle[j] < hangover:
                counts[j], idle[j] = counts[j] + 1, idle[j] + 1
            else:
                break
    energy = float(np.sum(np.square(np.asarray(sound, float))))
    before: tuple[float, float] | None = None
    for j, c in enumerate(thresholds):
        if counts[j] == 0:
            break
        a, d = 10 * np.log10(energy / counts[j]), 20 * np.log10(c)
        over = a - d - 15.9
        if over <= 0:
            if before is not None:
                share = before[1] / (before[1] - over)
                a = before[0] + share * (a - before[0])
            break
        before = (a, over)
    return a + 3.01, 10 ** ((10 * np.log10(energy / len(sound)) - a) / 10)


@pytest.mark.req("R26", "R27")
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_it_is_the_standards_level_of_a_voice(voice: Any, seed: int) -> None:
    sound = voice(8, seed, -26)
    level, activity = _ours(sound)
    assert level == pytest.approx(_by_the_standard(sound)[0], abs=0.1)
    assert activity == pytest.approx(_by_the_standard(sound)[1], abs=0.02)


def test_it_is_the_standards_level_of_spoken_vietnamese(spoken: Any) -> None:
    from probes.microphone.sound_file import SoundFile

    source = SoundFile(str(spoken("Kính thưa các đồng chí, xin mời các điểm cầu báo cáo tình hình.")))
    sound = np.concatenate([block.samples for block in source.blocks()])[:, 0]
    level, activity = _ours(sound, source.rate_hz, 2205)
    expected = _by_the_standard(sound, source.rate_hz)
    assert level == pytest.approx(expected[0], abs=0.1)
    assert activity == pytest.approx(expected[1], abs=0.02)


def test_a_sound_without_pauses_has_its_rms_level_and_is_active_throughout(noise: Any) -> None:
    level, activity = _ours(noise(10, -26))
    assert level == pytest.approx(-26, abs=0.1)
    assert activity == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("on_s", [0.5, 1.0, 2.0])
def test_pauses_do_not_lower_the_level_but_for_the_hangover(noise: Any, on_s: float) -> None:
    """Bursts and pauses of one length: the RMS falls by 3 dB, the active level by what hangover and envelope add to its time."""
    sound = noise(20, -20) * (np.arange(20 * 16_000) / 16_000 % (2 * on_s) < on_s)
    level, activity = _ours(sound)
    hangover_s = activity * 2 * on_s - on_s
    assert 0.2 <= hangover_s <= 0.35
    assert level == pytest.approx(-20 - 10 * np.log10((on_s + hangover_s) / on_s), abs=0.05)


def test_a_soft_room_behind_the_words_does_not_count_as_speech(voice: Any, noise: Any) -> None:
    words = voice(10, 2, -26) - noise(10, -65, 2)
    still, noisy = _ours(words)[0], _ours(words + noise(10, -60, 9))[0]
    assert noisy == pytest.approx(still, abs=0.2)


def test_silence_has_no_active_level() -> None:
    assert _ours(np.zeros(16_000)) == (-150.0, 0.0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(louder_db=st.floats(-20, 6), block=st.sampled_from([160, 777, 1600, 4000]))
def test_what_is_louder_by_some_decibels_is_rated_louder_by_as_many(voice: Any, louder_db: float, block: int) -> None:
    sound = voice(3, 5, -30)
    assert _ours(sound * 10 ** (louder_db / 20), block=block)[0] - _ours(sound)[0] == pytest.approx(louder_db, abs=0.35)


def test_parts_add_up_to_the_whole(voice: Any) -> None:
    sound = np.asarray(voice(4, 3), np.float32)[:, None]
    whole, parts = ActivityMeter(16_000, 1), ActivityMeter(16_000, 1)
    (once,) = whole.push(sound)
    added: Activity = sum((parts.push(sound[start : start + 1000])[0] for start in range(0, len(sound), 1000)), NOTHING)
    assert added.energy == pytest.approx(once.energy)
    assert added.active_s == pytest.approx(once.active_s)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_the_rate_makes_no_difference(voice: Any, rate_hz: int) -> None:
    sound = voice(5, 3, -26, rate_hz)
    assert _ours(sound, rate_hz, rate_hz // 10)[0] == pytest.approx(_by_the_standard(sound, rate_hz)[0], abs=0.1)


def test_two_channels_are_followed_apart(voice: Any) -> None:
    sound = np.stack([voice(4, 3), 0.1 * voice(4, 4)], axis=1).astype(np.float32)
    both = ActivityMeter(16_000, 2).push(sound)
    for channel in range(2):
        alone = ActivityMeter(16_000, 1).push(sound[:, channel : channel + 1])[0]
        assert active_level(both[channel]) == pytest.approx(active_level(alone))
