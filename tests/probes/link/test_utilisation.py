"""The port's utilisation: samples from counters, their percentile, and the look that asks a switch every five minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.catalog import sentence
from contract.findings import Finding
from contract.meetings import Phase
from contract.readings import Failure, Reading
from probes.interface import Look
from probes.link.limits import LinkLimits, LinkSettings, SwitchPort
from probes.link.utilisation import LEAST_SAMPLES, Counters, Sample, kept, percentile_95, sample_of
from probes.link.utilisation_look import FILE, Memory, utilisation
from probes.seldom import keep, recall
from probes.snmp import SnmpAnswer, SnmpRequest
from probes.snmp_access import SnmpAccess
from tests.probes.conftest import SnmpAgent

pytestmark = pytest.mark.req("R45")

AT = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)
PORT = SwitchPort(host="192.0.2.2", port="Gi0/24", snmp=SnmpAccess(community_file="/etc/diemcau/secrets/snmp.community"))
UPTIME, HC_IN, HC_OUT, SPEED = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10", "1.3.6.1.2.1.31.1.1.1.15"


def counters(uptime_s: float, in_octets: int = 0, out_octets: int = 0, speed_mbps: float = 100) -> Counters:
    return Counters(uptime_s=uptime_s, in_octets=in_octets, out_octets=out_octets, speed_mbps=speed_mbps)


def octets(mbps: float, lasts_s: float = 300) -> int:
    return round(mbps * 1e6 / 8 * lasts_s)


def test_a_sample_is_the_mean_of_both_ways_over_the_switches_own_time() -> None:
    sample = sample_of(counters(1000), counters(1300, octets(50), octets(5)), None, AT)
    assert sample == Sample(AT, 50.0, 5.0)


def test_a_line_that_carries_less_than_its_port_is_measured_by_what_it_carries() -> None:
    assert sample_of(counters(0), counters(300, octets(9), octets(3)), 10, AT) == Sample(AT, 90.0, 30.0)
    assert sample_of(counters(0), counters(300, octets(50), 0), 1000, AT) == Sample(AT, 50.0, 0.0), "no port carries more than its speed"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(counters(9000, 10), counters(100, 20), id="the switch was restarted"),
        pytest.param(counters(1000, 10**12), counters(1300, 5), id="the counter was set anew"),
        pytest.param(counters(1000), counters(1300, octets(300)), id="more than the port can carry"),
        pytest.param(counters(1000), counters(2000, 5), id="too long: the mean would hide the peaks"),
        pytest.param(counters(1000), counters(1010, 5), id="too short"),
        pytest.param(counters(0, speed_mbps=0), counters(300, 5, speed_mbps=0), id="nobody knows the capacity"),
    ],
)
def test_what_is_no_five_minutes_of_traffic_is_no_sample(before: Counters, now: Counters) -> None:
    assert sample_of(before, now, None, AT) is None


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_the_percentile_is_a_sample_that_at_least_95_of_a_hundred_do_not_exceed(values: list[float]) -> None:
    limit = percentile_95(values)
    assert limit in values
    assert sum(value <= limit for value in values) >= 0.95 * len(values)
    assert sum(value < limit for value in values) < 0.95 * len(values)


def test_samples_of_the_last_seven_days_are_kept_and_those_of_a_clock_that_ran_ahead_are_not() -> None:
    ages = (timedelta(days=7), timedelta(days=6), timedelta(), -timedelta(hours=1))
    assert [AT - one.at for one in kept([Sample(AT - age, 1.0, 1.0) for age in ages], AT)] == [timedelta(days=6), timedelta()]


class Switch:
    """A port on which so much flows, by its own clock."""

    def __init__(self, *, in_mbps: float, out_mbps: float) -> None:
        self.in_mbps, self.out_mbps, self.lasted_s, self.asked = in_mbps, out_mbps, 0.0, 0
        self.failure: Failure | None = None

    def go_on(self, lasts_s: float) -> None:
        self.lasted_s += lasts_s

    def __call__(self, request: SnmpRequest) -> SnmpAnswer:
        self.asked += 1
        assert (request.host, request.row.name if request.row else "") == (PORT.host, PORT.port)
        if self.failure is not None:
            return SnmpAnswer(failure=self.failure)
        values = {
            UPTIME: round(self.lasted_s * 100),
            HC_IN: octets(self.in_mbps, self.lasted_s),
            HC_OUT: octets(self.out_mbps, self.lasted_s),
            SPEED: 100,
        }
        return SnmpAnswer(values=values)


def looked(switch: Switch, directory: Path, at: datetime, phase: Phase = Phase.LIVE) -> tuple[dict[str, Reading], tuple[Finding, ...]]:
    where = Look(phase=phase, state_directory=str(directory), limits_version="v3")
    readings, found = utilisation(LinkSettings(switch=PORT), LinkLimits(), where, at=at, left_s=15, ask=switch)
    return {reading.metric: reading for reading in readings}, found


def test_the_switch_is_asked_every_five_minutes_also_in_a_meeting(tmp_path: Path) -> None:
    switch = Switch(in_mbps=40, out_mbps=4)
    first, _ = looked(switch, tmp_path, AT)
    assert first["link.port_in_percent"].failure is Failure.SKIPPED, "one reading of a counter says nothing"
    looked(switch, tmp_path, AT + timedelta(minutes=4))
    assert switch.asked == 1
    switch.go_on(300)
    then, found = looked(switch, tmp_path, AT + STEP)
    assert (then["link.port_in_percent"].value, then["link.port_out_percent"].value, switch.asked) == (40, 4, 2)
    assert "link.port_in_p95_percent" not in then, "not before there is a day of samples"
    assert found == ()


@pytest.mark.parametrize(("percent", "told"), [(89.9, 0), (90.4, 1)])
def test_a_port_that_is_too_full_for_a_day_is_told_with_the_way(tmp_path: Path, percent: float, told: int) -> None:
    switch = Switch(in_mbps=percent, out_mbps=10)
    samples = tuple(Sample(AT - STEP * (LEAST_SAMPLES - 1 - number), percent, 10.0) for number in range(LEAST_SAMPLES))
    keep(tmp_path / FILE, Memory(port=PORT, asked_at=AT, counters=counters(0), samples=samples))
    readings, found = looked(switch, tmp_path, AT + timedelta(minutes=1))
    assert readings["link.port_in_p95_percent"].value == percent
    assert [one.code for one in found] == ["link.port_full"] * told
    if told:
        assert sentence(found[0], "vi").startswith("Cổng 192.0.2.2 Gi0/24 ↓ của đường truyền đầy 90,4")


def test_six_bad_days_of_peaks_below_five_of_a_hundred_samples_are_no_finding(tmp_path: Path) -> None:
    peaks = tuple(Sample(AT - STEP * (2000 - number), 100.0 if number % 21 == 0 else 20.0, 1.0) for number in range(2000))
    keep(tmp_path / FILE, Memory(port=PORT, asked_at=AT, samples=peaks))
    assert looked(Switch(in_mbps=1, out_mbps=1), tmp_path, AT + timedelta(minutes=1))[1] == ()


def test_a_switch_that_is_silent_or_has_no_64_bit_counters_is_not_measured_and_keeps_its_samples(tmp_path: Path) -> None:
    switch = Switch(in_mbps=40, out_mbps=4)
    for number in range(2):
        looked(switch, tmp_path, AT + STEP * number)
        switch.go_on(300)
    switch.failure = Failure.TIMEOUT
    readings, _ = looked(switch, tmp_path, AT + STEP * 2)
    assert readings["link.port_in_percent"].failure is Failure.TIMEOUT
    memory = recall(tmp_path / FILE, Memory)
    assert memory is not None
    assert len(memory.samples) == 1
    old = utilisation(
        LinkSettings(switch=PORT),
        LinkLimits(),
        Look(state_directory=str(tmp_path)),
        at=AT + STEP * 3,
        left_s=15,
        ask=lambda _: SnmpAnswer(),
    )
    assert old[0][0].failure is Failure.UNSUPPORTED


def test_another_port_begins_anew_and_none_is_never_asked(tmp_path: Path) -> None:
    switch = Switch(in_mbps=40, out_mbps=4)
    keep(tmp_path / FILE, Memory(port=msgspec.structs.replace(PORT, port="Gi0/1"), asked_at=AT, samples=(Sample(AT, 99.0, 99.0),) * 300))
    assert "link.port_in_p95_percent" not in looked(switch, tmp_path, AT)[0]
    assert utilisation(LinkSettings(), LinkLimits(), Look(state_directory=str(tmp_path)), at=AT, left_s=15, ask=switch) == ((), ())
    assert switch.asked == 1


def test_a_real_agents_port_is_measured_by_a_child(snmp_agent: SnmpAgent, tmp_path: Path) -> None:
    port = SwitchPort(host="127.0.0.1", port="lo", snmp=snmp_agent.v3)
    readings, _ = utilisation(LinkSettings(switch=port), LinkLimits(), Look(state_directory=str(tmp_path)), at=AT, left_s=15)
    assert {reading.failure for reading in readings} == {Failure.SKIPPED}
    memory = recall(tmp_path / FILE, Memory)
    assert memory is not None
    assert memory.counters is not None
    assert memory.counters.in_octets > 0
    assert memory.counters.speed_mbps > 0
