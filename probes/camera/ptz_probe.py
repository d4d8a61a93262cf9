"""Puts a tour of the presets together: opens the control port, looks through the camera, keeps what was found until the next tour."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec

from contract import catalog
from contract.catalog import FAULTS
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure, Reading
from probes.camera import ptz_judge
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.ptz import Answer, Position, Ptz, PtzError
from probes.camera.ptz_limits import TOUR_FILE, PtzProtocol, PtzSettings
from probes.camera.ptz_onvif import OnvifCamera
from probes.camera.ptz_tour import tour
from probes.camera.ptz_visca import ViscaCamera
from probes.camera.sight import Sight, approved_in, last_picture, sight_of
from probes.camera.suspicion import Suspicion
from probes.camera.views import load_views
from probes.interface import Look

_LOG = logging.getLogger(__name__)
MAY_TURN = frozenset({Phase.IDLE, Phase.REHEARSAL, Phase.PRECHECK})
"""Phases in which a camera may be turned: nobody sits in a meeting that sees it."""
_LOOK_S = 6.0
"""One look through the camera is over by then."""


class Tour(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the last tour found; kept in the state directory.

    Attributes:
        at: When it ended.
        readings: Its figures, per preset.
        findings: Its faults.
    """

    at: datetime
    readings: tuple[Reading, ...] = ()
    findings: tuple[Finding, ...] = ()


def run_tour(settings: CameraSettings, limits: CameraLimits, look: Look, at: datetime, until_s: float) -> Tour:
    """Visit the presets, or say why not.

    Args:
        settings: The camera and its control port.
        limits: What is still normal.
        look: Phase and state directory.
        at: Now.
        until_s: Instant of the monotonic clock by which the camera must be back at its first preset.

    Raises:
        ValueError: the file of the password cannot be read.
    """
    assert settings.ptz is not None
    names = [preset.name for preset in settings.ptz.presets]
    if look.phase not in MAY_TURN:
        return Tour(at=at, readings=_missing(names, Failure.SKIPPED, at))
    views = load_views(look.state_directory)
    expected = {view.preset: view.position for view in views if view.position is not None}
    pictures = {view.preset: Path(look.state_directory) / view.file for view in views}
    try:
        with closing(open_ptz(settings.ptz, limits, until_s)) as ptz:
            visits = tour(ptz, settings.ptz.presets, expected, _looker(settings, limits, pictures, until_s), limits=limits, until_s=until_s)
    except PtzError as error:
        _LOG.info("the camera's control port: %s", error)
        told = ptz_judge.unreachable(error.failure, error.seen)
        return Tour(at=at, readings=_missing(names, error.failure, at), findings=_findings([("", each) for each in told], look, at))
    found = ptz_judge.suspicions_of(visits, limits)
    return Tour(at=at, readings=ptz_judge.readings_of(visits, names, at), findings=_findings(list(found), look, at))


def open_ptz(settings: PtzSettings, limits: CameraLimits, until_s: float) -> Ptz:
    """Open the control port.

    Raises:
        PtzError: it cannot be spoken to.
        ValueError: the file of the password cannot be read.
    """
    if settings.protocol is PtzProtocol.VISCA:
        return ViscaCamera(settings.host, settings.control_port, settings.spans, answer_s=limits.ptz_answer_s, deadline_s=until_s)
    return OnvifCamera(
        settings.host,
        settings.control_port,
        user=settings.user,
        password=_password(settings.password_file),
        profile=settings.profile,
        spans=settings.spans,
        answer_s=2 * limits.ptz_answer_s,
        deadline_s=until_s,
    )


def turn(settings: PtzSettings, name: str, limits: CameraLimits) -> Position | None:
    """Turn to one preset and wait until the camera stands still; gives where, None if it does not tell.

    Raises:
        ValueError: it cannot be turned; the text says why.
    """
    until_s = time.monotonic() + 3 * limits.ptz_move_s
    preset = next(each for each in settings.presets if each.name == name)
    try:
        with closing(open_ptz(settings, limits, until_s)) as ptz:
            (visit,) = tour(ptz, (preset,), {}, lambda _: None, limits=limits, until_s=until_s)
    except PtzError as error:
        raise ValueError(f"the camera cannot be turned: {error}") from None
    if visit.is_silent or visit.answer is Answer.REFUSED:
        raise ValueError(f"the camera does not go to the preset “{name}”: {visit.answer}")
    return visit.position if visit.at_rest else None


def keep_tour(state_directory: str, done: Tour) -> None:
    """Keep a tour for the looks that come after it."""
    if not state_directory:
        return
    path = Path(state_directory) / TOUR_FILE
    part = path.with_name(f".{path.name}.new")
    try:
        part.write_bytes(msgspec.json.encode(done))
        part.replace(path)
    except OSError as error:
        _LOG.warning("%s was not written: %s", path, error.strerror)


def tour_or_last(settings: CameraSettings, limits: CameraLimits, look: Look, at: datetime, until_s: float) -> Tour:
    """A tour if this look asks for one and may have it, else what the last one found."""
    if settings.ptz is None or not look.tour or look.phase not in MAY_TURN:
        readings, findings = repeated(settings, look)
        return Tour(at=at, readings=readings, findings=findings)
    done = run_tour(settings, limits, look, at, until_s)
    keep_tour(look.state_directory, done)
    return done


def repeated(settings: CameraSettings, look: Look) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    """Figures and faults of the last tour, for the looks until the next; of presets that the site still has, with the phase's severity."""
    if settings.ptz is None or not look.state_directory:
        return (), ()
    path = Path(look.state_directory) / TOUR_FILE
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Tour)
    except FileNotFoundError:
        return (), ()
    except (OSError, ValueError) as error:
        _LOG.warning("%s is left unread: %s", path, error)
        return (), ()
    names = {"", *(preset.name for preset in settings.ptz.presets)}
    findings = (
        msgspec.structs.replace(found, severity=FAULTS[found.code].severity_at(look.phase))
        for found in kept.findings
        if found.code in FAULTS and found.target in names
    )
    return tuple(reading for reading in kept.readings if reading.target in names), tuple(findings)


def _missing(names: list[str], failure: Failure, at: datetime) -> tuple[Reading, ...]:
    return tuple(catalog.missing("camera.ptz_move_s", failure, at=at, target=name) for name in names or [""])


def _findings(told: list[tuple[str, Suspicion]], look: Look, at: datetime) -> tuple[Finding, ...]:
    return tuple(
        catalog.finding(
            suspicion.code,
            look.phase,
            target=preset,
            figure=suspicion.figure,
            limit=suspicion.limit,
            unit=suspicion.unit,
            since=at,
            details={**suspicion.details, "preset": preset or "camera"},
            limits_version=look.limits_version,
        )
        for preset, suspicion in told
    )


def _password(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"ptz.password_file: {path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None


def _looker(settings: CameraSettings, limits: CameraLimits, pictures: Mapping[str, Path], until_s: float) -> Callable[[str], Sight | None]:
    def look_at(preset: str) -> Sight | None:
        reference = approved_in(pictures[preset]) if preset in pictures else None
        if reference is None:
            return None
        picture = last_picture(settings, limits, min(until_s, time.monotonic() + _LOOK_S))
        return None if picture is None else sight_of(picture, reference, limits)

    return look_at
