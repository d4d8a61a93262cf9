"""All figures of one moment of a camera's stream, or of one look, put together from `measure`, `pose` and `patterns`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.camera import measure
from probes.camera.comparison import Comparison, Template, comparison_of, template_of
from probes.camera.measure import DETAIL_PX, SMALL_PX, Light, Picture, Plane
from probes.camera.patterns import shows_bars, shows_one_colour
from probes.camera.pose import Landmarks, Pose, landmarks_of, pose_of
from probes.camera.quality import Quality, quality_of

_MIN_CONTOURED_SHARE = 0.15
_COARSE = (32, 18)


@dataclass(frozen=True, slots=True)
class Reference:
    """An approved view, measured once.

    Attributes:
        gray: Its grey picture, longer side `SMALL_PX`.
        light: Its brightness.
        contoured: Which of its tiles have contours.
        edge_widths: Width of the contours in each tile.
        landmarks: What it is recognised by.
        coarse: Its brightness in 32 by 18 fields.
        template: What colour, clearness and light are compared with.
    """

    gray: Picture
    light: Light
    contoured: NDArray[np.bool_]
    edge_widths: Plane
    landmarks: Landmarks
    coarse: Plane
    template: Template


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of the picture; None where it was not or could not be measured.

    Attributes:
        width_px, height_px: Size of the frames as delivered.
        light: Brightness.
        contour_ratio: Share of tiles with any contour.
        noise_level: Standard deviation of the noise, 8-bit levels.
        bars, one_colour: Whether it is a test pattern or a plain coloured screen.
        edge_width_px: Width of the sharpest contours, px of a picture at most 1280 px wide; wider is more blurred.
        sharpness_ratio: Reference's contour width by the present one, over the tiles that have both; 1 is as sharp.
        lost_ratio: Share of the reference's contoured tiles that have none now.
        likeness: Correlation of the coarse brightness with the reference's, −1 to 1; a blurred view stays near 1.
        pose: Where the camera looks, against the reference.
        motion_level: Change since the frame before (of a look: the largest), 8-bit levels.
        usual_motion_level: Median of that change over the last second, or over the look.
        drift_level_per_s: Change since a picture of up to two seconds before, by the time between; what a codec refines of a picture that
            stands still comes to an end, what noise and people change does not.
        grain_level: Noise that differs from frame to frame, median over the last second, 8-bit levels.
        rolling_percent, standing_percent: Swing of bands of light that roll through the picture, or in which it differs from the
            reference, in percent of the brightness; 0 without any.
        frame_rate_hz: Frames per second.
        lost_frames_ratio: Share of the frames that did not come.
        reference_light: Brightness of the reference.
        quality: Of the picture by itself.
        comparison: With the reference.
    """

    width_px: int
    height_px: int
    light: Light
    contour_ratio: float
    noise_level: float
    bars: bool = False
    one_colour: bool = False
    edge_width_px: float | None = None
    sharpness_ratio: float | None = None
    lost_ratio: float | None = None
    likeness: float | None = None
    pose: Pose | None = None
    motion_level: float | None = None
    usual_motion_level: float | None = None
    drift_level_per_s: float | None = None
    grain_level: float | None = None
    rolling_percent: float = 0.0
    standing_percent: float = 0.0
    frame_rate_hz: float | None = None
    lost_frames_ratio: float | None = None
    reference_light: Light | None = None
    quality: Quality | None = None
    comparison: Comparison | None = None

    def with_details_of(self, other: Figures | None) -> Figures:
        """These figures, with what `detailed` adds taken from another moment's."""
        if other is None:
            return self
        return replace(
            self,
            edge_width_px=other.edge_width_px,
            sharpness_ratio=other.sharpness_ratio,
            pose=other.pose,
            quality=other.quality,
            comparison=other.comparison,
        )


def reference_of(picture: Picture) -> Reference:
    """Measure an approved view."""
    small = measure.shrunk(picture, SMALL_PX)
    gray = measure.gray_of(small)
    return Reference(
        gray=gray,
        light=measure.light_of(small, gray),
        contoured=measure.contoured_tiles_of(gray),
        edge_widths=measure.edge_widths_of(measure.gray_of(measure.shrunk(picture, DETAIL_PX))),
        landmarks=landmarks_of(gray),
        coarse=_coarse(gray),
        template=template_of(picture, gray),
    )


def quick_figures(picture: Picture, gray: Picture, size_px: tuple[int, int], reference: Reference | None = None) -> Figures:
    """What is cheap enough for ten frames a second: light, contours, patterns.

    Args:
        picture: BGR frame, any size.
        gray: Its grey picture, longer side at most `SMALL_PX`.
        size_px: Width and height as delivered.
        reference: The approved view.
    """
    small = measure.shrunk(picture, SMALL_PX)
    contoured = measure.contoured_tiles_of(gray)
    noise_level = measure.noise_level_of(gray)
    calm = noise_level < 4 and small.ndim == 3
    found = Figures(
        width_px=size_px[0],
        height_px=size_px[1],
        light=measure.light_of(small, gray),
        contour_ratio=float(contoured.mean()),
        noise_level=noise_level,
        bars=calm and shows_bars(small),
        one_colour=calm and shows_one_colour(small, gray),
    )
    if reference is None or not comparable(gray, reference):
        return found
    lost = None
    if reference.contoured.mean() >= _MIN_CONTOURED_SHARE:
        lost = float((~contoured[reference.contoured]).mean())
    return replace(
        found, lost_ratio=lost, likeness=measure.correlation_of(_coarse(gray), reference.coarse), reference_light=reference.light
    )


def detailed(found: Figures, picture: Picture, gray: Picture, reference: Reference | None = None) -> Figures:
    """Add what is worth measuring only once or twice a second: sharpness, quality, and against a reference pose, colour and clearness."""
    whole = measure.gray_of(picture)
    widths = measure.edge_widths_of(measure.shrunk(whole, DETAIL_PX))
    found = replace(found, edge_width_px=measure.sharpest_width_of(widths), quality=quality_of(picture, whole))
    if reference is None or not comparable(gray, reference):
        return found
    both = ~np.isnan(widths) & ~np.isnan(reference.edge_widths)
    sharpness = float(np.median(reference.edge_widths[both] / widths[both])) if both.sum() >= 6 else None
    fitted = np.asarray(cv2.resize(gray, reference.gray.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return replace(
        found,
        sharpness_ratio=sharpness,
        pose=pose_of(landmarks_of(fitted), reference.landmarks),
        comparison=comparison_of(picture, fitted, reference.template),
    )


def comparable(gray: Picture, reference: Reference) -> bool:
    """Whether a picture has the reference's proportions; a 4:3 view cannot be laid over a 16:9 one."""
    (height, width), (reference_height, reference_width) = gray.shape[:2], reference.gray.shape[:2]
    return bool(abs(width / height - reference_width / reference_height) < 0.02 * reference_width / reference_height)


def look_figures(moments: Sequence[Figures], best: Figures) -> Figures:
    """Figures of a whole look: the typical moment, so that a flash or one broken frame decides nothing.

    Args:
        moments: Quick figures of the look's frames, at least one.
        best: The moment with details.
    """
    by_light = sorted(moments, key=lambda moment: moment.light.mean_ratio)
    typical = by_light[len(by_light) // 2]
    motions = [moment.motion_level for moment in moments if moment.motion_level is not None]
    return replace(
        best,
        light=typical.light,
        contour_ratio=float(np.median([moment.contour_ratio for moment in moments])),
        noise_level=float(np.median([moment.noise_level for moment in moments])),
        bars=sum(moment.bars for moment in moments) > len(moments) / 2,
        one_colour=sum(moment.one_colour for moment in moments) > len(moments) / 2,
        lost_ratio=_median([moment.lost_ratio for moment in moments]),
        likeness=_median([moment.likeness for moment in moments]),
        motion_level=max(motions, default=None),
        usual_motion_level=_median(motions),
    )


def _median(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return float(np.median(known)) if known else None


def _coarse(gray: Picture) -> Plane:
    size = _COARSE if gray.shape[1] >= gray.shape[0] else _COARSE[::-1]
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.float32)
