"""Rules of what spoils a picture that is there: grain, blocks, colour, dirt, light from behind, bands, lost frames. Pure; see `judge`."""

from __future__ import annotations

from probes.camera.comparison import Comparison
from probes.camera.figures import Figures
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.suspicion import Suspicion

_EVENEST_SHARE, _EVENEST_ALONE = 0.5, 1.3
"""Of the limit: even places must show so much of the grain, since what flickers in textured places only is a tree, or a screen; and so much
in them is grain even if it stands still, as a codec that runs short of bits leaves it."""
_KEPT_RATIO, _LIKENESS = 0.25, 0.5
_STANDING_FACTOR = 1.5
"""Bands that stand still are told against the view only, where people differ too."""


def noisy(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    """Grain: from frame to frame, or in places that should be even."""
    evenest = None if figures.quality is None else figures.quality.evenest_noise_level
    if evenest is None:
        return None
    level, limit = figures.grain_level or 0.0, limits.noisy_level
    if evenest < _EVENEST_ALONE * limit and (level < limit or evenest < _EVENEST_SHARE * limit):
        return None
    return Suspicion("camera.noisy", figure=max(level, evenest), limit=limit)


def blocky(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    """Blocks of a picture that was compressed too far."""
    quality = figures.quality
    if quality is None or quality.block_ratio < limits.blocky_ratio:
        return None
    return Suspicion("camera.blocky", figure=100 * quality.block_ratio, limit=100 * limits.blocky_ratio, unit="%")


def color_cast(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    """Colours that are not the approved view's; without one, a tint that nothing in the picture is free of."""
    comparison = _of_the_room(figures)
    if comparison is not None and comparison.cast_ratio is not None:
        ratio, limit = comparison.cast_ratio, limits.color_cast_ratio
    elif figures.quality is not None:
        ratio, limit = figures.quality.tint_ratio, limits.tint_ratio
    else:
        return None
    return Suspicion("camera.color_cast", figure=100 * (ratio - 1), limit=100 * (limit - 1), unit="%") if ratio >= limit else None


def dirty(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    """Places that are soft and still show the room."""
    comparison = figures.comparison
    # Only where it is certain that the camera has not moved: a tile that shows the place beside it may look like a soft one.
    if comparison is None or figures.pose is None or figures.pose.shift_percent != 0:
        return None
    if comparison.smeared_ratio is None or comparison.smeared_ratio < limits.dirty_area_ratio:
        return None
    return Suspicion("camera.dirty", figure=100 * comparison.smeared_ratio, limit=100 * limits.dirty_area_ratio, unit="%")


def backlit(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    """A bright part that was not there, and a room that has become dark beside it."""
    comparison = _of_the_room(figures)
    if comparison is None or comparison.dimmed_ratio is None or comparison.dimmed_ratio > limits.backlit_dimmed_ratio:
        return None
    if comparison.brightened_ratio < limits.backlit_bright_ratio:
        return None
    return Suspicion("camera.backlit", figure=100 * comparison.dimmed_ratio, limit=100 * limits.backlit_dimmed_ratio, unit="%")


def banding(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    """Bands of mains light."""
    if figures.rolling_percent >= limits.banding_percent:
        return Suspicion("camera.banding", figure=figures.rolling_percent, limit=limits.banding_percent, unit="%")
    limit = _STANDING_FACTOR * limits.banding_percent
    if _of_the_room(figures) is None or figures.standing_percent < limit:
        return None
    return Suspicion("camera.banding", figure=figures.standing_percent, limit=limit, unit="%")


def dropped_frames(figures: Figures, limits: CameraLimits, settings: CameraSettings) -> Suspicion | None:  # noqa: ARG001
    """Frames that should have come between others."""
    ratio = figures.lost_frames_ratio
    if ratio is None or ratio < limits.dropped_frames_ratio:
        return None
    return Suspicion("camera.dropped_frames", figure=100 * ratio, limit=100 * limits.dropped_frames_ratio, unit="%")


def _of_the_room(figures: Figures) -> Comparison | None:
    """The comparison, where the picture is of the approved view at all."""
    pose, like = figures.pose, figures.likeness
    kept = pose is not None and (pose.shift_percent == 0 or (pose.kept_ratio is not None and pose.kept_ratio >= _KEPT_RATIO))
    in_place = kept or (like is not None and like >= _LIKENESS)
    return figures.comparison if in_place else None
