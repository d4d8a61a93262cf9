"""Grain, blocks and tint: measured as they were made, and not seen in what only looks like them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from probes.camera.measure import gray_of
from probes.camera.quality import block_ratio_of, noise_level_between, quality_of, tint_ratio_of

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]


def grained(picture: Picture, level: float, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, level, picture.shape[:2])
    return np.clip(picture + (noise if picture.ndim == 2 else noise[:, :, None]), 0, 255).astype(np.uint8)


def jpeg(picture: Picture, quality: int) -> Picture:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("level", [2.0, 5.0, 10.0, 20.0])
def test_grain_is_measured_as_it_was_made(room: RoomMaker, level: float) -> None:
    still = gray_of(room(2, noise=0, people=0))
    found = noise_level_between(grained(still, level, 1), grained(still, level, 2))
    assert found == pytest.approx(level, rel=0.15)


def test_a_gravel_path_that_stays_where_it_is_has_no_grain() -> None:
    gravel = np.random.default_rng(3).integers(40, 200, (720, 1280)).astype(np.uint8)
    assert noise_level_between(gravel, gravel) == 0


def test_people_who_move_are_no_grain(room: RoomMaker) -> None:
    before, after = (gray_of(room(2, noise=0, people=2, at_s=at_s)) for at_s in (0.0, 0.3))
    assert (noise_level_between(before, after) or 0) < 1


def test_black_and_white_tell_nothing_of_grain() -> None:
    black = np.zeros((720, 1280), np.uint8)
    assert noise_level_between(black, black) is None
    assert quality_of(cv2.cvtColor(black, cv2.COLOR_GRAY2BGR), black).evenest_noise_level is None  # type: ignore[arg-type]


def test_textured_things_before_an_even_wall_leave_the_evenest_places_calm(room: RoomMaker) -> None:
    picture = room(2, noise=0)
    picture = picture.copy()
    picture[300:] = np.random.default_rng(3).integers(40, 200, picture[300:].shape)
    told = quality_of(picture, gray_of(picture)).evenest_noise_level
    assert told is not None
    assert told < 3


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 5)])
def test_a_picture_that_was_compressed_too_far_has_a_grid_wherever_it_was_cut(room: RoomMaker, top: int, left: int) -> None:
    coded = jpeg(room(2), 4)[top:, left:]
    assert block_ratio_of(gray_of(np.ascontiguousarray(coded))) > 0.05


@pytest.mark.parametrize("quality", [35, 45, 70, 95])
def test_ordinary_compression_has_no_grid_to_speak_of(room: RoomMaker, quality: int) -> None:
    assert block_ratio_of(gray_of(jpeg(room(2), quality))) < 0.04


def test_shelves_and_blinds_are_no_grid() -> None:
    picture = np.full((720, 1280), 120, np.uint8)
    picture[::16] = 60
    picture[:, ::24] = 60
    assert block_ratio_of(picture) < 0.02
    assert block_ratio_of(np.full((20, 20), 7, np.uint8)) == 0, "too small for any"


def test_a_tint_is_one_that_nothing_is_free_of(room: RoomMaker) -> None:
    picture = room(2)
    assert tint_ratio_of(picture) < 1.1
    orange = np.clip(picture * np.array([0.35, 0.8, 1.4]), 0, 255).astype(np.uint8)
    assert tint_ratio_of(orange) > 1.65
    assert tint_ratio_of(gray_of(picture)) == 1


@pytest.mark.parametrize("quality", [40, 60, 90])
def test_a_plain_wall_is_no_slide_however_it_is_compressed_and_a_slide_is_one(room: RoomMaker, quality: int) -> None:
    shading = np.linspace(150, 190, 1280)[None, :, None] * np.linspace(1.0, 0.9, 720)[:, None, None]
    wall = np.repeat(shading, 3, axis=2).astype(np.uint8)
    wall[420:, 300:900] = room(3, people=0)[420:, 300:900]
    slide = np.full((720, 1280, 3), (120, 60, 30), np.uint8)
    for row in range(6):
        cv2.putText(slide, "Bao cao kinh te - xa hoi", (80, 120 + 90 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (250, 250, 250), 3, cv2.LINE_AA)
    for picture, drawn in ((wall, False), (slide, True)):
        coded = jpeg(picture, quality)
        assert quality_of(coded, gray_of(coded)).is_drawn == drawn
