"""One look of the microphone probe: a device for some seconds, a file from end to end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: its threads cost memory and help nobody here

import msgspec

from contract import catalog
from contract.findings import Finding
from contract.messages import ProbeReport
from contract.readings import Failure, Reading
from probes.interface import Look
from probes.microphone.judge import Change
from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings
from probes.microphone.listen import Listener
from probes.microphone.reference import load_reference
from probes.microphone.sound import Source, SourceError
from probes.microphone.source import in_one_line, open_source
from probes.microphone.sweep_result import repeated

_LOG = logging.getLogger(__name__)
_ESSENTIAL = "microphone.level_dbfs"
_MARGIN_S = 1.5
"""Kept back from the deadline for opening, closing and reporting."""


def run(settings: MicrophoneSettings, limits: MicrophoneLimits, look: Look) -> ProbeReport:
    """Listen once.

    A device is heard for `limits.look_s`, less where the deadline is near; a file is read to its end as fast as can be, and its
    findings carry the seconds of the file. One finding per event.
    """
    began_at, began = datetime.now(UTC), time.monotonic()
    why = Failure.NOT_FITTED if not settings.fitted else Failure.UNSUPPORTED if settings.sound_in_codec else None
    if why is not None:
        return _report(began_at, began, settings.source, [catalog.missing(_ESSENTIAL, why, at=began_at)], [])
    try:
        source = open_source(settings)
    except SourceError as error:
        _LOG.warning("%s", error)
        readings, findings = of_failure(error.failure, settings, look, began_at)
        return _report(began_at, began, settings.source, readings, findings, reason=in_one_line(error))
    try:
        readings, findings, reason = _listen(source, settings, limits, look, began + look.deadline_s - _MARGIN_S)
    finally:
        source.close()
    swept, risky = repeated(look.state_directory, limits, began_at, look.limits_version)
    return _report(began_at, began, source.name, readings + swept, findings + risky, reason=reason)


def _listen(
    source: Source, settings: MicrophoneSettings, limits: MicrophoneLimits, look: Look, until: float
) -> tuple[list[Reading], list[Finding], str]:
    """Readings, findings, and why it broke off or could not be heard, if so."""
    reference = load_reference(look.state_directory)
    listener = Listener(source, settings, limits, look.phase, reference=reference, limits_version=look.limits_version)
    began_at = datetime.now(UTC)
    changes: list[Change] = []
    failed: SourceError | None = None
    try:
        for block in source.blocks():
            changes += listener.push(block)
            if source.live and (listener.heard_s >= limits.look_s or time.monotonic() > until):
                break
    except SourceError as error:
        failed = error
    if not source.live:
        changes += listener.finish()
    now = datetime.now(UTC)
    findings = [dated(finding, began_at) if source.live else finding for finding in events(changes)]
    readings = listener.readings(now) + listener.unrated(now)
    if not readings:
        failed = failed or SourceError(Failure.BAD_DATA, f"{source.name}: tệp không có âm thanh nào (chưa tới 10 ms)")
    if failed is not None:
        _LOG.warning("%s", failed)
        missing, broken = of_failure(failed.failure, settings, look, now)
        return (readings or missing), findings + broken, in_one_line(failed)
    return readings, findings, ""


def events(changes: Iterable[Change]) -> list[Finding]:
    """One finding per event, in order of detection: an event that has ended replaces its onset."""
    found: dict[tuple[str, str, float | None], Finding] = {}
    for change in changes:
        found[change.finding.code, change.finding.target, change.finding.detected_at_s] = change.finding
    return sorted(found.values(), key=lambda finding: finding.detected_at_s or 0.0)


def dated(finding: Finding, began_at: datetime) -> Finding:
    """The finding with its begin in UTC, for a stream that began at `began_at`."""
    return msgspec.structs.replace(finding, since=began_at + timedelta(seconds=finding.started_at_s or 0.0))


def of_failure(failure: Failure, settings: MicrophoneSettings, look: Look, at: datetime) -> tuple[list[Reading], list[Finding]]:
    """What a source that fails becomes: the essential figure with the failure's name, and a finding where it is a fault."""
    code = {Failure.ABSENT: "microphone.absent", Failure.BUSY: "microphone.busy"}.get(failure)
    findings = []
    if code is not None:
        details: dict[str, float | str] = {"source": settings.source}
        findings = [catalog.finding(code, look.phase, since=at, details=details, limits_version=look.limits_version)]
    return [catalog.missing(_ESSENTIAL, failure, at=at)], findings


def _report(
    began_at: datetime, began: float, source: str, readings: list[Reading], findings: list[Finding], *, reason: str = ""
) -> ProbeReport:
    return ProbeReport(
        probe="microphone",
        began_at=began_at,
        duration_s=round(time.monotonic() - began, 3),
        readings=tuple(readings),
        findings=tuple(findings),
        source=source,
        reason=reason,
    )
