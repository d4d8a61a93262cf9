"""What goes wrong with a picture, at three levels, and what looks odd and is well; made by code before encoding. Pure.

Each maker takes the frame, the level (0 mild, 1 medium, 2 severe), the moment in seconds and a source of grain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.camera.measure import Picture


class Grain:
    """Noise of a sensor: a random piece of one large sheet each time, since making a million values takes longer than filming."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def fine(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Independent from pixel to pixel and from colour to colour; standard deviation 1."""
        return self._piece(_sheets()[0], shape)

    def coarse(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """As a camera's own processing leaves it, two pixels wide."""
        return self._piece(_sheets()[1], shape)

    def _piece(self, sheet: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
        top, left = self._rng.integers(0, _SHEET_PX[1] - shape[0]), self._rng.integers(0, _SHEET_PX[0] - shape[1])
        return sheet[top : top + shape[0], left : left + shape[1]]


_SHEET_PX = 1480, 920


@lru_cache(maxsize=1)
def _sheets() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(5)
    width, height = _SHEET_PX
    coarse = cv2.resize(rng.standard_normal((height // 2, width // 2, 3)).astype(np.float32), _SHEET_PX)
    return rng.standard_normal((height, width, 3)).astype(np.float32), np.asarray(coarse, np.float32)


Maker = Callable[[Picture, int, float, Grain], Picture]
LEVELS = ("mild", "medium", "severe")


def _bytes(picture: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(np.round(picture), 0, 255), np.uint8)


def _as_it_is(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return picture


def _black(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return _bytes(np.full(picture.shape, 16.0) + grain.fine(picture.shape) * (3, 1.5, 0)[level])


def _covered(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """A hand or cloth before the lens: nothing sharp, uneven light."""
    height, width = picture.shape[:2]
    slope = np.linspace(0.7, 1.0, width)[None, :, None] * np.linspace(1.0, 0.8, height)[:, None, None]
    return _bytes(np.array([60, 70, 110]) * slope * (1.6, 1.0, 0.6)[level] * np.ones(picture.shape))


def _blurred(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    sigma_px = (3, 5, 9)[level] * picture.shape[1] / 1280
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


def _overexposed(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return _bytes(picture.astype(np.float32) * (3, 4.5, 7)[level] + 10)


def _underexposed(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return _bytes(picture.astype(np.float32) * (0.22, 0.16, 0.1)[level] + 4)


def _color_cast(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    gains = np.array(((0.75, 0.95, 1.15), (0.55, 0.9, 1.25), (0.35, 0.8, 1.4))[level])
    return _bytes(picture * gains)


def _noisy(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return _bytes(picture + grain.fine(picture.shape) * (18, 28, 45)[level])


def _blocky(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, (8, 4, 2)[level]])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def _dirty(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """Smears on the lens: some places are soft and hazy, and stay where they are."""
    height, width = picture.shape[:2]
    places, mask = np.random.default_rng(7), np.zeros((height, width), np.float32)
    for _ in range((3, 5, 8)[level]):
        centre = int(places.uniform(0.1, 0.9) * width), int(places.uniform(0.1, 0.9) * height)
        cv2.circle(mask, centre, int(places.uniform(0.06, 0.12) * width), 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.02 * width)[:, :, None]
    smeared = cv2.GaussianBlur(picture, (0, 0), 0.008 * width).astype(np.float32) * 0.85 + 25
    return _bytes(picture * (1 - soft) + smeared * soft)


def _backlit(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """A window behind the people: a bright part, and the exposure that it forces on the rest."""
    height, width = picture.shape[:2]
    lit = picture.astype(np.float32) * (0.45, 0.35, 0.25)[level]
    left, right, bottom = round(0.3 * width), round((0.55, 0.65, 0.75)[level] * width), round(0.45 * height)
    lit[:bottom, left:right] = 250
    return _bytes(lit)


def _frozen(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return picture


def _moved(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), (0.5, 2, 5)[level], (1.03, 1.06, 1.12)[level])
    turn[:, 2] += np.array([(0.03, 0.06, 0.12)[level] * width, 0])
    return np.asarray(cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _one_colour(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return np.asarray(np.full(picture.shape, ((255, 0, 0), (200, 40, 10), (130, 20, 20))[level]), np.uint8)


def _banding(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """Lamps at 100 Hz, a sensor that is read in a fiftieth of a second."""
    rows = np.arange(picture.shape[0], dtype=np.float32) / picture.shape[0]
    swing = 1 + (0.03, 0.06, 0.15)[level] * np.sin(2 * np.pi * 100.0 * (at_s + rows / 30))
    return _bytes(picture * swing[:, None, None])


FAULTS: dict[str, tuple[Maker, bool]] = {
    "camera.black": (_black, False),
    "camera.covered": (_covered, False),
    "camera.blurred": (_blurred, False),
    "camera.overexposed": (_overexposed, False),
    "camera.underexposed": (_underexposed, False),
    "camera.noisy": (_noisy, False),
    "camera.blocky": (_blocky, False),
    "camera.no_signal": (_one_colour, False),
    "camera.frozen": (_frozen, False),
    "camera.banding": (_banding, False),
    "camera.dropped_frames": (_as_it_is, False),
    "camera.color_cast": (_color_cast, True),
    "camera.dirty": (_dirty, True),
    "camera.backlit": (_backlit, True),
    "camera.moved": (_moved, True),
}
"""Maker by fault code, and whether the fault is told against the approved view only."""


def _darker(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return _bytes(picture * (0.8, 0.7, 0.6)[level])


def _brighter(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """More light, as far as the camera's exposure lets it: not more than a twentieth blown out that was not."""
    brightest = float(np.percentile(picture.max(axis=2), 95))
    return _bytes(picture * min((1.15, 1.25, 1.4)[level], max(1.0, 250 / max(1.0, brightest))))


def _person(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """Somebody walks through: a soft figure with a textured shirt."""
    height, width = picture.shape[:2]
    high = round((0.35, 0.5, 0.7)[level] * height)
    shown, x = picture.copy(), round((0.1 + 0.3 * at_s) * width)
    shirt = np.random.default_rng(3).integers(60, 200, (max(2, high // 24), 8, 3)).astype(np.uint8)
    body = cv2.resize(shirt, (max(2, high // 3), high), interpolation=cv2.INTER_CUBIC)
    shown[height - high :, x : x + body.shape[1]] = body[:, : max(0, width - x)][
        :, : shown[height - high :, x : x + body.shape[1]].shape[1]
    ]
    cv2.circle(shown, (x + body.shape[1] // 2, max(0, height - high - high // 8)), high // 7, (120, 150, 200), -1, cv2.LINE_AA)
    return shown


def _grain(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return _bytes(picture + grain.fine(picture.shape) * (2, 4, 8)[level])


def _slide(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """A presentation on a screen in the room."""
    height, width = picture.shape[:2]
    shown = picture.copy()
    top, left, wide, high = height // 10, width // 8, round((0.25, 0.35, 0.45)[level] * width), round((0.25, 0.35, 0.45)[level] * height)
    shown[top : top + high, left : left + wide] = (235, 232, 228)
    for row in range(4):
        cv2.rectangle(
            shown,
            (left + wide // 10, top + high // 8 + row * high // 5),
            (left + wide * 7 // 10, top + high // 6 + row * high // 5),
            (90, 60, 40),
            -1,
        )
    return shown


def _warm(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """The evening's light, after a white balance that follows."""
    return _bytes(picture * np.array(((0.97, 1, 1.02), (0.95, 1, 1.04), (0.92, 1, 1.05))[level]))


def _coded(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, (90, 70, 45)[level]])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def _near_face(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """Somebody close by, who nods: a third to a half of the picture, with eyes and a collar."""
    height, width = picture.shape[:2]
    shown, high = picture.copy(), round((0.3, 0.4, 0.48)[level] * height)
    x, y = width // 2, round(0.55 * height + 0.02 * height * np.sin(5 * at_s))
    cv2.rectangle(shown, (x - high, y + high * 3 // 4), (x + high, height), (70, 55, 45), -1)
    cv2.ellipse(shown, (x, y), (high * 3 // 4, high), 0, 0, 360, (125, 155, 200), -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = x + side * high // 4, y - high // 4
        cv2.ellipse(shown, eye, (high // 8, high // 16), 0, 0, 360, (235, 235, 235), -1, cv2.LINE_AA)
        cv2.circle(shown, eye, high // 20, (40, 30, 30), -1, cv2.LINE_AA)
    cv2.ellipse(shown, (x, y + high // 2), (high // 4, high // 14), 0, 0, 360, (80, 80, 150), 4, cv2.LINE_AA)
    return shown


def _lamp(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    """Light that is switched while one looks."""
    return _bytes(picture * (1.0 if at_s < 1.4 else (0.85, 0.75, 0.65)[level]))


def _luma_grain(picture: Picture, level: int, at_s: float, grain: Grain) -> Picture:  # noqa: ARG001
    return _bytes(picture + grain.fine(picture.shape)[:, :, :1] * (2, 4, 8)[level])


CLEAN: dict[str, Maker] = {
    "as it is": _as_it_is,
    "less light": _darker,
    "more light": _brighter,
    "somebody walks": _person,
    "grain": _grain,
    "a slide": _slide,
    "evening light": _warm,
    "compressed": _coded,
    "a near face": _near_face,
    "a lamp is switched": _lamp,
    "grey grain": _luma_grain,
}
"""What looks odd and is no fault."""
