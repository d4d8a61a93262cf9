"""Each fault of the catalog is raised by the sound that has it, with figure and limit, and by no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from contract import catalog
from contract.findings import Severity
from contract.meetings import Phase
from contract.readings import Failure
from probes.microphone.judge import ChannelJudge
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.listen import Listener
from probes.microphone.sound import Block


def _hum(seconds: float, level_dbfs: float) -> Any:
    t = np.arange(round(seconds * 16_000)) / 16_000
    return 10 ** (level_dbfs / 20) * sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 6))


def test_a_quiet_empty_room_has_no_fault(hear: Any, noise: Any, codes: Any) -> None:
    assert codes(hear(noise(10, -68))) == []


@pytest.mark.req("R26")
def test_digital_zero_is_a_dead_microphone(hear: Any, codes: Any) -> None:
    report = hear(np.zeros(48_000), phase=Phase.PRECHECK)
    assert codes(report) == ["dead"]
    (found,) = report.findings
    assert (found.severity, found.detected_at_s, found.ended_at_s) == (Severity.CRITICAL, 2.0, 3.0)
    assert "−150 dBFS" in catalog.sentence(found).replace("\u00a0", " ")


@pytest.mark.req("R47")
def test_a_microphone_muted_in_a_live_meeting_is_not_dead_where_muting_is_normal(hear: Any, codes: Any) -> None:
    assert codes(hear(np.zeros(48_000), phase=Phase.LIVE)) == []
    assert codes(hear(np.zeros(48_000), phase=Phase.LIVE, mute_is_normal=False)) == ["dead"]


def test_a_silence_shorter_than_a_second_is_not_dead(hear: Any, noise: Any, codes: Any) -> None:
    assert codes(hear(np.concatenate([noise(1, -60), np.zeros(14_000), noise(1, -60)]))) == []


def test_a_voice_with_pauses_of_digital_zero_comes_from_a_machine_and_not_from_a_dead_microphone(hear: Any, voice: Any, codes: Any) -> None:
    words = voice(3, 2)
    assert codes(hear(np.concatenate([np.zeros(24_000), words, np.zeros(40_000), words, np.zeros(40_000)]))) == []


def test_speech_that_is_too_faint_is_told_and_the_same_at_a_normal_level_is_not(hear: Any, voice: Any, noise: Any, codes: Any) -> None:
    faint = (voice(20, 2) - noise(20, -65, 2)) * 10 ** (-30 / 20) + noise(20, -85)
    assert codes(hear(faint)) == ["low_level"]
    assert codes(hear(voice(20, 2))) == []


def test_speech_that_is_too_loud_is_told(hear: Any, voice: Any, codes: Any) -> None:
    assert "high_level" in codes(hear(voice(20, 2, level_dbfs=-5)))


def test_a_dc_offset_is_told_in_percent_of_full_scale(hear: Any, noise: Any, codes: Any) -> None:
    report = hear(noise(3, -60) - 0.05)
    assert codes(report) == ["dc_offset"]
    assert report.findings[0].figure == pytest.approx(5, abs=0.1)
    assert codes(hear(noise(3, -60) - 0.01)) == []


def test_an_offset_that_wanders_about_its_limit_is_one_finding(hear: Any, noise: Any, codes: Any) -> None:
    wandering = 0.02 + 0.003 * np.sin(2 * np.pi * 0.2 * np.arange(16_000 * 30) / 16_000)
    assert codes(hear(noise(30, -60) + wandering)) == ["dc_offset"]


def test_mains_hum_is_told_with_its_level(hear: Any, noise: Any, codes: Any, figure: Any) -> None:
    report = hear(_hum(6, -40) + noise(6, -65))
    assert codes(report) == ["hum"]
    assert report.findings[0].figure == pytest.approx(-40 + 10 * np.log10(sum(1 / k**2 for k in range(1, 6))), abs=0.3)
    assert figure(report, "hum_harmonics_db") == pytest.approx(10 * np.log10(sum(1 / k**2 for k in range(2, 6))), abs=0.3)


def test_hum_under_speech_is_still_told(hear: Any, voice: Any, codes: Any) -> None:
    assert "hum" in codes(hear(voice(20, 4) + _hum(20, -38)))


def test_a_tone_beside_the_mains_is_no_hum(hear: Any, sine: Any, noise: Any, codes: Any) -> None:
    assert "hum" not in codes(hear(sine(57, 6, -30) + noise(6, -70)))


def test_a_loud_hiss_is_noise_and_a_soft_one_is_not(hear: Any, noise: Any, codes: Any) -> None:
    report = hear(noise(6, -35))
    assert codes(report) == ["noisy"]
    assert report.findings[0].figure == pytest.approx(-35, abs=0.3)
    assert codes(hear(noise(6, -50))) == []


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("slope", [0.0, -0.25, -0.5])
def test_an_even_noise_of_any_colour_is_noise(hear: Any, noise: Any, codes: Any, rate_hz: int, slope: float) -> None:
    white = noise(8, 0, 3, rate_hz)
    frequencies = np.maximum(np.fft.rfftfreq(len(white), 1 / rate_hz), 40)
    sound = np.fft.irfft(np.fft.rfft(white) * frequencies**slope, len(white))
    assert codes(hear(sound / np.sqrt(np.mean(np.square(sound))) * 0.01, rate_hz)) == ["noisy"]


def test_dense_music_is_loud_and_even_but_changes_its_colour_and_is_no_noise(hear: Any, noise: Any, codes: Any) -> None:
    """As loud distorted guitars and drums are: a hiss whose spectrum moves with each beat."""
    hiss = noise(12, -20)
    bright = hiss - np.concatenate([[0.0], hiss[:-1]])
    bright *= np.sqrt(np.mean(hiss**2) / np.mean(bright**2))
    beat = (np.arange(len(hiss)) // 3_200) % 2 == 0
    assert "noisy" not in codes(hear(np.where(beat, hiss, bright)))


def test_three_lost_buffers_in_ten_seconds_are_told(hear: Any, sine: Any, noise: Any, codes: Any) -> None:
    sound = sine(500, 3.5, -20) + noise(3.5, -60)
    for start in (10_024, 20_008, 30_024):  # from crest to crest
        sound[start : start + 160] = 0
    report = hear(sound)
    assert "dropouts" in codes(report)
    assert "dropouts" not in codes(hear(sound[:25_000]))


def test_overflows_of_the_device_are_dropouts(noise: Any) -> None:
    class _Device:
        name, rate_hz, channels, full_scale, live = "mic", 16_000, 1, 0.9999, True

    listener = Listener(_Device(), MicrophoneSettings(), MicrophoneLimits(), Phase.LIVE)
    block = noise(0.1, -60).astype(np.float32)[:, None]
    changes = [change for number in range(40) for change in listener.push(Block(block, int(number % 10 == 5)))]
    assert [(change.kind, change.finding.code, change.finding.figure) for change in changes] == [("onset", "microphone.dropouts", 3)]


def test_numbers_that_are_none_are_heard_as_gaps_not_as_sound(hear: Any, noise: Any, codes: Any, figure: Any) -> None:
    sound = noise(3, -60)
    sound[[9_000, 17_000, 33_000]] = np.nan
    report = hear(sound)
    assert codes(report) == ["dropouts"]
    assert figure(report, "level_dbfs") == pytest.approx(-60, abs=0.3)


def test_one_event_is_one_finding_with_begin_and_end(hear: Any, noise: Any) -> None:
    report = hear(np.concatenate([noise(2, -60), np.zeros(64_000), noise(2, -60), np.zeros(56_000), noise(1, -60)]))
    assert [(f.code, f.started_at_s, f.detected_at_s, f.ended_at_s) for f in report.findings] == [
        ("microphone.dead", 2.0, 5.0, 6.0),
        ("microphone.dead", 8.0, 11.0, 11.5),
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda noise: np.concatenate([noise(2, -60), np.zeros(64_000)]),
        lambda _: np.zeros(48_000),
        lambda noise: np.concatenate([noise(2, -60), noise(5, -30)]),
        lambda noise: np.concatenate([noise(2, -60), noise(4, -60) + _hum(4, -35)]),
        lambda noise: np.concatenate([noise(2, -60), noise(4, -60) + 0.1]),
    ],
)
def test_a_file_cut_off_at_the_moment_of_detection_yields_the_same_finding(hear: Any, noise: Any, make: Any) -> None:
    sound = make(noise)
    whole = hear(sound).findings[0]
    cut = hear(sound[: round(whole.detected_at_s * 16_000)]).findings[0]
    same = ("code", "figure", "limit", "started_at_s", "detected_at_s")
    assert [getattr(cut, name) for name in same] == [getattr(whole, name) for name in same]


def test_the_words_of_every_fault_are_complete(hear: Any, howl: Any, noise: Any) -> None:
    sounds = [howl(3, 103).sound, noise(6, -30), np.zeros(32_000), np.clip(noise(4, 6), -1, 1), _hum(6, -30) + 0.1]
    found = [finding for sound in sounds for finding in hear(sound).findings]
    assert {finding.code for finding in found} >= {
        f"microphone.{name}" for name in ("howling", "noisy", "dead", "clipping", "hum", "dc_offset")
    }
    for finding in found:
        for words in (catalog.sentence(finding), catalog.sentence(finding, "en"), catalog.advice(finding), catalog.advice(finding, "en")):
            assert "[" not in words
            assert words


def test_the_judge_declares_no_fault_that_the_catalog_does_not_know() -> None:
    judge = ChannelJudge(MicrophoneSettings(), MicrophoneLimits(), Phase.IDLE, target="")
    assert {spell.code for spell, _ in judge._conditions} <= set(catalog.FAULTS)


@pytest.mark.parametrize("pitch_hz", [98.0, 100.0, 103.0])
def test_a_bass_voice_is_no_hum(hear: Any, noise: Any, codes: Any, pitch_hz: float) -> None:
    """A bass that dwells on the hum's own frequency, with the drift, the vibrato and the breaths of a voice."""
    t = np.arange(12 * 16_000) / 16_000
    pitch = pitch_hz * 2 ** (0.02 * np.sin(2 * np.pi * 5.1 * t) + 0.03 * np.sin(2 * np.pi * 0.3 * t))
    turns = np.cumsum(pitch) / 16_000
    sung = sum(np.sin(2 * np.pi * order * turns) / order for order in range(1, 8)) * (t % 3 < 2.5)
    assert "hum" not in codes(hear(10 ** (-24 / 20) * sung + noise(12, -65)))


def test_a_voice_is_rated_by_its_active_level_and_pauses_do_not_matter(hear: Any, voice: Any, noise: Any, figure: Any) -> None:
    words = voice(8, 2, -26)
    alone = hear(words)
    paused = hear(np.concatenate([words[: 4 * 16_000], noise(8, -65, 5), words[4 * 16_000 :]]))
    assert figure(paused, "speech_level_dbfs") == pytest.approx(figure(alone, "speech_level_dbfs"), abs=0.5)
    assert figure(alone, "speech_level_dbfs") > figure(alone, "level_dbfs")


def test_where_nobody_spoke_the_speech_is_not_rated_and_no_fault_either(hear: Any, noise: Any) -> None:
    report = hear(noise(5, -68))
    failures = {reading.metric: reading.failure for reading in report.readings if reading.failure is not None}
    assert failures == {"microphone.speech_level_dbfs": Failure.NOT_HEARD, "microphone.snr_db": Failure.NOT_HEARD}
    assert report.findings == ()


def test_channels_are_rated_each_on_its_own(hear: Any, voice: Any, noise: Any, figure: Any) -> None:
    sound = np.stack([voice(6, 2, -20), voice(6, 3, -32), noise(6, -66, 4)], axis=1)
    report = hear(sound)
    assert figure(report, "speech_level_dbfs", "1") - figure(report, "speech_level_dbfs", "2") == pytest.approx(12, abs=2.5)
    assert [(r.target, r.failure) for r in report.readings if r.failure is not None and r.metric.endswith("snr_db")] == [
        ("3", Failure.NOT_HEARD)
    ]
