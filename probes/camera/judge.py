"""Figures and limits in, suspicions out: which faults a moment or a look of the picture shows. Pure.

Rules are ordered from what explains most to what explains least; one that holds silences those that it would trigger by
itself (a black picture is also still, dark and without contours, and only "black" is told).
"""

from __future__ import annotations

from collections.abc import Sequence

from probes.camera import judge_quality
from probes.camera.figures import Figures
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.suspicion import Rule, Suspicion

_POSE_ERROR = 0.05
"""Measuring error of shift (% of the width) and rotation (degrees), seen on rendered moves; that of zoom is three times as large."""
_PAGE_HALFTONE_RATIO = 0.5
"""Below this the white is a page or a slide, not blown-out light."""
_LIKE = 0.75
"""Coarse likeness from which a picture without contours is the same view out of focus, not a covered lens."""
_VIEW_LOST_RATIO = 0.05
_STRUCTURED_RATIO, _PITCH_DARK_RATIO = 0.4, 0.02
_BRIGHTENED, _BLOWN_RATIO = 1.8, 0.08
"""A view that has become so much brighter than it was approved, and blown out in so much more of it, is too bright whatever it was."""
_LIKE_BRIGHTENED = 0.5
_MOSTLY_BLOWN_RATIO = 0.7
_CALM_LEVEL = 3.0
"""Noise above this hides contours that are there."""


def suspicions(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> list[Suspicion]:
    """Every fault that these figures show; empty for a usable picture."""
    found: list[Suspicion] = []
    silenced: set[str] = set()
    for rule, silences in _RULES:
        suspicion = rule(figures, limits, settings)
        if suspicion is not None and suspicion.code not in silenced:
            found.append(suspicion)
            silenced.update(silences)
    return found


def _one_colour(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    return Suspicion("camera.no_signal", details={"seen": "one_colour"}) if figures.one_colour else None


def _bars(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    return Suspicion("camera.test_pattern") if figures.bars else None


def _black(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    area = figures.light.dark_area_ratio(limits.black_luma_ratio)
    # Where the room can still be made out it is too dark, which light or exposure mends; a lens cap leaves nothing.
    if area < limits.black_area_ratio or (figures.contour_ratio > _STRUCTURED_RATIO and figures.light.mean_ratio > _PITCH_DARK_RATIO):
        return None
    return Suspicion("camera.black", figure=100 * area, limit=100 * limits.black_area_ratio, unit="%")


def _overexposed(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    light, approved = figures.light, figures.reference_light
    limit, enough = limits.overexposed_clipped_ratio, light.mean_ratio >= limits.overexposed_luma_ratio
    if approved is not None:
        if light.mean_ratio >= _BRIGHTENED * approved.mean_ratio:
            limit, enough = approved.clipped_ratio + _BLOWN_RATIO, True
        else:
            # A window that was bright when the view was approved is part of the view.
            limit = max(limit, min(0.9, approved.clipped_ratio + limit / 2))
    if light.clipped_ratio < limit or not enough or (_is_page(figures) and not _is_brightened_room(figures)):
        return None
    return Suspicion("camera.overexposed", figure=100 * light.clipped_ratio, limit=100 * limit, unit="%")


def _is_page(figures: Figures) -> bool:
    return figures.light.clipped_ratio > 0.5 and figures.light.halftone_ratio < _PAGE_HALFTONE_RATIO and figures.contour_ratio > 0.02


def _is_brightened_room(figures: Figures) -> bool:
    """A dark room, blown out, is as white and black as a page; but what is coarse in it is still the approved view."""
    approved, like = figures.reference_light, figures.likeness
    return (
        approved is not None
        and like is not None
        and like >= _LIKE_BRIGHTENED
        and figures.light.mean_ratio >= _BRIGHTENED * approved.mean_ratio
    )


def _covered(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    if _is_page(figures) or figures.light.clipped_ratio > 0.9:
        return None
    if figures.lost_ratio is not None and figures.likeness is not None:
        lost = figures.lost_ratio
        if _view_is_gone(figures) and (figures.edge_width_px or 0) > limits.blurred_edge_width_px:
            # Cloth or fingers before the lens make contours of their own, but soft ones, and nothing of the view is left.
            lost = 1.0
        if lost >= limits.covered_lost_ratio and figures.likeness < _LIKE:
            return Suspicion("camera.covered", figure=100 * lost, limit=100 * limits.covered_lost_ratio, unit="%")
        return None
    if figures.contour_ratio >= limits.covered_edge_ratio or figures.noise_level >= limits.noisy_level:
        # Such grain hides contours that are there, and is told itself.
        return None
    return Suspicion("camera.covered", figure=100 * (1 - figures.contour_ratio), limit=100 * (1 - limits.covered_edge_ratio), unit="%")


def _view_is_gone(figures: Figures) -> bool:
    pose = figures.pose
    return pose is not None and pose.kept_ratio is not None and pose.kept_ratio <= _VIEW_LOST_RATIO and pose.kept_corners == 0


def _underexposed(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    light = figures.light
    if light.mean_ratio >= limits.underexposed_luma_ratio or light.p95_ratio >= limits.underexposed_bright_ratio:
        return None
    return Suspicion("camera.underexposed", figure=100 * light.mean_ratio, limit=100 * limits.underexposed_luma_ratio, unit="%")


def _frozen(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    largest, usual = figures.motion_level, figures.usual_motion_level
    drift = figures.drift_level_per_s
    if largest is None or usual is None or largest > limits.frozen_motion_level or usual > limits.frozen_usual_motion_level:
        return None
    if drift is None or drift > limits.frozen_drift_level_per_s:
        return None
    if figures.light.clipped_ratio > _MOSTLY_BLOWN_RATIO:
        # What is blown out shows no noise; it would look still whatever happens.
        return None
    if _is_page(figures) or figures.quality is None or (figures.quality.is_drawn and figures.contour_ratio > 0):
        # Drawn, not filmed: a slide may stand still.
        return None
    return Suspicion("camera.frozen", figure=round(drift, 4), limit=limits.frozen_drift_level_per_s)


def _blurred(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    width = figures.edge_width_px
    if width is not None and width > limits.blurred_edge_width_px:
        # Told as sharpness, as against a reference, so that one sentence serves: contours half as wide as the limit are fully sharp.
        return Suspicion("camera.blurred", figure=50 * limits.blurred_edge_width_px / width, limit=50.0, unit="%")
    lost, like = figures.lost_ratio, figures.likeness
    if lost is not None and like is not None and lost >= 0.5 and like >= 0.9 and figures.noise_level < _CALM_LEVEL and width is None:
        # So far out of focus that no contour is left to measure, and yet the same view.
        return Suspicion("camera.blurred", figure=100 * (1 - lost), limit=50.0, unit="%")
    sharpness = figures.sharpness_ratio
    moved = figures.pose is not None and figures.pose.kept_ratio is not None and figures.pose.kept_ratio < 0.3
    if (
        sharpness is None
        or moved
        or sharpness >= limits.blurred_sharpness_ratio
        or width is None
        or width < limits.blurred_edge_width_px / 2
    ):
        return None
    return Suspicion("camera.blurred", figure=100 * sharpness, limit=100 * limits.blurred_sharpness_ratio, unit="%")


def _moved(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    pose = figures.pose
    if pose is None:
        return None
    if pose.shift_percent is None or pose.rotation_deg is None or pose.zoom_percent is None:
        if pose.kept_ratio is not None and _view_is_gone(figures) and figures.contour_ratio > 0.5:
            words: dict[str, float | str] = {"shift_percent": "?", "rotation_deg": "?", "zoom_percent": "?"}
            return Suspicion(
                "camera.moved", figure=100 * (1 - pose.kept_ratio), limit=100 * (1 - _VIEW_LOST_RATIO), unit="%", details=words
            )
        return None
    words = {"shift_percent": pose.shift_percent, "rotation_deg": pose.rotation_deg, "zoom_percent": pose.zoom_percent}
    measured = (
        (pose.shift_percent, limits.moved_shift_percent, _POSE_ERROR, "%"),
        (pose.rotation_deg, limits.moved_rotation_deg, _POSE_ERROR, "°"),
        (pose.zoom_percent, limits.moved_zoom_percent, 3 * _POSE_ERROR, "%"),
    )
    over = [(figure / limit, figure, limit, unit) for figure, limit, error, unit in measured if limit > 0 and figure >= limit - error]
    if not over:
        return None
    _, figure, limit, unit = max(over)
    return Suspicion("camera.moved", figure=figure, limit=limit, unit=unit, details=words)


def _low_resolution(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:
    short, long = sorted((figures.width_px, figures.height_px))
    if not settings.hd_required or (short >= limits.min_height_px and long >= limits.min_width_px):
        return None
    return Suspicion(
        "camera.low_resolution",
        figure=float(short),
        limit=float(limits.min_height_px),
        unit="px",
        details={"size": f"{figures.width_px}×{figures.height_px}", "wanted": f"{limits.min_width_px}×{limits.min_height_px}"},
    )


def _low_frame_rate(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    if figures.frame_rate_hz is None or figures.frame_rate_hz >= limits.min_frame_rate_hz:
        return None
    return Suspicion("camera.low_frame_rate", figure=figures.frame_rate_hz, limit=limits.min_frame_rate_hz, unit="Hz")


_ALL_QUALITY = ("camera.noisy", "camera.blocky", "camera.color_cast", "camera.dirty", "camera.backlit", "camera.banding")
_NOTHING_TO_SEE = (
    "camera.black",
    "camera.overexposed",
    "camera.covered",
    "camera.underexposed",
    "camera.frozen",
    "camera.blurred",
    "camera.moved",
    *_ALL_QUALITY,
)
_AGAINST_THE_VIEW = ("camera.color_cast", "camera.dirty", "camera.backlit")
_RULES: Sequence[tuple[Rule, Sequence[str]]] = (
    (_one_colour, _NOTHING_TO_SEE),
    (_bars, _NOTHING_TO_SEE),
    (_black, _NOTHING_TO_SEE),
    (_overexposed, ("camera.covered", "camera.blurred", "camera.moved", *_AGAINST_THE_VIEW, "camera.blocky")),
    (_covered, ("camera.underexposed", "camera.frozen", "camera.blurred", "camera.moved", *_ALL_QUALITY)),
    (judge_quality.backlit, ("camera.underexposed", "camera.dirty")),
    (_underexposed, ("camera.moved", *_AGAINST_THE_VIEW)),
    (_frozen, ()),
    (_blurred, ("camera.moved", "camera.dirty")),
    (_moved, _AGAINST_THE_VIEW),
    (judge_quality.noisy, ("camera.dirty",)),
    (judge_quality.blocky, ("camera.dirty",)),
    (judge_quality.color_cast, ()),
    (judge_quality.dirty, ()),
    (judge_quality.banding, ()),
    (_low_resolution, ()),
    (_low_frame_rate, ()),
    (judge_quality.dropped_frames, ()),
)
