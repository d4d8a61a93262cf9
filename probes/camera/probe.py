"""One look through the camera, or one recording from begin to end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from contract import catalog
from contract.findings import Finding
from contract.messages import ProbeReport
from contract.readings import Failure, Reading
from probes.camera.events import EventFold
from probes.camera.figures import Figures, Reference, look_figures, reference_of
from probes.camera.judge import suspicions
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.moments import Moment, moments
from probes.camera.ptz_probe import tour_or_last
from probes.camera.sight import meant
from probes.camera.source import Source, open_source, shown
from probes.camera.suspicion import Suspicion
from probes.camera.trouble import NoPictureError
from probes.camera.views import load_views
from probes.interface import Look
from probes.reach import out_of_reach

REFERENCE_NAME = "camera_reference.png"
"""Where the approved view lies in the state directory unless the settings name another file."""
_ESSENTIAL = "camera.luma_mean_ratio"
_MARGIN_S = 0.5
"""Kept back from the deadline for measuring and telling."""
_LOOK_S = 14.0
"""Of a run that tours the presets too, the look through the camera is over by then."""


def run(settings: CameraSettings, limits: CameraLimits, look: Look) -> ProbeReport:
    """Look once: at most a second of a live camera, the whole of a file.

    Args:
        settings: Which camera, and its approved view.
        limits: What is still normal.
        look: Phase of the meeting, deadline, state directory.

    Raises:
        ValueError: if the settings name a reference that is no picture.
    """
    began_at, began_s = datetime.now(UTC), time.monotonic()
    told = _Told(look=look, limits=limits, settings=settings, at=began_at)
    if not settings.fitted:
        return told.report(began_s, shown(settings.source), readings=(catalog.missing(_ESSENTIAL, Failure.NOT_FITTED, at=began_at),))
    reference = load_reference(settings, look.state_directory)
    name = shown(settings.source)
    until_s = began_s + look.deadline_s - _MARGIN_S
    try:
        source = open_source(settings.source, limits, min(until_s, began_s + _LOOK_S) if look.tour else until_s)
        name = source.name
        source, reference = meant(source, reference, _other_views(settings, look.state_directory), limits)
        readings, findings = _examine(source, reference, told)
    except NoPictureError as error:
        error = _judged(error, settings.source)
        readings = (catalog.missing(_ESSENTIAL, error.failure, at=began_at),)
        findings = (
            (told.finding(Suspicion(error.code, figure=limits.no_frame_s, unit="s", details={"seen": error.seen})),) if error.code else ()
        )
    turned = tour_or_last(settings, limits, look, began_at, until_s)
    return told.report(began_s, name, (*readings, *turned.readings), (*findings, *turned.findings))


def _judged(error: NoPictureError, source: str) -> NoPictureError:
    """A camera behind a dead cable of ours is not gone: nothing is known of it."""
    host = urlsplit(source).hostname if "://" in source else None
    if not error.code or not host or not (why_not := out_of_reach(host)):
        return error
    return NoPictureError(Failure.UNREACHABLE, seen=why_not)


def _other_views(settings: CameraSettings, state_directory: str) -> list[Path]:
    """Pictures of the named presets' approved views; of a site that declares its presets, only those that it still has."""
    declared = {preset.name for preset in settings.ptz.presets} if settings.ptz is not None else set()
    return [Path(state_directory) / view.file for view in load_views(state_directory) if not declared or view.preset in declared]


def load_reference(settings: CameraSettings, state_directory: str) -> Reference | None:
    """The approved view, measured; None if there is none yet.

    Raises:
        ValueError: if the settings name a file that is missing or no picture.
    """
    path = Path(settings.reference) if settings.reference else Path(state_directory) / REFERENCE_NAME
    if not settings.reference and not (state_directory and path.is_file()):
        return None
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if picture is None:
        raise ValueError(f"reference: {path} is not a picture that can be read")
    return reference_of(np.asarray(picture, np.uint8))


@dataclass(frozen=True, slots=True)
class _Told:
    """Puts figures and suspicions into the contract's words."""

    look: Look
    limits: CameraLimits
    settings: CameraSettings
    at: datetime

    def finding(self, suspicion: Suspicion, **times: float) -> Finding:
        return catalog.finding(
            suspicion.code,
            self.look.phase,
            figure=suspicion.figure,
            limit=suspicion.limit,
            unit=suspicion.unit,
            details=suspicion.details,
            limits_version=self.look.limits_version,
            **{name: round(seconds, 3) for name, seconds in times.items()},
        )

    def readings(self, figures: Figures, still: bool) -> tuple[Reading, ...]:
        pose, compared = figures.pose, figures.comparison
        measured = {
            "camera.luma_mean_ratio": figures.light.mean_ratio,
            "camera.edge_ratio": figures.contour_ratio,
            "camera.clipped_high_ratio": figures.light.clipped_ratio,
            "camera.noise_level": figures.grain_level,
            "camera.width_px": float(figures.width_px),
            "camera.height_px": float(figures.height_px),
            "camera.motion_level": figures.motion_level,
            "camera.frame_rate_hz": figures.frame_rate_hz,
            "camera.lost_frames_percent": None if figures.lost_frames_ratio is None else 100 * figures.lost_frames_ratio,
            "camera.band_percent": None if still else max(figures.rolling_percent, figures.standing_percent),
            "camera.block_percent": None if figures.quality is None else 100 * figures.quality.block_ratio,
            "camera.cast_percent": None if compared is None or compared.cast_ratio is None else 100 * (compared.cast_ratio - 1),
            "camera.smeared_percent": None if compared is None or compared.smeared_ratio is None else 100 * compared.smeared_ratio,
            "camera.edge_width_px": figures.edge_width_px,
            "camera.sharpness_ratio": figures.sharpness_ratio,
            "camera.shift_percent": None if pose is None else pose.shift_percent,
            "camera.rotation_deg": None if pose is None else pose.rotation_deg,
            "camera.zoom_percent": None if pose is None else pose.zoom_percent,
        }
        readings = [catalog.figure(metric, value, at=self.at) for metric, value in measured.items() if value is not None]
        if still:
            readings += [
                catalog.missing(metric, Failure.UNSUPPORTED, at=self.at) for metric in ("camera.motion_level", "camera.frame_rate_hz")
            ]
        return tuple(readings)

    def report(self, began_s: float, source: str, readings: tuple[Reading, ...] = (), findings: tuple[Finding, ...] = ()) -> ProbeReport:
        return ProbeReport(
            probe="camera",
            began_at=self.at,
            duration_s=time.monotonic() - began_s,
            readings=readings,
            findings=findings,
            source=source,
        )


def _examine(source: Source, reference: Reference | None, told: _Told) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    limits = told.limits
    fold = EventFold(confirm_s=limits.confirm_s, clear_s=limits.clear_s)
    taken: list[Figures] = []
    last: Moment | None = None
    for moment in moments(source, reference):
        last = moment
        if not source.live:
            fold.push(moment.from_s, moment.until_s, suspicions(moment.figures, limits, told.settings))
        if source.live or moment.until_s < limits.confirm_s:
            taken.append(moment.figures)
    if last is None:
        raise NoPictureError(Failure.BAD_DATA, "camera.no_signal" if source.live else "", seen="unreadable")
    examined = () if source.live or source.still else (catalog.figure("camera.examined_s", last.until_s, at=told.at),)
    if source.live or last.until_s < limits.confirm_s:
        # A live look, a picture or a clip too short for an event: judged as a whole.
        whole = look_figures(taken, last.figures)
        times = {"started_at_s": 0.0, "ended_at_s": last.until_s, "detected_at_s": last.until_s} if examined else {}
        found = tuple(told.finding(seen, **times) for seen in suspicions(whole, limits, told.settings))
        return (*told.readings(whole, source.still), *examined), found
    found = tuple(
        told.finding(event.worst, started_at_s=event.started_at_s, ended_at_s=event.ended_at_s, detected_at_s=event.detected_at_s)
        for event in fold.finish()
    )
    return (*told.readings(last.figures, source.still), *examined), found
