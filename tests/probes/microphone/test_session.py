"""A session against the approved one (R27), and channels against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import catalog
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from probes.interface import Look
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.probe import run
from probes.microphone.reference import (
    FAIR,
    GOOD,
    POOR,
    REFERENCE_FILE,
    AudioReference,
    ChannelFigures,
    deviation_of,
    figures_of,
    load_reference,
    swapped_pairs,
)

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LIMITS = MicrophoneLimits()


@pytest.fixture
def look_at(tmp_path: Path, wave_bytes: Any) -> Any:
    """Run the probe on a sound, with the approved reference of the folder."""

    def look(sound: Any, **settings: Any) -> ProbeReport:
        path = tmp_path / "sound.wav"
        path.write_bytes(wave_bytes(sound, 16_000, bits=32, floating=True))
        what = MicrophoneSettings(source=str(path), **settings)
        return run(what, LIMITS, Look(phase=Phase.REHEARSAL, state_directory=str(tmp_path)))

    return look


@pytest.fixture
def approve(tmp_path: Path) -> Any:
    """Let a report's figures be the approved ones."""

    def keep(report: ProbeReport) -> None:
        reference = AudioReference(version="1", recorded_at=T0, channels=figures_of(report.readings))
        (tmp_path / REFERENCE_FILE).write_bytes(msgspec.json.encode(reference))

    return keep


def _drift(report: ProbeReport) -> list[Any]:
    return [found for found in report.findings if found.code == "microphone.level_drift"]


@pytest.mark.req("R49")
def test_nothing_drifts_before_anything_is_approved(look_at: Any, voice: Any) -> None:
    report = look_at(voice(8, 2, -26))
    assert _drift(report) == []
    assert not [reading for reading in report.readings if "deviation" in reading.metric or "grade" in reading.metric]


@pytest.mark.req("R27")
def test_the_same_room_is_graded_good_and_a_softer_voice_is_told_in_decibels(look_at: Any, approve: Any, voice: Any, figure: Any) -> None:
    words = voice(25, 2, -26)
    approve(look_at(words))
    same = look_at(words)
    assert _drift(same) == []
    assert figure(same, "session_grade") == GOOD
    assert figure(same, "level_deviation_db") == pytest.approx(0, abs=0.05)
    softer = look_at(words * 10 ** (-9 / 20))
    (found,) = _drift(softer)
    assert (found.figure, found.limit) == (pytest.approx(-9, abs=1), 6.0)
    assert figure(softer, "session_grade") == POOR
    assert "−9" in catalog.sentence(found)
    assert "[" not in catalog.sentence(found) + catalog.advice(found)


def test_more_noise_and_more_hum_are_each_a_drift_and_less_is_none(look_at: Any, approve: Any, noise: Any) -> None:
    t = np.arange(6 * 16_000) / 16_000
    hum = np.sin(2 * np.pi * 50 * t) + 0.5 * np.sin(2 * np.pi * 100 * t)
    quiet = noise(6, -66)
    approve(look_at(quiet))
    assert _drift(look_at(noise(6, -52)))[0].figure == pytest.approx(14, abs=0.5)
    assert _drift(look_at(noise(6, -80))) == []
    (hummed,) = _drift(look_at(quiet + 10 ** (-58 / 20) * hum))
    assert hummed.details["hum_db"] == pytest.approx(13, abs=1)


def test_where_nobody_spoke_there_is_no_grade_of_speech(look_at: Any, approve: Any, voice: Any, noise: Any) -> None:
    approve(look_at(voice(6, 2, -26)))  # too short for a noise floor under speech
    report = look_at(noise(6, -66))
    names = {reading.metric.removeprefix("microphone."): reading for reading in report.readings}
    assert "level_deviation_db" not in names
    assert names["snr_db"].failure is Failure.NOT_HEARD


@given(level=st.floats(-20, 20), noise_db=st.floats(-30, 30), worse=st.floats(0, 10))
def test_a_session_further_off_is_never_graded_better(level: float, noise_db: float, worse: float) -> None:
    def grade(level_db: float, more_noise_db: float) -> int:
        reference = ChannelFigures(speech_level_dbfs=-26, noise_floor_dbfs=-60)
        session = ChannelFigures(speech_level_dbfs=-26 + level_db, noise_floor_dbfs=-60 + more_noise_db)
        told = deviation_of(session, reference).grade(LIMITS)
        assert told is not None
        return told

    assert grade(level + np.copysign(worse, level), noise_db + worse) <= grade(level, noise_db)


@pytest.mark.parametrize(("level_db", "grade"), [(0, GOOD), (2.9, GOOD), (-3.1, FAIR), (5.9, FAIR), (-6.1, POOR)])
def test_the_grades_have_their_bands(level_db: float, grade: int) -> None:
    there = deviation_of(ChannelFigures(speech_level_dbfs=-26 + level_db), ChannelFigures(speech_level_dbfs=-26))
    assert there.grade(LIMITS) == grade
    assert catalog.told("microphone.session_grade", grade, "") == {GOOD: "tốt", FAIR: "đạt", POOR: "không đạt"}[grade]


def test_two_microphones_that_changed_places_are_told_as_such_and_not_as_drifted(look_at: Any, approve: Any, voice: Any) -> None:
    near, far = voice(14, 2, -20), voice(14, 3, -36)
    approve(look_at(np.stack([near, far], axis=1)))
    assert [found.code for found in look_at(np.stack([near, far], axis=1)).findings] == []
    report = look_at(np.stack([far, near], axis=1))
    assert [(found.code, found.target) for found in report.findings] == [("microphone.channels_swapped", "1, 2")]


def test_two_channels_that_are_merely_both_softer_are_not_swapped() -> None:
    reference = AudioReference(
        version="1",
        recorded_at=T0,
        channels=(ChannelFigures(target="1", speech_level_dbfs=-20), ChannelFigures(target="2", speech_level_dbfs=-36)),
    )
    softer = {"1": ChannelFigures(target="1", speech_level_dbfs=-30), "2": ChannelFigures(target="2", speech_level_dbfs=-46)}
    assert swapped_pairs(softer, reference, LIMITS) == []


def test_one_microphone_on_two_inputs_is_told_where_the_room_says_that_they_are_two(look_at: Any, voice: Any, noise: Any) -> None:
    words = voice(6, 2, -26)
    doubled = np.stack([words, 0.5 * words, voice(6, 3, -26)], axis=1) + np.stack([noise(6, -90, seed) for seed in (1, 2, 3)], axis=1)
    (found,) = look_at(doubled, separate_channels=True).findings
    assert (found.code, found.target) == ("microphone.channels_identical", "1, 2")
    assert look_at(doubled).findings == ()


def test_two_microphones_that_hear_the_same_voice_are_not_one(look_at: Any, voice: Any, noise: Any) -> None:
    words = voice(8, 2, -26)
    # The second stands 40 cm further away and hears the room besides.
    other = 0.8 * np.concatenate([np.zeros(19), words[:-19]]) + 0.2 * np.concatenate([np.zeros(300), words[:-300]]) + noise(8, -60, 7)
    assert look_at(np.stack([words, other], axis=1), separate_channels=True).findings == ()


@pytest.mark.parametrize("kind", ["drift", "identical"])
def test_a_file_cut_off_at_the_moment_of_detection_yields_the_same_finding(
    look_at: Any, approve: Any, voice: Any, noise: Any, kind: str
) -> None:
    if kind == "drift":
        approve(look_at(noise(6, -66)))
        sound = noise(7, -52)
    else:
        sound = np.stack([voice(7, 2, -26)] * 2, axis=1)
    whole = look_at(sound, separate_channels=True).findings[0]
    cut = look_at(sound[: round(whole.detected_at_s * 16_000)], separate_channels=True).findings[0]
    same = ("code", "target", "figure", "limit", "started_at_s", "detected_at_s")
    assert [getattr(cut, name) for name in same] == [getattr(whole, name) for name in same]


def test_a_reference_that_cannot_be_read_is_told_and_compares_nothing(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / REFERENCE_FILE).write_bytes(b"{")
    assert load_reference(str(tmp_path)) is None
    assert REFERENCE_FILE in caplog.text
    assert load_reference("") is None
