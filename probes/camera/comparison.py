"""What a picture has lost against the approved view while it still shows the same room: colour, clear places, light. Pure.

People and slides change a part of the picture: every figure is a median over it, or asks whether what is there is still the room.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.camera.measure import SMALL_PX, Picture, Plane, correlation_of, slope_of, tile_slices

_FIELDS = 32, 18
_OFFSET = 2.0
"""Added to levels before their logarithm."""
_MEASURABLE = 6.0, 250.0
_MIN_FIELDS = 60
_MIN_TILES = 12
_SLOPE_BLUR_PX = 0.8
_CONTOUR_LEVELS_PER_PX = 4.0
_SOFT_PX = 8.0
"""Of a picture as wide as `SMALL_PX`."""
_DULLED = 0.45
_STILL_THE_ROOM = 0.8
_THROUGH_A_SMEAR = 0.4, 1.2
_HAZE_LEVEL = 50.0
"""Through a smear what is coarse keeps its shape (0.91 at least, where a face before it has 0.72 in the median), most of its contrast, and
nearly its brightness."""
_BLOWN_SHARE = 0.2
_BRIGHT_LEVEL = 240
_LEAST_REST = 0.1
_DARK_LEVEL = 30
"""What was as dark as this when the view was approved cannot show by how much it has darkened."""


@dataclass(frozen=True, slots=True)
class Template:
    """An approved view, prepared for comparison.

    Attributes:
        fields: Mean colour (BGR) of 32 by 18 fields.
        gray: Grey picture, longer side `SMALL_PX`.
        contour_levels: Steepness of each tile's steepest tenth.
        soft: The grey picture without anything fine.
    """

    fields: Plane
    gray: Picture
    contour_levels: NDArray[np.float64]
    soft: Plane


@dataclass(frozen=True, slots=True)
class Comparison:
    """A picture against its template; None where too little of the two can be compared.

    Attributes:
        cast_ratio: By how much one colour is multiplied against another over the room; 1 is none.
        smeared_ratio: Share of the contoured tiles that show the same in soft, while the others are as clear as ever.
        brightened_ratio: Share of the picture that has become very bright and was not.
        dimmed_ratio: Brightness of the rest by what it was.
    """

    cast_ratio: float | None
    smeared_ratio: float | None
    brightened_ratio: float
    dimmed_ratio: float | None


def template_of(picture: Picture, gray: Picture) -> Template:
    """Prepare an approved view (BGR); `gray` is its small grey picture."""
    return Template(fields=_fields(picture), gray=gray, contour_levels=_contour_levels(gray), soft=_soft(gray))


def comparison_of(picture: Picture, gray: Picture, template: Template) -> Comparison:
    """Compare a picture (BGR) with an approved view of the same proportions; `gray` is its grey picture, of the template's size."""
    rest = (gray < _BRIGHT_LEVEL) & (template.gray < _BRIGHT_LEVEL) & (template.gray > _DARK_LEVEL)
    levels = gray[rest] / template.gray[rest].astype(np.float32)
    return Comparison(
        cast_ratio=_cast_ratio(_fields(picture), template.fields),
        smeared_ratio=_smeared_ratio(gray, template),
        brightened_ratio=float(((gray >= _BRIGHT_LEVEL) & (template.gray < _BRIGHT_LEVEL)).mean()),
        dimmed_ratio=float(np.median(levels)) if levels.size >= _LEAST_REST * gray.size else None,
    )


def _cast_ratio(now: Plane, approved: Plane) -> float | None:
    """Of the medians, over the fields, of red and blue by green against the approved view: their length, as a factor."""
    usable = np.ones(now.shape[:2], bool)
    for fields in (now, approved):
        usable &= (fields.min(axis=2) > _MEASURABLE[0]) & (fields.max(axis=2) < _MEASURABLE[1])
    if usable.sum() < _MIN_FIELDS:
        return None
    change = np.log((now[usable] + _OFFSET) / (approved[usable] + _OFFSET))
    return float(np.exp(np.hypot(np.median(change[:, 2] - change[:, 1]), np.median(change[:, 0] - change[:, 1]))))


def _smeared_ratio(gray: Picture, template: Template) -> float | None:
    """A tile is smeared if its contours have faded far more than the picture's have, and what is coarse in it is still the room."""
    blown = gray >= _BRIGHT_LEVEL
    tiles = tile_slices(*gray.shape[:2])
    usable = (template.contour_levels > _CONTOUR_LEVELS_PER_PX) & np.array([blown[tile].mean() < _BLOWN_SHARE for tile in tiles])
    if usable.sum() < _MIN_TILES:
        return None
    kept = _contour_levels(gray) / np.maximum(template.contour_levels, 0.1)
    dulled = usable & (kept < _DULLED * float(np.median(kept[usable])))
    soft = _soft(gray)
    same = [index for index in np.flatnonzero(dulled) if _shows_through(soft[tiles[index]], template.soft[tiles[index]])]
    return len(same) / float(usable.sum())


def _shows_through(now: Plane, approved: Plane) -> bool:
    """Whether a soft tile is the approved one behind a smear, and not something else that stands before it."""
    if abs(float(now.mean() - approved.mean())) >= _HAZE_LEVEL or correlation_of(now, approved) <= _STILL_THE_ROOM:
        return False
    contrast = float(((now - now.mean()) * (approved - approved.mean())).sum() / max(1e-6, float(approved.var()) * approved.size))
    return _THROUGH_A_SMEAR[0] < contrast < _THROUGH_A_SMEAR[1]


def _fields(picture: Picture) -> Plane:
    if picture.ndim == 2:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)
    size = _FIELDS if picture.shape[1] >= picture.shape[0] else _FIELDS[::-1]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _contour_levels(gray: Picture) -> NDArray[np.float64]:
    slope = slope_of(gray, _SLOPE_BLUR_PX)
    return np.array([float(np.percentile(slope[tile], 90)) if slope[tile].size else 0.0 for tile in tile_slices(*gray.shape[:2])])


def _soft(gray: Picture) -> Plane:
    soft_px = _SOFT_PX * max(gray.shape) / SMALL_PX
    return np.asarray(cv2.GaussianBlur(gray.astype(np.float32), (0, 0), soft_px), np.float32)
