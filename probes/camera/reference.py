"""Records the view that is to be approved. The picture stays on the site's own disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np

from contract.readings import Failure
from probes.camera.figures import detailed, quick_figures
from probes.camera.judge import suspicions
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.measure import DETAIL_PX, SMALL_PX, Picture, gray_of, shrunk
from probes.camera.source import open_source
from probes.camera.trouble import NoPictureError

_FRAMES = 9


def record_reference(settings: CameraSettings, path: str | Path, limits: CameraLimits | None = None, deadline_s: float = 10.0) -> None:
    """Write the median picture of one look as PNG; whoever passes through the look does not stay in it.

    Args:
        settings: Which camera.
        path: Where the picture goes; written whole or not at all, readable by the owner only.
        limits: Limits of the site; None for the defaults.
        deadline_s: The look is over by then.

    Raises:
        NoPictureError: if there is no picture.
        ValueError: if the picture is black, covered or otherwise not fit to be a reference; the text names the fault codes.
    """
    limits = limits or CameraLimits()
    source = open_source(settings.source, limits, time.monotonic() + deadline_s)
    frames: list[Picture] = []
    for shot in source.shots:
        if shot.picture is not None and len(frames) < _FRAMES:
            frames.append(shrunk(shot.picture, DETAIL_PX))
        elif len(frames) >= _FRAMES and not source.live:
            break
    frames = [frame for frame in frames if frame.shape == frames[-1].shape]
    if not frames:
        raise NoPictureError(Failure.BAD_DATA, "camera.no_signal", seen="no_frame")
    picture = np.median(np.stack(frames), axis=0).astype(np.uint8)
    height, width = picture.shape[:2]
    gray = gray_of(shrunk(picture, SMALL_PX))
    figures = detailed(quick_figures(picture, gray, (width, height)), picture, gray)
    unfit = [suspicion.code for suspicion in suspicions(figures, limits, CameraSettings(hd_required=False))]
    if unfit:
        raise ValueError(f"the picture cannot be a reference: {', '.join(unfit)}")
    write_picture(Path(path), picture)


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture of the room as PNG: whole or not at all, readable by the owner only.

    Raises:
        ValueError: it cannot be encoded.
    """
    encoded, png = cv2.imencode(".png", picture)
    if not encoded:
        raise ValueError("the picture could not be written as PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(png.tobytes())
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
