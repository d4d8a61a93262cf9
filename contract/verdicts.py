"""The verdict of a component, drawn from what was measured and what was found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contract.catalog import METRICS
from contract.findings import Component, Finding, Severity, State, Verdict
from contract.readings import Failure, Reading


def verdict_of(component: Component, readings: Iterable[Reading], findings: Iterable[Finding], at: datetime) -> Verdict:
    """Judge a component at `at`.

    The worst finding decides. Without one the component is ok only if every essential metric that was asked for has
    a figure (at least one); otherwise it is unknown with the failure that says why: "not checked" is never "normal".
    """
    kept = tuple(sorted((finding for finding in findings if finding.component == component), key=lambda finding: -finding.severity.rank))
    worst = kept[0].severity if kept else Severity.INFO
    if worst is not Severity.INFO:
        state = State.FAULT if worst is Severity.CRITICAL else State.WARNING
        return Verdict(component=component, state=state, at=at, findings=kept)
    essential = [reading for reading in readings if reading.metric in METRICS and METRICS[reading.metric].essential]
    failures = [reading.failure for reading in essential if reading.failure is not None and reading.failure is not Failure.NOT_FITTED]
    measured = any(reading.value is not None for reading in essential)
    if measured and not failures:
        return Verdict(component=component, state=State.OK, at=at, findings=kept)
    if essential and not measured and not failures:
        return Verdict(component=component, state=State.NOT_FITTED, at=at, findings=kept, why_unknown=Failure.NOT_FITTED)
    return Verdict(component=component, state=State.UNKNOWN, at=at, findings=kept, why_unknown=failures[0] if failures else None)
