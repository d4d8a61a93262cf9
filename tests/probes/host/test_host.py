from __future__ import annotations

import platform
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.findings import Component, Finding, State
from contract.readings import Failure
from contract.verdicts import verdict_of
from probes.host.judge import judge
from probes.host.limits import HostLimits, HostSettings
from probes.host.measure import readings_of
from probes.host.probe import run
from probes.host.source import HostFacts
from probes.interface import Look

NOW = datetime(2026, 11, 23, tzinfo=UTC)
percents = st.floats(0, 100)


def facts(cpu: float = 5, memory: float = 30, disk: float | None = 40, temperature: float | None = None) -> HostFacts:
    return HostFacts(cpu_percent=cpu, memory_percent=memory, uptime_s=100, disk_percent=disk, temperature_celsius=temperature)


def findings(seen: HostFacts, limits: HostLimits | None = None) -> tuple[Finding, ...]:
    settings = HostSettings()
    return judge(readings_of(seen, settings, NOW), seen, settings, limits or HostLimits(), Look())


def codes(seen: HostFacts, limits: HostLimits | None = None) -> set[str]:
    return {found.code for found in findings(seen, limits)}


def test_a_quiet_machine_has_no_finding() -> None:
    assert codes(facts()) == set()


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (facts(cpu=99), "host.cpu"),
        (facts(memory=97), "host.memory"),
        (facts(disk=95), "host.disk"),
        (facts(temperature=91), "host.temperature"),
    ],
)
def test_a_figure_above_its_limit_is_found_with_both(seen: HostFacts, code: str) -> None:
    (found,) = findings(seen)
    assert found.code == code
    assert found.figure is not None
    assert found.limit is not None
    assert found.figure > found.limit


@given(percents, percents)
def test_a_finding_appears_exactly_above_the_limit(used: float, limit: float) -> None:
    if limit > 0:
        assert (codes(facts(disk=used), HostLimits(disk_percent=limit)) == {"host.disk"}) is (used > limit)


@pytest.mark.req("R15")
def test_no_temperature_sensor_is_unsupported_and_not_a_fault() -> None:
    reading = next(reading for reading in readings_of(facts(), HostSettings(), NOW) if reading.metric == "host.temperature_celsius")
    assert reading.failure is Failure.UNSUPPORTED
    assert verdict_of(Component.HOST, readings_of(facts(), HostSettings(), NOW), (), NOW).state is State.OK


def test_a_disk_that_cannot_be_read_leaves_the_machine_unchecked() -> None:
    assert verdict_of(Component.HOST, readings_of(facts(disk=None), HostSettings(), NOW), (), NOW).state is State.UNKNOWN


def test_this_very_machine_answers() -> None:
    report = run(HostSettings(), HostLimits(cpu_span_s=0.05), Look())
    values = {reading.metric: reading.value for reading in report.readings}
    assert 0 < (values["host.memory_percent"] or 0) <= 100
    assert (values["host.uptime_s"] or 0) > 0
    assert report.source.startswith(platform.freedesktop_os_release()["PRETTY_NAME"])
