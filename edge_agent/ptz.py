"""`edge-agent ptz`: a tour of the camera's presets, before the meeting and never during one (R29)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from contract.catalog import advice, sentence
from contract.meetings import Meeting, Phase
from contract.messages import ProbeReport
from contract.readings import Failure
from contract.toml_file import ConfigError
from edge_agent import agenda, wording
from edge_agent.child import not_measured, run_probe
from edge_agent.config import Configuration, secret
from edge_agent.live import refuse_in_a_meeting
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.ptz_limits import PtzPreset
from probes.interface import Look
from probes.registry import PROBES

WELL, FAULTS, COULD_NOT = 0, 1, 2
CAMERA = "camera"
NOT_TURNED = "không quay camera"
TOUR_PHASES = frozenset({Phase.REHEARSAL, Phase.PRECHECK})
"""Phases whose check tours the presets by itself."""


def check(configuration: Configuration) -> None:
    """See that the control port's password can be read.

    Raises:
        ConfigError: it cannot.
    """
    settings = configuration.settings[CAMERA]
    if isinstance(settings, CameraSettings) and settings.ptz is not None and settings.ptz.password_file:
        secret(settings.ptz.password_file)


def tour_s(settings: msgspec.Struct, limits: msgspec.Struct) -> float:
    """Seconds that a look with a tour may take at most; 0 for a camera that is not turned."""
    if not isinstance(settings, CameraSettings) or not isinstance(limits, CameraLimits) or settings.ptz is None or not settings.ptz.presets:
        return 0.0
    return PROBES[CAMERA].deadline_s + (2 * len(settings.ptz.presets) + 3) * limits.ptz_move_s


def due(check: str, phase: Phase, toured: str, *, meetings: tuple[Meeting, ...], now: datetime, lasts_s: float) -> bool:
    """Whether the look that comes now should tour the presets: once in each check, and only if it is over before a meeting is live.

    Args:
        check: Key of the check that the phase asks for; empty when it asks for none.
        phase: The phase now.
        toured: Key of the check that had its tour.
        meetings: The agenda.
        now: The instant, UTC.
        lasts_s: How long it may take; 0 for a camera that is not turned.
    """
    if not check or check == toured or phase not in TOUR_PHASES or lasts_s <= 0:
        return False
    return agenda.outlook(meetings, now + timedelta(seconds=lasts_s)).phase is not Phase.LIVE


class TourRun:
    """Runs the camera's looks; one that tours the presets is broken off when a meeting goes live before its time."""

    def __init__(self) -> None:
        self._task: asyncio.Task[ProbeReport] | None = None

    async def run(self, name: str, settings: msgspec.Struct, limits: msgspec.Struct, circumstances: Look) -> ProbeReport:
        """As `run_probe`; a tour that was broken off has measured nothing."""
        if not circumstances.tour:
            return await run_probe(name, settings, limits, circumstances)
        task = self._task = asyncio.create_task(run_probe(name, settings, limits, circumstances))
        try:
            await asyncio.wait({task})
        finally:
            self._task = None
            task.cancel()
        return not_measured(name, Failure.SKIPPED) if task.cancelled() else task.result()

    def stop(self) -> None:
        """Break a tour off: the child is killed, and the camera stays where it is."""
        if self._task is not None:
            self._task.cancel()


def look(configuration: Configuration, phase: Phase, limits: Mapping[str, msgspec.Struct]) -> ProbeReport:
    """Look through the camera and tour its presets, in a child process.

    Raises:
        ConfigError: the site has no such camera, or people meet.
    """
    settings = configuration.settings[CAMERA]
    lasts_s = tour_s(settings, limits[CAMERA])
    if not configuration.fitted(CAMERA) or lasts_s <= 0:
        raise ConfigError(f"{configuration.path}: camera.ptz: chưa khai báo cổng điều khiển và vị trí đặt trước (presets)")
    refuse_in_a_meeting(configuration.directory, datetime.now(UTC), timedelta(seconds=lasts_s), command="ptz", refused=NOT_TURNED)
    directory = str(configuration.directory) if configuration.directory.is_dir() else ""
    return asyncio.run(
        run_probe(CAMERA, settings, limits[CAMERA], Look(phase=phase, deadline_s=lasts_s, state_directory=directory, tour=True))
    )


def command(configuration: Configuration, *, as_json: bool) -> int:
    """Tour the presets by hand; the exit status."""
    report = look(configuration, Phase.PRECHECK, configuration.limits)
    names = [preset.name for preset in _presets(configuration)]
    readings = [reading for reading in report.readings if reading.target in names]
    findings = [found for found in report.findings if found.code.startswith("camera.ptz") or found.component != CAMERA]
    if as_json:
        sys.stdout.buffer.write(
            msgspec.json.encode(msgspec.structs.replace(report, readings=tuple(readings), findings=tuple(findings))) + b"\n"
        )
        sys.stdout.buffer.flush()
    else:
        for name in names:
            print(f"Vị trí đặt trước «{name}»:")
            for reading in readings:
                if reading.target == name:
                    print(f"  {wording.figure_line(reading)}")
        for found in findings:
            print(f"▲ {sentence(found)}\n→ {advice(found)}")
    if findings:
        return FAULTS
    return WELL if any(reading.value is not None for reading in readings) else COULD_NOT


def _presets(configuration: Configuration) -> tuple[PtzPreset, ...]:
    settings = configuration.settings[CAMERA]
    assert isinstance(settings, CameraSettings)
    return () if settings.ptz is None else settings.ptz.presets
