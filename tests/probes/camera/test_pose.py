"""Where the camera looks: shift, rotation, zoom, and silence where it cannot be known."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from probes.camera.measure import gray_of, shrunk
from probes.camera.pose import Landmarks, landmarks_of, pose_of

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]


def seen(picture: Picture) -> Landmarks:
    return landmarks_of(gray_of(shrunk(picture, 640)))


def turned(picture: Picture, *, shift: float = 0.0, down: float = 0.0, rotation_deg: float = 0.0, zoom: float = 1.0) -> Picture:
    """The view after the camera was moved; shifts in parts of the width."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rotation_deg, zoom)
    matrix[:, 2] += (shift * width, down * width)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


@pytest.mark.req("R16")
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "move",
    [
        (0.02, 0, 0, 1),
        (-0.05, 0.03, 0, 1),
        (0.15, 0, 0, 1),
        (0, 0, 1, 1),
        (0, 0, -4, 1),
        (0, 0, 0, 1.05),
        (0, 0, 0, 0.9),
        (0.03, 0, 2, 1.08),
    ],
)
def test_a_moved_camera_is_measured_also_with_people_and_other_light(
    room: RoomMaker, seed: int, move: tuple[float, float, float, float]
) -> None:
    shift, down, rotation_deg, zoom = move
    reference = seen(room(seed, people=0))
    now = turned(room(seed, people=2, noise=0, light=0.8), shift=shift, down=down, rotation_deg=rotation_deg, zoom=zoom)
    pose = pose_of(seen(now), reference)
    assert pose.shift_percent == pytest.approx(100 * float(np.hypot(shift, down)), abs=0.2)
    assert pose.rotation_deg == pytest.approx(abs(rotation_deg), abs=0.15)
    assert pose.zoom_percent == pytest.approx(100 * abs(zoom - 1), abs=0.3)


@pytest.mark.req("R16")
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("people", [1, 2, 4])
@pytest.mark.parametrize("light", [0.6, 1.0, 1.3])
def test_people_and_light_alone_never_move_the_camera(room: RoomMaker, seed: int, people: int, light: float) -> None:
    pose = pose_of(seen(room(seed, people=people, at_s=4.0, light=light, noise=4)), seen(room(seed, people=1)))
    assert pose.shift_percent == 0 or pose.shift_percent is None


def test_a_face_that_moves_before_an_empty_wall_says_nothing(room: RoomMaker) -> None:
    def portrait(x: int) -> Picture:
        wall = np.full((720, 1280, 3), (150, 120, 60), np.uint8)
        face = cv2.resize(room(7, people=0), (380, 420))
        wall[200:620, x : x + 380] = face
        return wall

    pose = pose_of(seen(portrait(480)), seen(portrait(430)))
    assert pose.shift_percent is None or pose.shift_percent == 0


def _plain(room: RoomMaker, furnished: slice, face_x: int | None = None) -> Picture:
    """A plain wall with furniture in some of its width, and somebody before it."""
    wall = np.full((720, 1280, 3), (150, 150, 140), np.uint8)
    wall[:, furnished] = room(3, people=0)[:, furnished]
    if face_x is not None:
        wall[250:, face_x : face_x + 340] = cv2.resize(room(7, people=0), (340, 470))
    return wall


@pytest.mark.req("R16")
@pytest.mark.parametrize("furnished", [slice(0, 420), slice(860, 1280)], ids=["left", "right"])
@pytest.mark.parametrize("shift", [0.03, -0.06])
def test_a_room_with_things_on_one_side_only_is_measured_too(room: RoomMaker, furnished: slice, shift: float) -> None:
    reference = seen(_plain(room, furnished))
    pose = pose_of(seen(turned(_plain(room, furnished), shift=shift, rotation_deg=1.5)), reference)
    assert pose.shift_percent == pytest.approx(100 * abs(shift), abs=0.3)
    assert pose.rotation_deg == pytest.approx(1.5, abs=0.2)
    assert pose.kept_ratio is None, "in a plain room the loss of its view means nothing"


@pytest.mark.req("R16")
@pytest.mark.parametrize("face_x", [0, 200, 500, 800])
def test_somebody_before_a_plain_wall_does_not_move_the_camera(room: RoomMaker, face_x: int) -> None:
    reference = seen(_plain(room, slice(0, 420)))
    pose = pose_of(seen(_plain(room, slice(0, 420), face_x)), reference)
    assert pose.shift_percent in {None, 0.0}
    assert pose.shift_percent == 0.0 or face_x < 420, "what is furnished is not hidden and stands"


def test_shoulders_that_fill_the_lower_corners_say_nothing(room: RoomMaker) -> None:
    def portrait(x: int) -> Picture:
        wall = np.full((720, 1280, 3), (150, 120, 60), np.uint8)
        wall[420:, 100 + x : 1140 + x] = cv2.resize(room(7, people=0), (1040, 300))
        return wall

    assert pose_of(seen(portrait(40)), seen(portrait(0))).shift_percent is None


def test_an_even_reference_tells_nothing(room: RoomMaker) -> None:
    even = np.full((720, 1280, 3), 128, np.uint8)
    assert pose_of(seen(room(1)), seen(even)).kept_ratio is None


def test_another_room_keeps_nothing_of_the_view(room: RoomMaker) -> None:
    pose = pose_of(seen(room(1, people=0)[:, ::-1].copy()), seen(room(2, people=0)))
    assert pose.kept_ratio is not None
    assert pose.kept_ratio < 0.2
    assert pose.shift_percent is None
