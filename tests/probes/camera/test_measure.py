"""Figures of pictures: ranges, orderings, and what must not change them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from probes.camera import measure
from probes.camera.patterns import shows_bars, shows_one_colour

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]


def blurred(picture: Picture, sigma_px: float) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def width_of(picture: Picture) -> float:
    width = measure.sharpest_width_of(measure.edge_widths_of(measure.gray_of(measure.shrunk(picture, measure.DETAIL_PX))))
    assert width is not None
    return width


@pytest.mark.parametrize("seed", range(4))
def test_more_blur_never_measures_sharper(room: RoomMaker, seed: int) -> None:
    picture = room(seed, noise=0)
    widths = [width_of(picture)] + [width_of(blurred(picture, sigma)) for sigma in (1.5, 2.5, 4, 6)]
    assert widths == sorted(widths)
    assert widths[-1] > 3 * widths[0]


@pytest.mark.parametrize("light", [0.5, 0.75, 1.3])
def test_light_does_not_change_the_sharpness_that_is_measured(room: RoomMaker, light: float) -> None:
    soft = blurred(room(2, noise=0), 3)
    dimmed = np.clip(soft.astype(np.float32) * light, 0, 255).astype(np.uint8)
    assert width_of(dimmed) == pytest.approx(width_of(soft), rel=0.12)


@pytest.mark.parametrize("sigma_px", [1.5, 2.0, 3.0, 4.0])
def test_the_width_of_one_blurred_edge_is_the_blur_that_made_it(sigma_px: float) -> None:
    step = np.full((360, 640), 60, np.uint8)
    step[:, 320:] = 200
    widths = measure.edge_widths_of(blurred(step, sigma_px))
    assert float(np.nanmedian(widths)) == pytest.approx(sigma_px, rel=0.1)


def test_an_even_picture_has_no_contours_and_no_sharpness() -> None:
    even = np.full((360, 640), 128, np.uint8)
    assert not measure.contoured_tiles_of(even).any()
    assert measure.sharpest_width_of(measure.edge_widths_of(even)) is None


@pytest.mark.parametrize("noise", [2.0, 5.0, 9.0])
def test_noise_is_measured_as_it_was_made_and_is_not_taken_for_contours(noise: float) -> None:
    grain = np.random.default_rng(3).normal(110, noise, (360, 640))
    even = np.clip(np.rint(grain), 0, 255).astype(np.uint8)
    assert measure.noise_level_of(even) == pytest.approx(noise, rel=0.15)
    assert measure.contoured_tiles_of(even).mean() < 0.05


def test_a_dim_room_keeps_its_contours(room: RoomMaker) -> None:
    def share(light: float) -> float:
        return float(measure.contoured_tiles_of(measure.gray_of(measure.shrunk(room(1, light=light), 640))).mean())

    assert share(0.25) > 0.5 * share(1.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 255), st.integers(1, 90), st.integers(1, 90))
def test_light_figures_of_an_even_picture_are_its_level(level: int, height: int, width: int) -> None:
    gray = np.full((height, width), level, np.uint8)
    light = measure.light_of(np.dstack([gray] * 3), gray)
    assert light.mean_ratio == pytest.approx(level / 255)
    assert light.p5_ratio == light.p95_ratio == pytest.approx(level / 255)
    assert light.clipped_ratio == (1.0 if level >= measure.CLIPPED_LEVEL else 0.0)
    assert light.dark_area_ratio(0.1) == (1.0 if level < round(25.5) else 0.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_motion_is_symmetric_and_zero_only_for_equal_pictures(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 256, (2, height, width), dtype=np.uint8)
    assert measure.motion_level_of(one, other) == pytest.approx(measure.motion_level_of(other, one))
    assert measure.motion_level_of(one, one) == 0
    assert (measure.motion_level_of(one, other) == 0) == bool((one == other).all())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200))
def test_tiles_cover_every_pixel_exactly_once(height: int, width: int) -> None:
    count = np.zeros((height, width), np.int64)
    for tile in measure.tile_slices(height, width):
        count[tile] += 1
    assert (count == 1).all()


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1280, 720), (2160, 3840), (48, 64), (1, 1), (3, 500)])
def test_any_size_and_proportion_can_be_measured(height: int, width: int) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    small = measure.shrunk(picture, measure.SMALL_PX)
    assert max(small.shape[:2]) <= max(measure.SMALL_PX, 1)
    gray = measure.gray_of(small)
    assert 0 <= measure.light_of(small, gray).mean_ratio <= 1
    assert len(measure.contoured_tiles_of(gray)) == len(measure.edge_widths_of(gray)) == 144


def bars(order: str, level: int, width: int = 640, height: int = 360) -> Picture:
    colours = {
        "w": (1, 1, 1),
        "y": (0, 1, 1),
        "c": (1, 1, 0),
        "g": (0, 1, 0),
        "m": (1, 0, 1),
        "r": (0, 0, 1),
        "b": (1, 0, 0),
        "k": (0, 0, 0),
    }
    picture = np.zeros((height, width, 3), np.uint8)
    edges = np.linspace(0, width, len(order) + 1).astype(int)
    for name, left, right in zip(order, edges, edges[1:], strict=False):
        picture[:, left:right] = np.array(colours[name]) * level
    return picture


@pytest.mark.parametrize("order", ["wycgmrb", "wycgmrbk"])
@pytest.mark.parametrize("level", [191, 255])
def test_colour_bars_are_recognised_also_with_a_box_below(order: str, level: int) -> None:
    pattern = bars(order, level)
    assert shows_bars(pattern)
    pattern[240:] = 30
    assert shows_bars(pattern)


@pytest.mark.parametrize("order", ["wycgmrb", "wycgmrbk"])
def test_colour_bars_stay_bars_under_a_clock_and_a_name(order: str) -> None:
    pattern = bars(order, 191, 1280, 720)
    for line in range(9):
        where = (8, 24 + 18 * line)
        cv2.putText(pattern, "00:01:42:21 1042 1280x720, input 0", where, cv2.FONT_HERSHEY_PLAIN, 1.2, (0, 0, 0), 3)
        cv2.putText(pattern, "00:01:42:21 1042 1280x720, input 0", where, cv2.FONT_HERSHEY_PLAIN, 1.2, (255, 255, 255), 1)
    assert shows_bars(measure.shrunk(pattern, 640))


def test_bars_of_another_order_and_rooms_are_no_test_pattern(room: RoomMaker) -> None:
    assert not shows_bars(bars("rgbwycm", 191))
    assert not any(shows_bars(measure.shrunk(room(seed), 640)) for seed in range(5))


def test_a_blue_screen_is_one_colour_also_with_words_on_it_and_a_gray_wall_is_not() -> None:
    blue = np.full((360, 640, 3), (200, 30, 20), np.uint8)
    cv2.putText(blue, "NO SIGNAL", (220, 180), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    assert shows_one_colour(blue, measure.gray_of(blue))
    wall = np.full((360, 640, 3), 128, np.uint8)
    assert not shows_one_colour(wall, measure.gray_of(wall))
    grain = np.clip(blue + np.random.default_rng(1).normal(0, 2, blue.shape), 0, 255).astype(np.uint8)
    assert not shows_one_colour(grain, measure.gray_of(grain))
