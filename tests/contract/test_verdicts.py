from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contract.catalog import figure, finding, missing
from contract.findings import Component, Finding, Severity, State
from contract.readings import Failure, Reading
from contract.verdicts import verdict_of

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ESSENTIAL, OTHER = "agent.outbox_rows", "agent.slow_rounds"


def judge(readings: list[Reading], findings: list[Finding] | None = None) -> State:
    return verdict_of(Component.AGENT, readings, findings or [], NOW).state


def test_what_was_measured_and_found_well_is_ok() -> None:
    assert judge([figure(ESSENTIAL, 0, at=NOW)]) is State.OK


@pytest.mark.req("R15", "R25")
@pytest.mark.parametrize("failure", [failure for failure in Failure if failure is not Failure.NOT_FITTED])
def test_what_was_not_checked_is_never_normal(failure: Failure) -> None:
    assert judge([]) is State.UNKNOWN
    assert judge([missing(ESSENTIAL, failure, at=NOW)]) is State.UNKNOWN
    assert judge([missing(ESSENTIAL, failure, at=NOW), figure(OTHER, 0, at=NOW)]) is State.UNKNOWN
    assert judge([figure(OTHER, 0, at=NOW)]) is State.UNKNOWN


@pytest.mark.req("R46")
def test_what_the_room_does_not_have_is_told_apart_from_what_was_not_checked() -> None:
    assert judge([missing(ESSENTIAL, Failure.NOT_FITTED, at=NOW)]) is State.NOT_FITTED


@pytest.mark.parametrize(
    ("severity", "state"), [(Severity.INFO, State.OK), (Severity.WARNING, State.WARNING), (Severity.CRITICAL, State.FAULT)]
)
def test_the_worst_finding_decides(severity: Severity, state: State) -> None:
    mild = finding("agent.outbox_full", figure=1, limit=1)
    found = Finding(code="agent.stale", severity=severity, component="agent")
    assert judge([figure(ESSENTIAL, 0, at=NOW)], [found]) is state
    verdict = verdict_of(Component.AGENT, [], [mild, Finding(code="x", severity=Severity.CRITICAL, component="agent")], NOW)
    assert verdict.findings[0].code == "x"


def test_another_components_finding_does_not_count() -> None:
    foreign = Finding(code="camera.black", severity=Severity.CRITICAL, component="camera")
    assert judge([figure(ESSENTIAL, 0, at=NOW)], [foreign]) is State.OK


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reading_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        figure(ESSENTIAL, value, at=NOW)


def test_a_reading_has_a_value_or_a_failure_but_not_both() -> None:
    with pytest.raises(ValueError, match="either"):
        Reading(metric=ESSENTIAL, at=NOW)
