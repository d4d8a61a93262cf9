from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.catalog import sentence
from contract.findings import Severity
from contract.meetings import Phase
from probes.interface import Look
from probes.link.judge import judge, off_tslcd, unreachable
from probes.link.limits import LinkLimits
from probes.link.measure import Sample, statistics_of

LIVE = Look(phase=Phase.LIVE, limits_version="7")
LIMITS = LinkLimits()
ENDS = ("gateway", "mcu", "center", "backup")


def line(*rtts_ms: float | None) -> list[Sample]:
    return [
        Sample(seq=seq, rtt_ms=rtt, order=None if rtt is None else seq, copies=rtt is not None, reflected=None)
        for seq, rtt in enumerate(rtts_ms)
    ]


def codes(*rtts_ms: float | None) -> list[str]:
    return [found.code for found in judge({"mcu": statistics_of(line(*rtts_ms))}, LIMITS, LIVE)]


def test_a_good_line_has_no_finding() -> None:
    assert codes(*[20.0, 21.0] * 20) == []
    assert codes(*[20.0] * 39, None) == []


@pytest.mark.req("R10", "R31")
def test_each_limit_has_its_finding() -> None:
    assert codes(*[320.0] * 40) == ["link.high_latency"]
    assert codes(*[10.0, 80.0] * 20) == ["link.high_jitter"]
    assert codes(*[10.0] * 34, *[None] * 6) == ["link.loss"]
    swapped = [Sample(seq=seq, rtt_ms=9.0, order=seq ^ 1, copies=1) for seq in range(40)]
    assert [found.code for found in judge({"mcu": statistics_of(swapped)}, LIMITS, LIVE)] == ["link.reordering"]


def test_a_finding_names_figure_limit_target_and_version() -> None:
    (found,) = judge({"mcu": statistics_of(line(*[320.0] * 40))}, LIMITS, LIVE)
    assert (found.figure, found.limit, found.unit, found.target, found.limits_version) == (160.0, 150.0, "ms", "mcu", "7")
    assert "160\u00a0ms" in sentence(found)
    assert "150\u00a0ms" in sentence(found)


def test_heavy_loss_is_critical_in_a_meeting_only() -> None:
    heavy, light = statistics_of(line(*[9.0] * 30, *[None] * 10)), statistics_of(line(*[9.0] * 970, *[None] * 30))
    for phase, figures, severity in (
        (Phase.LIVE, heavy, Severity.CRITICAL),
        (Phase.LIVE, light, Severity.WARNING),
        (Phase.IDLE, heavy, Severity.INFO),
    ):
        (found,) = judge({"mcu": figures}, LIMITS, Look(phase=phase))
        assert found.severity is severity


def test_an_end_that_never_answers_has_no_quality() -> None:
    assert codes(*[None] * 40) == []


@pytest.mark.req("R31")
@pytest.mark.parametrize(
    ("silent", "answered", "expected"),
    [
        ("gateway mcu center", "", ["link.gateway_unreachable"]),
        ("gateway center", "", ["link.gateway_unreachable"]),
        ("mcu center", "gateway", ["link.down"]),
        ("mcu center", "", ["link.down"]),
        ("mcu", "gateway center", ["link.mcu_unreachable"]),
        ("center", "gateway mcu", ["link.center_unreachable"]),
        ("gateway", "mcu", []),
        ("gateway mcu", "center", ["link.mcu_unreachable"]),
        ("10.0.0.9", "gateway", ["link.down 10.0.0.9"]),
        ("10.0.0.9", "", ["link.down 10.0.0.9"]),
        ("", "gateway", []),
    ],
)
def test_one_outage_is_one_finding_named_by_who_is_silent(silent: str, answered: str, expected: list[str]) -> None:
    found = unreachable(silent.split(), answered.split(), Phase.LIVE, silent_s=1.3, limit_s=1.2)
    assert [f"{one.code} {one.target}".strip() for one in found] == expected
    assert all(one.severity is Severity.CRITICAL for one in found)


@given(st.sets(st.sampled_from(ENDS)), st.sets(st.sampled_from(ENDS)))
def test_nobody_silent_is_no_finding_and_keys_are_unique(silent: set[str], answered: set[str]) -> None:
    found = unreachable(silent, answered - silent, Phase.LIVE, silent_s=1.3, limit_s=1.2)
    assert silent or not found
    assert len({one.key for one in found}) == len(found)
    assert all("[" not in sentence(one) for one in found)


@pytest.mark.req("R3")
def test_a_way_beside_the_dedicated_network_is_told() -> None:
    (found,) = off_tslcd({"gateway": "eth1", "mcu": "eth1", "center": "eth0"}, "eth0", LIVE)
    assert (found.code, found.target) == ("link.off_tslcd", "mcu")
    assert "eth1" in sentence(found)
    assert off_tslcd({"mcu": "eth1"}, "", LIVE) == ()
