"""Frames that are missing are counted; frames that are late, or a camera that is slower for a while, are not missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probes.camera.timing import FrameTimes


def times_of(stamps: list[float]) -> FrameTimes:
    times = FrameTimes()
    for at_s in stamps:
        times.push(at_s, at_s)
    return times


@given(rate_hz=st.sampled_from([12.0, 15.0, 25.0, 29.97, 30.0, 60.0]), share=st.floats(0.1, 0.4), seed=st.integers(0, 50))
def test_the_share_of_lost_frames_is_the_one_that_was_lost(rate_hz: float, share: float, seed: int) -> None:
    kept = np.random.default_rng(seed).random(round(4 * rate_hz)) >= share
    stamps = np.flatnonzero(kept) / rate_hz
    recent = np.arange(len(kept))[np.arange(len(kept)) / rate_hz >= stamps[-1] - 3.0]
    lost = 1 - kept[recent[recent <= stamps[-1] * rate_hz + 0.5]].mean()
    assume(lost < 0.42)  # where half is lost, the frames that are left look like a camera of half the rate
    told = times_of(list(stamps)).lost_ratio
    assert told is not None
    assert told == pytest.approx(lost, abs=0.09) or (told == 0 and lost * len(recent) < 4)


@pytest.mark.parametrize("share", [0.33, 0.5, 0.67])
def test_a_camera_whose_rate_halves_for_a_part_of_the_time_loses_nothing(share: float) -> None:
    slow = round(90 * share)
    stamps = list(np.cumsum([1 / 30] * (90 - slow) + [1 / 15] * slow))
    assert (times_of(stamps).lost_ratio or 0) < 0.03


@given(rate_hz=st.sampled_from([10.0, 15.0, 25.0, 30.0]), jitter=st.floats(0, 0.3), seed=st.integers(0, 50))
def test_frames_that_come_unevenly_are_not_lost(rate_hz: float, jitter: float, seed: int) -> None:
    numbers = np.arange(round(4 * rate_hz))
    stamps = np.sort((numbers + np.random.default_rng(seed).uniform(-jitter, jitter, len(numbers))) / rate_hz)
    assert times_of(list(stamps)).lost_ratio == 0


def test_a_camera_that_is_slower_in_dusk_loses_nothing() -> None:
    stamps = list(np.cumsum([1 / 30] * 60 + [1 / 15] * 30))
    assert times_of(stamps).lost_ratio == 0


def test_frames_that_wait_and_then_come_in_a_bunch_were_late() -> None:
    stamps: list[float] = []
    for second in range(4):
        regular = [second + number / 30 for number in range(30)]
        regular[10:14] = [second + 14 / 30 - 0.004 + 0.001 * number for number in range(4)]
        stamps += regular
    assert times_of(stamps).lost_ratio == 0


def test_one_interruption_is_not_frames_lost_here_and_there() -> None:
    stamps = [number / 30 for number in range(60)] + [3.2 + number / 30 for number in range(20)]
    assert times_of(stamps).lost_ratio == 0


def test_too_few_frames_tell_nothing() -> None:
    assert times_of([0.0, 0.1, 0.3]).lost_ratio is None
    assert times_of([0.0, 0.1, 0.3]).rate_hz is None


def test_arrival_alone_tells_nothing_of_lost_frames() -> None:
    times = FrameTimes()
    for number in range(60):
        if number % 4:
            times.push(number / 30, None)
    assert times.lost_ratio is None
