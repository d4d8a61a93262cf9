"""A picture against an approved view, and which of a room's approved views it is meant to be."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from probes.camera.figures import Reference, detailed, quick_figures, reference_of
from probes.camera.judge import suspicions
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.measure import SMALL_PX, Picture, gray_of, shrunk
from probes.camera.pose import Pose
from probes.camera.source import Shot, Source, open_source
from probes.camera.suspicion import Suspicion
from probes.camera.trouble import NoPictureError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture against the approved view of the preset.

    Attributes:
        pose: How it lies against it.
        moved: By how much too far, by the limits of a moved camera; None if it is the approved view.
    """

    pose: Pose
    moved: Suspicion | None


def sight_of(picture: Picture, reference: Reference, limits: CameraLimits) -> Sight | None:
    """Compare by the same rules as for a camera that was moved; None if there is too little in the picture to tell."""
    height, width = picture.shape[:2]
    gray = gray_of(shrunk(picture, SMALL_PX))
    figures = detailed(quick_figures(picture, gray, (width, height), reference), picture, gray, reference)
    if figures.pose is None:
        return None
    found = suspicions(figures, limits, CameraSettings(hd_required=False))
    moved = next((suspicion for suspicion in found if suspicion.code == "camera.moved"), None)
    return Sight(figures.pose, moved) if moved is not None or figures.pose.shift_percent is not None else None


def approved_in(path: Path) -> Reference | None:
    """The approved view that a file holds; None if it is no picture."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    return None if picture is None else reference_of(np.asarray(picture, np.uint8))


def last_picture(settings: CameraSettings, limits: CameraLimits, until_s: float) -> Picture | None:
    """The last picture of one look; None if there is none, because the camera is busy for example."""
    picture = None
    try:
        for shot in open_source(settings.source, limits, until_s).shots:
            picture = shot.picture if shot.picture is not None else picture
    except NoPictureError as error:
        _LOG.info("no picture to compare: %s", error)
    return picture


def meant(source: Source, main: Reference | None, others: Sequence[Path], limits: CameraLimits) -> tuple[Source, Reference | None]:
    """The approved view that a source shows: the room's main one, or that of a named preset to which somebody has turned the camera (R16).

    Args:
        source: Where the frames come from; they are looked at before anything is measured, so use what is returned instead.
        main: The main view, kept where none fits better.
        others: Pictures of the named presets.
        limits: When a view counts as another one.
    """
    if main is None or not others:
        return source, main
    # A live look is taken whole before it is compared, so that comparing does not slow the arrival that is being timed.
    shots: Iterator[Shot] = iter(list(source.shots)) if source.live else source.shots
    passed: list[Shot] = []
    for shot in shots:
        passed.append(shot)
        if shot.picture is not None:
            break
    source = replace(source, shots=itertools.chain(passed, shots))
    picture = passed[-1].picture if passed else None
    if picture is None or _fits(picture, main, limits):
        return source, main
    found = (reference for path in others if (reference := approved_in(path)) is not None and _fits(picture, reference, limits))
    return source, next(found, main)


def _fits(picture: Picture, reference: Reference, limits: CameraLimits) -> bool:
    sight = sight_of(picture, reference, limits)
    return sight is not None and sight.moved is None
