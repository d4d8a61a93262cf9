"""What the result of a sweep means by the limits, when it was measured and for as long as it is valid; imports no NumPy."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from contract import catalog
from contract.catalog.words import number
from contract.findings import Finding, Severity
from contract.messages import SweepReport, SweepResult
from contract.readings import Reading
from probes.microphone.limits import SWEEP_FILE, MicrophoneLimits

_LOG = logging.getLogger(__name__)
_NOTCHES = 3


def finding_of(result: SweepResult, limits: MicrophoneLimits, *, since: datetime, limits_version: str = "") -> Finding | None:
    """The fault that a result is, if it is one: red critical, amber a warning."""
    if result.judged_db >= limits.margin_low_db:
        return None
    found = catalog.finding(
        "microphone.low_margin",
        target=result.target,
        figure=result.judged_db,
        limit=limits.margin_low_db,
        unit="dB",
        frequency_hz=result.nearest[0].frequency_hz if result.nearest else None,
        since=since,
        details={"notches": ", ".join(f"{number(round(near.frequency_hz))} Hz" for near in result.nearest[:_NOTCHES])},
        limits_version=limits_version,
    )
    red = result.judged_db < limits.margin_critical_db
    return msgspec.structs.replace(found, severity=Severity.CRITICAL) if red else found


def repeated(state_directory: str, limits: MicrophoneLimits, now: datetime, version: str = "") -> tuple[list[Reading], list[Finding]]:
    """Figures and faults of the room's last sweep while it is valid, judged by the limits that hold now, for the checks to tell."""
    if not state_directory:
        return [], []
    path = Path(state_directory) / SWEEP_FILE
    try:
        report = msgspec.json.decode(path.read_bytes(), type=SweepReport)
    except FileNotFoundError:
        return [], []
    except (OSError, ValueError) as error:
        _LOG.warning("%s is left unread: %s", path, error)
        return [], []
    if not timedelta(0) <= now - report.at <= timedelta(hours=limits.margin_valid_h):
        return [], []
    readings = [catalog.figure("microphone.margin_db", result.judged_db, at=report.at, target=result.target) for result in report.results]
    found = (finding_of(result, limits, since=report.at, limits_version=version) for result in report.results)
    return readings, [finding for finding in found if finding is not None]
