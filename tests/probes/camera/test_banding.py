"""Bands of mains light: found at any depth and number worth telling, and never in what moves."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from probes.camera.banding import Bands, bands_between, rolling_percent, standing_percent
from probes.camera.measure import gray_of

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]


def lit(gray: Picture, at_s: float, swing: float, readout_s: float) -> Picture:
    rows = np.arange(gray.shape[0]) / gray.shape[0]
    light = 1 + swing * np.sin(2 * np.pi * 100 * (at_s + rows * readout_s))
    return np.asarray(np.clip(np.round(gray * light[:, None]), 0, 255), np.uint8)


def pairs_of(gray: Picture, swing: float, readout_s: float, rate_hz: float) -> list[Bands]:
    moments = [number * 0.1 for number in range(8)]
    return [bands_between(lit(gray, at_s, swing, readout_s), lit(gray, at_s + 1 / rate_hz, swing, readout_s)) for at_s in moments]


@given(swing=st.floats(0.02, 0.4), readout_s=st.floats(0.018, 0.08), seed=st.integers(0, 20))
def test_bands_at_thirty_frames_are_told_with_their_number(swing: float, readout_s: float, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(60, 180, (36, 1)).repeat(10, axis=0)
    gray = np.broadcast_to(rows, (360, 640)).astype(np.uint8)
    pairs = pairs_of(gray, swing, readout_s, 30)
    assert rolling_percent(pairs) > 70 * swing
    assert np.median([pair.cycles for pair in pairs]) == pytest.approx(100 * readout_s, abs=0.5)


def test_at_twenty_five_frames_bands_stand_still_and_the_approved_view_tells_them(room: RoomMaker) -> None:
    gray = gray_of(room(2, width=640, height=360))
    assert rolling_percent(pairs_of(gray, 0.08, 0.033, 25)) == 0
    assert standing_percent([bands_between(gray, lit(gray, 0.003, 0.08, 0.033))] * 8) > 5


def test_people_who_move_lamps_and_a_camera_that_pans_make_no_bands(room: RoomMaker) -> None:
    def grays(**change: list[float]) -> list[Picture]:
        ((name, values),) = change.items()
        return [gray_of(room(2, width=640, height=360, noise=3, people=2, **{name: value})) for value in values]

    moving = grays(at_s=[0.1 * number for number in range(9)])
    switched = grays(light=[1, 1, 1, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7])
    panned = [np.roll(moving[0], 3 * number, axis=0) for number in range(9)]
    for frames in (moving, switched, panned):
        pairs = [bands_between(one, other) for one, other in pairwise(frames)]
        assert rolling_percent(pairs) == 0
        assert standing_percent([bands_between(frames[0], frame) for frame in frames[1:]]) == 0


def test_equal_pictures_and_too_few_pairs_have_no_bands() -> None:
    even = np.full((360, 640), 90, np.uint8)
    assert bands_between(even, even) == Bands(0.0, 0.0, 0.0)
    assert rolling_percent([Bands(3.0, 20.0, 0.99)] * 3) == 0
