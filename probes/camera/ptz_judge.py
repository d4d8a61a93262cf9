"""Turns the visits of a tour into figures and suspicions. Pure.

A preset is well if the camera stands still where it should and its picture does not contradict; a picture that shows the approved view
makes good a position that is off, because it is the picture that the meeting sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from contract import catalog
from contract.readings import Failure, Reading
from probes.camera.limits import CameraLimits
from probes.camera.ptz import Answer
from probes.camera.ptz_tour import NO_WAY, Visit, places
from probes.camera.suspicion import Suspicion

_LEAST_PLACES = 2


def unreachable(failure: Failure, seen: str) -> tuple[Suspicion, ...]:
    """What it means that the control port could not be spoken to; a refused password or a camera that cannot turn accuses nobody."""
    return (Suspicion("camera.ptz_unreachable", details={"seen": seen}),) if failure in NO_WAY else ()


def suspicions_of(visits: Sequence[Visit], limits: CameraLimits) -> tuple[tuple[str, Suspicion], ...]:
    """Faults of a tour, each with the preset that it is about; empty for the whole camera."""
    if visits and any(visit.is_silent for visit in visits):
        return (("", Suspicion("camera.ptz_unreachable", details={"seen": "silent"})),)
    found = [(visit.preset, suspicion) for visit in visits if (suspicion := _of_visit(visit, limits)) is not None]
    if not found and _all_in_one_place(visits, limits):
        found.append(("", Suspicion("camera.ptz_stuck")))
    return tuple(found)


def readings_of(visits: Sequence[Visit], names: Sequence[str], at: datetime) -> tuple[Reading, ...]:
    """Figures of each preset; those that there was no time for say so."""
    readings = []
    for visit in visits:
        pose = None if visit.sight is None else visit.sight.pose
        measured = {
            "camera.ptz_move_s": visit.lasted_s if visit.at_rest else None,
            "camera.ptz_deviation_percent": visit.apart_percent,
            "camera.shift_percent": None if pose is None else pose.shift_percent,
            "camera.rotation_deg": None if pose is None else pose.rotation_deg,
            "camera.zoom_percent": None if pose is None else pose.zoom_percent,
        }
        readings += [catalog.figure(name, figure, at=at, target=visit.preset) for name, figure in measured.items() if figure is not None]
        if visit.position is None:
            failure = visit.failure or Failure.TIMEOUT
            readings.append(catalog.missing("camera.ptz_deviation_percent", failure, at=at, target=visit.preset))
    visited = {visit.preset for visit in visits}
    late = [catalog.missing("camera.ptz_move_s", Failure.TIMEOUT, at=at, target=name) for name in names if name not in visited]
    return (*readings, *late)


def _of_visit(visit: Visit, limits: CameraLimits) -> Suspicion | None:
    if visit.sight is not None:
        # What is seen stands above what is said; why it is seen is told by what the camera did.
        moved = visit.sight.moved
        return None if moved is None else _mechanical(visit, limits) or replace(moved, code="camera.ptz_wrong_view")
    return _mechanical(visit, limits)


def _mechanical(visit: Visit, limits: CameraLimits) -> Suspicion | None:
    """Refused, stuck, or stopped elsewhere; None if it stands where it should or nobody knows."""
    apart = visit.apart_percent
    if visit.arrived(limits):
        return None
    if visit.answer is Answer.REFUSED:
        return Suspicion("camera.ptz_refused")
    if apart is None or visit.position is None:
        return None
    if visit.before is not None and visit.at_rest and visit.position.apart_percent(visit.before) <= limits.ptz_off_percent / 2:
        return Suspicion("camera.ptz_stuck", figure=apart, limit=limits.ptz_off_percent, unit="%")
    return Suspicion("camera.ptz_off_position", figure=apart, limit=limits.ptz_off_percent, unit="%")


def _all_in_one_place(visits: Sequence[Visit], limits: CameraLimits) -> bool:
    """Whether different presets whose places nobody knows all ended in one: then it does not turn at all."""
    if any(visit.expected is not None or visit.sight is not None for visit in visits):
        return False
    known = list(places(visits))
    return len(known) >= _LEAST_PLACES and all(known[0].apart_percent(other) <= limits.ptz_off_percent / 2 for other in known[1:])
