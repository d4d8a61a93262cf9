"""Where the camera looks, against an approved reference: shift, rotation, zoom. Pure.

A face or a crowd moves without the camera having moved. So a transform counts only if it explains the picture in most of the
room's tiles better than "nothing moved" does, and the measure says nothing where the picture shows too little to tell.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.camera.measure import TILES, Picture, Plane, correlation_of, slope_of, tile_slices

_FEATURES = 1200
_MIN_INLIERS = 18
_MIN_INLIER_SHARE = 0.25
_MIN_TEXTURED_TILES = 12
_TEXTURE_LEVELS_PER_PX = 1.5
_SAME = 0.55
"""Correlation of a tile's contours from which it shows the same thing; two different things stay below 0.3."""
_BETTER = 0.15
_BETTER_SHARE, _WORSE_SHARE = 0.3, 0.5
"""Of the textured tiles, and of those that are better: how many must be better, and how many may be worse, after a view was carried."""
_CONTOUR_BLUR_PX = 1.5
_MIN_CORNERS = 3
_PLAIN_CORNERS, _PLAIN_BETTER_SHARE, _PLAIN_WORSE_SHARE, _PLAIN_KEPT_SHARE = 2, 0.6, 0.1, 0.6
"""What has contours in two corners only must agree more. The two lower corners are not enough: shoulders fill them."""


_Tiles = NDArray[np.bool_]
"""One truth value for each tile, row by row."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What a picture is recognised by.

    Attributes:
        gray: The grey picture that it was taken from.
        points: Positions of the corners in px, shape (n, 2).
        descriptors: Their ORB descriptors, shape (n, 32); None without corners.
        contours: Slope of the brightness, for the comparison of tiles.
    """

    gray: Picture
    points: Plane
    descriptors: NDArray[np.uint8] | None
    contours: Plane


@dataclass(frozen=True, slots=True)
class Pose:
    """How a view lies against the reference.

    Attributes:
        kept_ratio: Share of the reference's textured tiles that still show the same thing in the same place; None when the
            reference has too little texture, or texture in too few corners of the picture, for the view's loss to mean anything.
        kept_corners: In how many of the four corners something is still in its place.
        shift_percent: Movement of the picture's centre, of its width; None when no transform could be established.
        rotation_deg: Rotation, without sign.
        zoom_percent: Change of scale, without sign.
    """

    kept_ratio: float | None
    kept_corners: int = 0
    shift_percent: float | None = None
    rotation_deg: float | None = None
    zoom_percent: float | None = None


def landmarks_of(gray: Picture) -> Landmarks:
    """Corners of a grey picture, spread over its tiles so that one busy corner of the room cannot decide alone."""
    orb = cv2.ORB.create(nfeatures=3 * _FEATURES, fastThreshold=8, edgeThreshold=15, patchSize=31)
    height, width = gray.shape[:2]
    columns, rows = TILES if width >= height else TILES[::-1]
    quota = -(-_FEATURES // (columns * rows))
    taken: Counter[tuple[int, int]] = Counter()
    kept = []
    for corner in sorted(orb.detect(gray, None), key=lambda corner: -corner.response):
        tile = int(corner.pt[0] * columns / width), int(corner.pt[1] * rows / height)
        if taken[tile] < quota:
            taken[tile] += 1
            kept.append(corner)
    descriptors: NDArray[np.uint8] | None = None
    if kept:
        found, computed = orb.compute(gray, kept)
        kept, descriptors = list(found), np.asarray(computed, np.uint8)
    points = np.array([corner.pt for corner in kept], np.float32).reshape(-1, 2)
    return Landmarks(gray=gray, points=points, descriptors=descriptors, contours=slope_of(gray, _CONTOUR_BLUR_PX))


def pose_of(now: Landmarks, reference: Landmarks) -> Pose:
    """Pose of a view against the reference; both must be of one size.

    Shift, rotation and zoom come from ORB corners and RANSAC (Fischler and Bolles 1981) over similarities; the transform is
    believed only if it explains clearly more of the textured tiles than "nothing moved" does.
    """
    textured = _textured_tiles(reference)
    corners = _corners(*reference.gray.shape[:2])
    spread = _spread(textured, corners)
    if textured.sum() < _MIN_TEXTURED_TILES or not _wide(spread, _PLAIN_CORNERS):
        return Pose(kept_ratio=None)
    plain = sum(spread) < _MIN_CORNERS
    in_place = _tile_likeness(now.contours, reference.contours)
    kept = textured & (in_place >= _SAME)
    kept_ratio, kept_spread = float(kept.sum() / textured.sum()), _spread(kept, corners)
    pose = Pose(kept_ratio=None) if plain else Pose(kept_ratio=kept_ratio, kept_corners=sum(kept_spread))
    transform = _similarity(now, reference)
    if transform is None:
        return pose
    moved, inside = _carried_likeness(now, reference, transform)
    seen = textured & inside
    if _believed(seen, seen & (moved > in_place + _BETTER), seen & (in_place > moved + _BETTER), corners, plain=plain):
        shift, rotation, zoom = _figures(transform, *reference.gray.shape[:2])
        return replace(pose, shift_percent=shift, rotation_deg=rotation, zoom_percent=zoom)
    stands = _wide(kept_spread, _PLAIN_CORNERS) and kept_ratio >= _PLAIN_KEPT_SHARE if plain else _wide(kept_spread, _MIN_CORNERS)
    return replace(pose, shift_percent=0.0, rotation_deg=0.0, zoom_percent=0.0) if stands else pose


def _believed(seen: _Tiles, better: _Tiles, worse: _Tiles, corners: list[_Tiles], *, plain: bool) -> bool:
    """Whether a transform explains the view: of the textured tiles that it covers, which are better and which worse than in place."""
    if plain:
        # Nearly all of what there is must agree, in every corner that is still in the picture.
        many = seen.sum() >= _MIN_TEXTURED_TILES and better.sum() >= _PLAIN_BETTER_SHARE * seen.sum()
        return bool(many and worse.sum() < _PLAIN_WORSE_SHARE * better.sum()) and _spread(better, corners) == _spread(seen, corners)
    many = better.sum() >= _BETTER_SHARE * seen.sum() and worse.sum() < _WORSE_SHARE * better.sum()
    return bool(many) and _wide(_spread(better, corners), _MIN_CORNERS)


def _corners(height: int, width: int) -> list[_Tiles]:
    """For each of the four corner fields (a third of the width, under half of the height) which tiles belong to it."""
    tiles = tile_slices(height, width)
    left = np.array([tile[1].stop <= 0.33 * width for tile in tiles])
    right = np.array([tile[1].start >= 0.67 * width for tile in tiles])
    top = np.array([tile[0].stop <= 0.45 * height for tile in tiles])
    bottom = np.array([tile[0].start >= 0.55 * height for tile in tiles])
    return [top & left, top & right, bottom & left, bottom & right]


def _spread(tiles: _Tiles, corners: list[_Tiles]) -> list[bool]:
    """In which corner fields of the picture such tiles lie: a person rarely fills three of them, a moved camera changes all."""
    return [int((tiles & corner).sum()) >= 2 for corner in corners]


def _wide(spread: list[bool], least: int) -> bool:
    """Whether so many corners are reached, an upper one among them."""
    return sum(spread) >= least and any(spread[:2])


def _carried_likeness(now: Landmarks, reference: Landmarks, transform: NDArray[np.float64]) -> tuple[Plane, _Tiles]:
    """Likeness of the tiles after the present view was carried back onto the reference, and which tiles it then covers."""
    height, width = reference.gray.shape[:2]
    back = cv2.invertAffineTransform(transform)
    inside = cv2.warpAffine(np.ones((height, width), np.uint8), back, (width, height))
    carried = slope_of(np.asarray(cv2.warpAffine(now.gray, back, (width, height)), np.uint8), _CONTOUR_BLUR_PX)
    seen = np.array([inside[tile].min() > 0 for tile in tile_slices(height, width)])
    return _tile_likeness(carried, reference.contours), seen


def _textured_tiles(picture: Landmarks) -> _Tiles:
    return np.array([float(picture.contours[tile].std()) >= _TEXTURE_LEVELS_PER_PX for tile in tile_slices(*picture.gray.shape[:2])])


def _tile_likeness(one: Plane, other: Plane) -> Plane:
    """Normalised correlation of the contours, tile by tile: 1 the same, 0 nothing in common; brightness does not matter."""
    return np.array([correlation_of(one[tile], other[tile]) for tile in tile_slices(*other.shape[:2])], np.float32)


def _similarity(now: Landmarks, reference: Landmarks) -> NDArray[np.float64] | None:
    """Similarity that carries the reference's corners onto the present ones, or None without enough agreement."""
    if now.descriptors is None or reference.descriptors is None or min(len(now.points), len(reference.points)) < _MIN_INLIERS:
        return None
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    matches = [match for match in matcher.match(reference.descriptors, now.descriptors) if match.distance <= 48]
    if len(matches) < _MIN_INLIERS:
        return None
    source = reference.points[[match.queryIdx for match in matches]]
    target = now.points[[match.trainIdx for match in matches]]
    cv2.setRNGSeed(1)
    # The stubs promise a transform; without agreement there is none.
    estimate: tuple[Any, Any] = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=3.0, maxIters=2000, confidence=0.995, refineIters=10
    )
    transform, inliers = estimate
    if transform is None or inliers.sum() < max(_MIN_INLIERS, _MIN_INLIER_SHARE * len(matches)):
        return None
    return np.asarray(transform, np.float64)


def _figures(transform: NDArray[np.float64], height: int, width: int) -> tuple[float, float, float]:
    """Shift of the centre in percent of the width, rotation in degrees, change of scale in percent, all without sign."""
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    rotation = float(np.degrees(np.arctan2(transform[1, 0], transform[0, 0])))
    centre = np.array([width / 2, height / 2])
    shift = transform[:, :2] @ centre + transform[:, 2] - centre
    return 100 * float(np.hypot(*shift)) / width, abs(rotation), 100 * abs(scale - 1)
