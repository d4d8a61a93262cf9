"""Frames in, figures out: brightness, contours, sharpness, movement. Pure: no clock, no device.

A picture is a BGR array of dtype uint8 and shape (height, width, 3). Brightness is Rec. 601 luma as OpenCV computes it,
0 to 255 in arrays and 0 to 1 in figures that end in ``_ratio``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]

SMALL_PX = 640
"""Longer side of the picture that most figures are taken from."""
DETAIL_PX = 1280
"""Longer side of the picture that sharpness is taken from, and the width it is told for."""
TILES = 16, 9
"""Columns and rows of tiles of a picture that is wider than high."""
CLIPPED_LEVEL = 250
"""From here up a pixel counts as blown out; codecs ring a few levels below 255."""
IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""What is left of a picture where straight slopes and flat places are taken out: noise, and fine texture."""
_CONTOUR_LEVELS_PER_PX = 3.0
_CONTOUR_NOISE_FACTOR = 1.2
_CONTOUR_SHARE_OF_TILE = 0.01
_ROOM_LEVEL = 90.0
"""Mean level of a room with its light on."""
_TEXT_GROUND_RATIO = 0.85
"""From this much black area a picture may be black with text on it."""
_STROKE_PX = 9
_PRE_BLUR_PX = 1.0
_RE_BLUR_PX = 2.0
_WIDTH_FLOOR_PX = 0.5
_MARGIN_PX = 14
"""Reach of the blurs and slopes beyond a tile."""


@dataclass(frozen=True, slots=True)
class Light:
    """How bright a picture is.

    Attributes:
        mean_ratio: Mean brightness.
        p5_ratio, p95_ratio: Brightness that 5 % and 95 % of the pixels stay below.
        clipped_ratio: Share of pixels with two of their three channels at or above `CLIPPED_LEVEL`: a wall that blows out is
            seldom white in all three, and a bright blue cloth is rightly full in one.
        halftone_ratio: Of the pixels darker than `CLIPPED_LEVEL`, the share that is not really dark (level 90 and up). What blows
            out is bright around it too; on a white page what is not paper is ink.
        histogram: Share of the pixels at each of the 256 levels of luma.
        textless_histogram: The same without thin bright strokes, where a dark picture has any.
    """

    mean_ratio: float
    p5_ratio: float
    p95_ratio: float
    clipped_ratio: float
    halftone_ratio: float
    histogram: NDArray[np.float64]
    textless_histogram: NDArray[np.float64]

    def dark_area_ratio(self, below_ratio: float) -> float:
        """Share of pixels darker than `below_ratio`; 1 is a black picture (rule of ffmpeg's blackdetect), with text on it or not."""
        return float(self.textless_histogram[: max(0, round(below_ratio * 255))].sum())


def shrunk(picture: Picture, longer_px: int) -> Picture:
    """Picture with its longer side at most `longer_px`; averaged, never enlarged."""
    height, width = picture.shape[:2]
    scale = longer_px / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def gray_of(picture: Picture) -> Picture:
    """Luma of a BGR picture, or a picture that is grey already."""
    if picture.ndim == 2:
        return picture
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def light_of(picture: Picture, gray: Picture) -> Light:
    """Brightness of a picture; `gray` is its luma."""
    shares = _histogram(gray)
    running = np.cumsum(shares)
    white = float(shares[CLIPPED_LEVEL:].sum())
    return Light(
        mean_ratio=float(shares @ np.arange(256)) / 255,
        p5_ratio=float(np.searchsorted(running, 0.05)) / 255,
        p95_ratio=float(np.searchsorted(running, 0.95)) / 255,
        clipped_ratio=float((np.count_nonzero(picture >= CLIPPED_LEVEL, axis=2) >= 2).mean()) if picture.ndim == 3 else white,
        halftone_ratio=float(shares[90:CLIPPED_LEVEL].sum()) / (1 - white) if white < 1 else 1.0,
        histogram=shares,
        textless_histogram=_histogram(_without_text(gray)) if _may_carry_text(shares) else shares,
    )


def _histogram(gray: Picture) -> NDArray[np.float64]:
    counts = np.bincount(gray.reshape(-1), minlength=256).astype(np.float64)
    return np.asarray(counts / counts.sum(), np.float64)


def _may_carry_text(histogram: NDArray[np.float64]) -> bool:
    """Whether a picture is nearly black, and much of what is not is bright: letters are, the lights of a dark room seldom."""
    dark, lit, bright = (float(histogram[since:until].sum()) for since, until in ((0, 26), (26, 256), (128, 256)))
    return dark >= _TEXT_GROUND_RATIO and bright >= 0.3 * lit > 0


def _without_text(gray: Picture) -> Picture:
    """A grey picture without bright strokes narrower than `_STROKE_PX`, such as a clock or a channel's name."""
    return np.asarray(cv2.morphologyEx(gray, cv2.MORPH_OPEN, np.ones((_STROKE_PX, _STROKE_PX), np.uint8)), np.uint8)


def noise_level_of(gray: Picture) -> float:
    """Standard deviation of the noise in 8-bit levels, higher is noisier.

    J. Immerkær, "Fast Noise Variance Estimation", CVIU 64(2), 1996, with the median in place of the mean, so that contours on
    less than half of the picture do not count.
    """
    # The response is whole numbers, so counting them finds the median faster than sorting does.
    counts = np.bincount(np.abs(cv2.filter2D(gray, cv2.CV_16S, IMMERKAER)).reshape(-1))
    return float(np.searchsorted(np.cumsum(counts), (gray.size + 1) // 2)) / (6 * 0.6745)


def slope_of(gray: Picture, blur_px: float) -> Plane:
    """Steepness of the brightness in levels per pixel, after a Gaussian of `blur_px`."""
    smooth = np.asarray(cv2.GaussianBlur(gray.astype(np.float32), (0, 0), blur_px), np.float32)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def tile_slices(height: int, width: int) -> list[tuple[slice, slice]]:
    """The tiles of a picture of this size, row by row; an upright picture is laid out in 9 by 16."""
    columns, rows = TILES if width >= height else TILES[::-1]
    ys = [round(height * row / rows) for row in range(rows + 1)]
    xs = [round(width * column / columns) for column in range(columns + 1)]
    return [(slice(top, bottom), slice(left, right)) for top, bottom in pairwise(ys) for left, right in pairwise(xs)]


def contoured_tiles_of(gray: Picture) -> NDArray[np.bool_]:
    """Which tiles show any contour, row by row: steeper than a lens that is covered, or noise, can make it.

    A dim picture is judged as if the light were on (up to four times as bright), so that dusk does not look like a covered lens.
    """
    gain = min(4.0, max(1.0, _ROOM_LEVEL / max(float(gray.mean()), 1.0)))
    slope = slope_of(gray, 1.2)
    limit = max(_CONTOUR_LEVELS_PER_PX / gain, _CONTOUR_NOISE_FACTOR * noise_level_of(gray), 1.0)
    steep = slope > limit
    return np.array([steep[tile].mean() >= _CONTOUR_SHARE_OF_TILE if steep[tile].size else False for tile in tile_slices(*gray.shape[:2])])


def edge_widths_of(gray: Picture) -> Plane:
    """Width of the contours in each tile: standard deviation in px of the Gaussian that would have made them; NaN without contours.

    S. Zhuo, T. Sim, "Defocus map estimation from a single image", Pattern Recognition 44(9), 2011: the slope at a contour before
    and after one more blur tells the blur that was there, whatever its contrast. Wider is more blurred. Never below 0.5.
    """
    limit = max(_CONTOUR_LEVELS_PER_PX, _CONTOUR_NOISE_FACTOR * 1.5 * noise_level_of(shrunk(gray, SMALL_PX)))
    found = np.full(TILES[0] * TILES[1], np.nan, np.float32)
    tiles = tile_slices(*gray.shape[:2])
    # Row by row of tiles: the planes of a whole HD picture would cost more memory than all the rest of the probe.
    for top in dict.fromkeys(tile[0].start for tile in tiles):
        here = [index for index, tile in enumerate(tiles) if tile[0].start == top]
        above = max(0, top - _MARGIN_PX)
        widths = _edge_widths(gray[above : tiles[here[0]][0].stop + _MARGIN_PX], limit)
        for index in here:
            rows, columns = tiles[index]
            tile = widths[rows.start - above : rows.stop - above, columns]
            known = tile[~np.isnan(tile)]
            if known.size >= 4:
                found[index] = np.median(known)
    return found


def _edge_widths(gray: Picture, limit: float) -> Plane:
    """Width of the contour at each pixel that lies on the crest of one steeper than `limit`; NaN elsewhere."""
    slope = slope_of(gray, _PRE_BLUR_PX)
    again = slope_of(gray, float(np.hypot(_PRE_BLUR_PX, _RE_BLUR_PX)))
    crest = (slope >= cv2.dilate(slope, np.ones((3, 3), np.uint8))) & (slope > limit)
    ratio = slope[crest] / np.maximum(again[crest], 1e-6)
    total = _RE_BLUR_PX**2 / np.maximum(ratio**2 - 1, 1e-3)
    widths = np.full(gray.shape, np.nan, np.float32)
    widths[crest] = np.sqrt(np.maximum(total - _PRE_BLUR_PX**2, _WIDTH_FLOOR_PX**2))
    return widths


def sharpest_width_of(widths: Plane) -> float | None:
    """Contour width of the sharpest fifth of the tiles; None if fewer than 4 tiles have contours.

    The sharpest fifth, because a near face may rightly leave the room behind it out of focus; not the single sharpest,
    because a camera's own clock text stays sharp whatever the lens does.
    """
    known = widths[~np.isnan(widths)]
    return float(np.percentile(known, 20)) if known.size >= 4 else None


def motion_level_of(before: Picture, after: Picture) -> float:
    """Mean absolute change between two grey pictures of one size, in 8-bit levels; 0 is no change at all."""
    return float(cv2.mean(cv2.absdiff(before, after))[0])


def correlation_of(one: Plane, other: Plane) -> float:
    """Normalised correlation of two planes of one size, −1 to 1, whatever their brightness and contrast; 0 where one is even."""
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-6 else 0.0
