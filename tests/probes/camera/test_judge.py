"""From pictures to suspicions: each fault at its levels, and nothing for a usable picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from probes.camera.figures import Figures, Reference, detailed, quick_figures, reference_of
from probes.camera.judge import suspicions
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.measure import SMALL_PX, gray_of, shrunk

Picture = NDArray[np.uint8]
RoomMaker = Callable[..., Picture]
Change = Callable[[Picture], Picture]
LIMITS, SETTINGS = CameraLimits(), CameraSettings()


def figures_of(picture: Picture, reference: Reference | None = None) -> Figures:
    gray = gray_of(shrunk(picture, SMALL_PX))
    return detailed(quick_figures(picture, gray, (picture.shape[1], picture.shape[0]), reference), picture, gray, reference)


def codes(picture: Picture, reference: Reference | None = None, settings: CameraSettings = SETTINGS) -> set[str]:
    return {suspicion.code for suspicion in suspicions(figures_of(picture, reference), LIMITS, settings)}


def gained(gain: float) -> Change:
    return lambda picture: np.clip(picture.astype(np.float32) * gain, 0, 255).astype(np.uint8)


def noisy(picture: Picture, noise: float = 3.0) -> Picture:
    return np.clip(picture + np.random.default_rng(4).normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def blurred(sigma_px: float) -> Change:
    return lambda picture: noisy(np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8), 2)


def a_hand(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    glow = np.linspace(0.6, 1.1, width)[None, :, None] * np.linspace(1.0, 0.7, height)[:, None, None]
    return noisy(np.clip(np.array([50, 70, 130]) * glow, 0, 255).astype(np.uint8))


def a_dark_cloth(picture: Picture) -> Picture:
    return noisy(np.full_like(picture, 45), 5)


def compressed(picture: Picture) -> Picture:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 35])[1], cv2.IMREAD_COLOR), np.uint8)


def a_near_person(picture: Picture) -> Picture:
    picture = picture.copy()
    cv2.ellipse(picture, (640, 420), (230, 300), 0, 0, 360, (120, 150, 195), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (330, 600), (960, 719), (60, 45, 40), -1)
    for x in (560, 720):
        cv2.ellipse(picture, (x, 360), (34, 16), 0, 0, 360, (240, 240, 240), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, 360), 14, (40, 30, 25), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (640, 560), (80, 26), 0, 0, 360, (80, 80, 160), 6, cv2.LINE_AA)
    return noisy(picture, 1)


CLEAN: dict[str, Change] = {
    "as it is": lambda picture: picture,
    "brighter": gained(1.3),
    "less light": gained(0.6),
    "dusk": lambda picture: noisy(gained(0.42)(picture), 5),
    "noise": lambda picture: noisy(picture, 8),
    "strong compression": compressed,
    "a near person": a_near_person,
}
FAULTS: dict[str, tuple[str, Change]] = {
    "black": ("camera.black", lambda picture: noisy(np.zeros_like(picture))),
    "lens cap with light leaking in": ("camera.black", lambda picture: noisy(np.full_like(picture, 12), 2)),
    "a hand": ("camera.covered", a_hand),
    "a cloth": ("camera.covered", a_dark_cloth),
    "blur 4 px": ("camera.blurred", blurred(4)),
    "blur 8 px": ("camera.blurred", blurred(8)),
    "over by gain 2.6": ("camera.overexposed", gained(2.6)),
    "over by gain 4": ("camera.overexposed", gained(4)),
    "under by gain .25": ("camera.underexposed", lambda picture: noisy(gained(0.25)(picture), 1)),
    "under by gain .18": ("camera.underexposed", lambda picture: noisy(gained(0.18)(picture), 1)),
    "under by gain .1: dark as black, and the room is in it": ("camera.underexposed", lambda picture: noisy(gained(0.1)(picture), 0.5)),
    "grain": ("camera.noisy", lambda picture: noisy(picture, 25)),
}


@pytest.mark.parametrize("change", CLEAN.values(), ids=CLEAN)
@pytest.mark.parametrize("with_reference", [False, True])
def test_a_usable_picture_raises_nothing(room: RoomMaker, change: Change, with_reference: bool) -> None:
    for seed in (1, 2):
        reference = reference_of(room(seed, people=0)) if with_reference else None
        assert codes(change(room(seed, people=2, at_s=3)), reference) == set()


@pytest.mark.parametrize(("code", "change"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("with_reference", [False, True])
def test_each_fault_is_the_one_that_is_told(room: RoomMaker, code: str, change: Change, with_reference: bool) -> None:
    for seed in (1, 2):
        reference = reference_of(room(seed, people=0)) if with_reference else None
        assert codes(change(room(seed)), reference) == {code}


def test_a_view_that_was_dim_and_is_blown_out_in_a_tenth_is_too_bright_only_against_the_approved_one(room: RoomMaker) -> None:
    dim = room(1, light=0.35)
    glaring = gained(5)(dim)
    assert figures_of(glaring).light.clipped_ratio < LIMITS.overexposed_clipped_ratio
    assert codes(glaring) == set()
    assert codes(glaring, reference_of(dim)) == {"camera.overexposed"}


@pytest.mark.parametrize(
    ("motion", "usual", "drift", "frozen"),
    [
        (0.0, 0.0, 0.0, True),
        (0.05, 0.046, 0.001, True),
        (0.001, 0.0, 0.0019, False),
        (0.2, 0.0, 0.0, False),
        (0.0, 0.0, None, False),
    ],
    ids=["exactly still", "a codec draws it in turns", "a calm room, heavily compressed", "one frame moved", "too short to tell"],
)
def test_stillness_is_what_does_not_add_up_over_two_seconds(
    room: RoomMaker, motion: float, usual: float, drift: float | None, frozen: bool
) -> None:
    figures = replace(figures_of(room(1)), motion_level=motion, usual_motion_level=usual, drift_level_per_s=drift)
    assert ("camera.frozen" in {found.code for found in suspicions(figures, LIMITS, SETTINGS)}) == frozen


def test_a_slide_may_stand_still_and_a_room_before_a_blown_out_window_may_not(room: RoomMaker) -> None:
    slide = np.full((720, 1280, 3), 225, np.uint8)
    cv2.putText(slide, "Hoi nghi truc tuyen", (80, 400), cv2.FONT_HERSHEY_SIMPLEX, 3, (60, 30, 20), 8, cv2.LINE_AA)
    bright = room(1).copy()
    bright[:, :700] = 255
    full = slide.copy()
    for row in range(15):
        cv2.putText(full, "Hoi nghi truc tuyen UBND tinh, 17 diem cau", (20, 40 + 46 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (60, 30, 20), 2)
    white = np.where(full == 225, 255, full).astype(np.uint8)
    for picture, frozen in ((slide, False), (full, False), (white, False), (bright, True)):
        found = suspicions(replace(figures_of(picture), motion_level=0.0, usual_motion_level=0.0, drift_level_per_s=0.0), LIMITS, SETTINGS)
        assert ("camera.frozen" in {suspicion.code for suspicion in found}) == frozen


def test_a_slide_is_not_blown_out_light() -> None:
    slide = np.full((720, 1280, 3), 255, np.uint8)
    for row in range(8):
        cv2.putText(slide, "Hoi nghi truc tuyen 2026", (80, 120 + 70 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (60, 30, 20), 3, cv2.LINE_AA)
    assert codes(slide) == set()
    assert codes(compressed(slide)) == set()


@pytest.mark.parametrize("with_reference", [False, True])
def test_a_black_picture_with_text_on_it_is_black(room: RoomMaker, with_reference: bool) -> None:
    black = np.zeros((720, 1280, 3), np.uint8)
    for row in range(6):
        text = f"Diem cau {row}  24-11-2026 08:30:15"
        cv2.putText(black, text, (20, 60 + 45 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (255, 255, 255), 3, cv2.LINE_AA)
    assert figures_of(black).light.histogram[26:].sum() > 0.02, "the text alone exceeds the limit"
    assert codes(black, reference_of(room(1)) if with_reference else None) == {"camera.black"}


def test_a_lit_screen_in_a_dark_room_is_no_text() -> None:
    dark = noisy(np.full((720, 1280, 3), 8, np.uint8), 1)
    dark[100:300, 100:400] = 220
    assert "camera.black" not in codes(dark)


def test_blur_is_told_as_sharpness_in_percent_with_and_without_a_reference(room: RoomMaker) -> None:
    picture = blurred(4)(room(1))
    for reference in (None, reference_of(room(1))):
        (found,) = suspicions(figures_of(picture, reference), LIMITS, SETTINGS)
        assert (found.code, found.unit, found.limit) == ("camera.blurred", "%", 50.0)
        assert found.figure is not None
        assert found.figure < 50


def test_cloth_with_a_pattern_is_covered_where_the_view_is_known(room: RoomMaker) -> None:
    folds = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 60, (720, 1280)).astype(np.float32), (0, 0), 6)
    cloth = noisy(np.clip(np.dstack([folds * 6 + 90] * 3), 0, 255).astype(np.uint8))
    assert "camera.covered" in codes(cloth, reference_of(room(1, people=0)))


def test_lens_covered_for_the_most_part_is_told_with_a_reference(room: RoomMaker) -> None:
    picture = room(1)
    part = picture.copy()
    part[:, :1120] = a_hand(picture)[:, :1120]
    assert codes(part, reference_of(picture)) == {"camera.covered"}


@pytest.mark.req("R16")
def test_a_turned_camera_is_told_with_its_figures(room: RoomMaker) -> None:
    reference = reference_of(room(1, people=0))
    matrix = cv2.getRotationMatrix2D((640, 360), 3, 1)
    now = np.asarray(cv2.warpAffine(room(1), matrix, (1280, 720), borderMode=cv2.BORDER_REFLECT_101), np.uint8)
    (found,) = suspicions(figures_of(now, reference), LIMITS, SETTINGS)
    assert found.code == "camera.moved"
    assert found.unit == "°"
    assert found.figure == pytest.approx(3, abs=0.15)
    assert found.limit == 1.0


def test_half_a_percent_of_shake_is_no_move(room: RoomMaker) -> None:
    reference = reference_of(room(1, people=0))
    matrix = np.array([[1, 0, 6], [0, 1, 3]], np.float32)
    assert codes(np.asarray(cv2.warpAffine(room(1), matrix, (1280, 720), borderMode=cv2.BORDER_REFLECT_101), np.uint8), reference) == set()


@pytest.mark.req("R29")
@pytest.mark.parametrize(
    ("width", "height", "low"),
    [
        (1280, 720, False),
        (1920, 1080, False),
        (3840, 2160, False),
        (720, 1280, False),
        (640, 480, True),
        (1024, 768, True),
        (1279, 720, True),
    ],
)
def test_hd_is_asked_for_whichever_way_up_the_camera_hangs(room: RoomMaker, width: int, height: int, low: bool) -> None:
    picture = room(1, width=width, height=height)
    assert ("camera.low_resolution" in codes(picture)) == low
    assert codes(picture, settings=CameraSettings(hd_required=False)) == set()


def test_a_gray_camera_is_judged_like_any_other(room: RoomMaker) -> None:
    gray = cv2.cvtColor(room(1), cv2.COLOR_BGR2GRAY)
    assert codes(np.dstack([gray] * 3)) == set()


def test_a_reference_of_other_proportions_is_not_compared(room: RoomMaker) -> None:
    reference = reference_of(room(1, width=1024, height=768))
    assert figures_of(room(1), reference).pose is None


def test_a_dark_room_that_is_blown_out_is_no_page_once_its_view_is_approved(room: RoomMaker) -> None:
    dark = gained(0.22)(room(2))
    dark[:, 700:] = (dark[:, 700:] * 0.1).astype(np.uint8)
    blown = noisy(np.clip(dark.astype(np.float32) * 9 + 10, 0, 255).astype(np.uint8), 2)
    assert "camera.overexposed" in codes(blown, reference_of(dark))
    page = np.full((720, 1280, 3), 255, np.uint8)
    for row in range(12):
        cv2.putText(page, "Hoi nghi truc tuyen 2026", (80, 60 + 55 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (60, 30, 20), 3, cv2.LINE_AA)
    assert "camera.overexposed" not in codes(page, reference_of(dark)), "a page before the camera is another picture"


def test_where_light_has_eaten_the_noise_nothing_is_said_of_stillness(room: RoomMaker) -> None:
    blown = gained(7)(room(1))
    still = replace(figures_of(blown), motion_level=0.0, usual_motion_level=0.0, drift_level_per_s=0.0)
    assert {found.code for found in suspicions(still, LIMITS, SETTINGS)} == {"camera.overexposed"}
