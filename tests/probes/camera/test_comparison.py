"""Colour, clearness and light against the approved view; people, slides and lamps in the room change none of them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from probes.camera.comparison import Comparison, comparison_of, template_of
from probes.camera.measure import SMALL_PX, gray_of, shrunk

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]


def compared(picture: Picture, approved: Picture) -> Comparison:
    return comparison_of(picture, gray_of(shrunk(picture, SMALL_PX)), template_of(approved, gray_of(shrunk(approved, SMALL_PX))))


def with_gains(picture: Picture, *gains: float) -> Picture:
    return np.asarray(np.clip(picture * np.array(gains), 0, 255), np.uint8)


def smeared(picture: Picture, places: list[tuple[int, int]], radius_px: int = 150) -> Picture:
    mask = np.zeros(picture.shape[:2], np.float32)
    for place in places:
        cv2.circle(mask, place, radius_px, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 20)[:, :, None]
    hazy = cv2.GaussianBlur(picture, (0, 0), 9).astype(np.float32) * 0.85 + 25
    return np.asarray(np.clip(picture * (1 - soft) + hazy * soft, 0, 255), np.uint8)


@pytest.mark.parametrize(("gains", "ratio"), [((1, 1, 1), 1.0), ((0.7, 1, 1), 1.43), ((1, 1, 0.7), 1.43), ((0.75, 0.95, 1.15), 1.35)])
def test_a_cast_is_the_change_of_one_colour_against_another(room: RoomMaker, gains: tuple[float, ...], ratio: float) -> None:
    assert compared(with_gains(room(2), *gains), room(2)).cast_ratio == pytest.approx(ratio, abs=0.08)


def test_less_light_people_and_a_blue_slide_are_no_cast(room: RoomMaker) -> None:
    for picture in (room(2, light=0.6), room(2, people=3, at_s=1.5)):
        assert (compared(picture, room(2)).cast_ratio or 1) < 1.1
    slide = room(2).copy()
    slide[80:480, 100:700] = (210, 120, 40)
    assert (compared(slide, room(2)).cast_ratio or 1) < 1.1


@pytest.mark.req("R19")
def test_smears_are_counted_where_the_room_still_shows_behind_them(room: RoomMaker) -> None:
    dirty = smeared(room(2), [(500, 200), (800, 550), (300, 600)])
    share = compared(dirty, room(2)).smeared_ratio
    assert share is not None
    assert share >= 0.06


def test_a_person_or_a_plain_board_before_the_room_is_no_smear(room: RoomMaker) -> None:
    board = room(2).copy()
    board[300:600, 500:900] = (180, 190, 185)
    for picture in (board, room(2, people=3, at_s=2.0), room(2, light=0.5), np.asarray(cv2.GaussianBlur(room(2), (0, 0), 3), np.uint8)):
        assert (compared(picture, room(2)).smeared_ratio or 0) < 0.06


def test_a_window_behind_that_darkens_the_room_is_seen_as_such(room: RoomMaker) -> None:
    lit = with_gains(room(2), 0.35, 0.35, 0.35)
    lit[:330, 380:830] = 250
    told = compared(lit, room(2))
    assert told.dimmed_ratio == pytest.approx(0.36, abs=0.05)
    assert told.brightened_ratio > 0.1
    assert (compared(room(2, light=0.6), room(2)).dimmed_ratio or 0) > 0.55


def test_a_window_opened_beside_a_bright_sky_that_was_there_counts_whole(room: RoomMaker) -> None:
    sky = room(2).copy()
    sky[:300, :500] = 250
    lit = with_gains(sky, 0.35, 0.35, 0.35)
    lit[:330, 700:1150] = 250
    told = compared(lit, sky)
    assert told.brightened_ratio == pytest.approx(0.16, abs=0.02), "that the sky has darkened takes nothing off"


@pytest.mark.req("R19")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_soft_face_before_the_room_is_no_smear_though_it_hides_much(room: RoomMaker, seed: int) -> None:
    face = room(seed, people=0).copy()
    cv2.ellipse(face, (640, 420), (330, 420), 0, 0, 360, (125, 155, 200), -1, cv2.LINE_AA)
    face = np.asarray(cv2.GaussianBlur(face, (0, 0), 1.5), np.uint8)
    assert (compared(face, room(seed, people=0)).smeared_ratio or 0) < 0.05
