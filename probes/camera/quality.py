"""How good a picture is by itself: grain, coding blocks, tint. Pure.

Grain is told from texture twice: it differs from frame to frame, and it lies on even walls too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.camera.measure import CLIPPED_LEVEL, IMMERKAER, Picture, Plane, shrunk, tile_slices

_TO_SIGMA = float(np.sqrt(np.pi / 2)) / 6
_LEVELS = 12, 243
"""A tile that is darker or brighter in the middle shows no noise: it is cut off."""
_MIN_TILES = 10
_EVENEST_PERCENT = 10
_BLOCK_PX = 8
"""Of JPEG, and half of H.264's."""
_CROP_PX = 1280, 720
_BLOCK_STEP_LEVEL = 10.0
"""JPEG at quality 8 cannot tell means of blocks apart that are closer than 12; at quality 35 it is 3."""
_EVEN_RATIO, _FULLEST_RATIO, _SURELY_EVEN_RATIO = 0.5, 0.55, 0.87
"""Rooms reach 0.84 and 0.39 (a white room through JPEG at quality 50), slides begin at 0.88 and 0.81."""
_TINT_PX = 320
_TINT_OFFSET = 2.0
_UNTINTED_PERCENT = 2


@dataclass(frozen=True, slots=True)
class Quality:
    """What one picture tells of its making.

    Attributes:
        evenest_noise_level: Noise (standard deviation, 8-bit levels) in the evenest tenth of the tiles; texture seldom reaches there. None
            where too much is black or white.
        even_ratio: Share of what is not blown out that is exactly even.
        fullest_ratio: Share of what is not blown out that has one of three successive levels: a slide's ground, never a wall's shading.
        block_ratio: Share of the lines of an 8 by 8 grid at which coding blocks show; about 0 without.
        tint_ratio: By how much the picture's own tint multiplies one colour against another in all of it but the least tinted 2 %.
    """

    evenest_noise_level: float | None
    even_ratio: float
    fullest_ratio: float
    block_ratio: float
    tint_ratio: float

    @property
    def is_drawn(self) -> bool:
        """Whether it is a slide rather than a room: coarse compression makes plain walls exactly even too, but not of one level."""
        return self.even_ratio > _EVEN_RATIO and (self.fullest_ratio > _FULLEST_RATIO or self.even_ratio > _SURELY_EVEN_RATIO)


def quality_of(picture: Picture, gray: Picture) -> Quality:
    """Measure a picture.

    Args:
        picture: BGR as delivered.
        gray: Its luma at the size as delivered; scaled blocks make no grid.
    """
    noise = _tile_noise(gray.astype(np.float32), gray)
    known = len(noise) >= _MIN_TILES
    return Quality(
        evenest_noise_level=float(np.percentile(noise, _EVENEST_PERCENT)) if known else None,
        even_ratio=_even_ratio(gray),
        fullest_ratio=_fullest_ratio(gray),
        block_ratio=block_ratio_of(gray),
        tint_ratio=tint_ratio_of(picture),
    )


def _even_ratio(gray: Picture) -> float:
    judged = gray < CLIPPED_LEVEL
    return float((cv2.filter2D(gray, cv2.CV_16S, IMMERKAER)[judged] == 0).mean()) if judged.any() else 1.0


def _fullest_ratio(gray: Picture) -> float:
    counts = np.bincount(gray.reshape(-1), minlength=256)[:CLIPPED_LEVEL].astype(np.float64)
    return float(np.convolve(counts, np.ones(3), "valid").max() / counts.sum()) if counts.any() else 1.0


def noise_level_between(before: Picture, after: Picture) -> float | None:
    """Standard deviation of what is grain in two successive grey pictures of one size, in 8-bit levels; None if too dark or bright.

    Immerkær's operator (see `measure.noise_level_of`) on their difference: what stays in place leaves it, whatever its texture.
    The median over the tiles, so that people who move do not count while they fill less than half.
    """
    change = after.astype(np.float32) - before
    noise = _tile_noise(change, after)
    return float(np.median(noise)) / float(np.sqrt(2)) if len(noise) >= _MIN_TILES else None


def _tile_noise(plane: Plane, gray: Picture) -> NDArray[np.float64]:
    """Noise of each tile of a plane, where the grey picture is neither black nor white.

    The mean within a tile, as Immerkær has it: the median would exaggerate grain that a codec has rounded to few steps.
    """
    response = np.abs(cv2.filter2D(plane, cv2.CV_32F, IMMERKAER))
    lit = [tile for tile in tile_slices(*gray.shape[:2]) if gray[tile].size and _LEVELS[0] < np.median(gray[tile][::4, ::4]) < _LEVELS[1]]
    return np.array([cv2.mean(response[tile])[0] * _TO_SIGMA for tile in lit])


def block_ratio_of(gray: Picture) -> float:
    """Share of an 8 by 8 grid's lines at which the brightness steps as it does not beside them; in the direction with less of them.

    A step counts from 10 levels on if it is twice what happens two pixels around. The grid's place is searched, since a picture may have
    been cut, and what is found off the grid, the room's own edges, is taken off.
    """
    height, width = gray.shape[:2]
    top, left = max(0, (height - _CROP_PX[1]) // 2), max(0, (width - _CROP_PX[0]) // 2)
    cut = gray[top : top + _CROP_PX[1], left : left + _CROP_PX[0]].astype(np.float32)
    if min(cut.shape[:2]) < 8 * _BLOCK_PX:
        return 0.0
    return min(_block_ratio(cut), _block_ratio(np.ascontiguousarray(cut.T)))


def _block_ratio(gray: Plane) -> float:
    strips = cv2.resize(gray, (gray.shape[1], gray.shape[0] // _BLOCK_PX), interpolation=cv2.INTER_AREA)
    steps = np.abs(np.diff(strips, axis=1))
    around = np.maximum.reduce([np.roll(steps, shift, axis=1) for shift in (-2, -1, 1, 2)])
    stepped = ((steps >= _BLOCK_STEP_LEVEL) & (steps >= 2 * around + 1)).mean(axis=0)
    shares = np.array([float(stepped[place::_BLOCK_PX].mean()) for place in range(_BLOCK_PX)])
    return float(shares.max() - np.median(np.delete(shares, shares.argmax())))


def tint_ratio_of(picture: Picture) -> float:
    """By how much one colour is multiplied against another in (almost) all of the picture; 1 where anything in it is white, grey or black.

    Along the mean tint, in the logarithms of red and blue by green, the place that all but the least tinted 2 % of the pixels exceed.
    """
    if picture.ndim == 2:
        return 1.0
    small = shrunk(picture, _TINT_PX).reshape(-1, 3).astype(np.float32) + _TINT_OFFSET
    tint = np.log(small[:, [2, 0]] / small[:, [1]])
    mean = tint.mean(axis=0)
    strength = float(np.hypot(*mean))
    return float(np.exp(max(0.0, np.percentile(tint @ mean / strength, _UNTINTED_PERCENT)))) if strength > 1e-3 else 1.0
