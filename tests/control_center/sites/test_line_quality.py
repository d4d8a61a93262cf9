"""A month of a site's line: what was measured, what was lost, what is nobody's figure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.findings import Severity
from contract.messages import Rollup
from control_center.incidents.model import Incident, IncidentState, Place, Span
from control_center.sites.line_quality import LineMonth, Month, line, month_of
from control_center.store.figures import Stretch

pytestmark = pytest.mark.req("R45")

NOVEMBER = Month(2026, 11)
BEGIN, END = NOVEMBER.begins_at, NOVEMBER.ends_at
MINUTE = timedelta(minutes=1)


def rollup(metric: str, p50: float, p95: float, target: str = "center") -> Rollup:
    return Rollup(metric=metric, unit="", count=60, target=target, p50=p50, p95=p95)


def minute(number: int, *rollups: Rollup) -> Stretch:
    return Stretch(BEGIN + number * MINUTE, BEGIN + (number + 1) * MINUTE, rollups)


def outage(*spans: tuple[float, float | None], code: str = "link.center_unreachable", place: Place = Place.TSLCD) -> Incident:
    """Spans in hours from the month's begin."""
    gone = tuple(Span(began_at=BEGIN + timedelta(hours=a), ended_at=None if b is None else BEGIN + timedelta(hours=b)) for a, b in spans)
    return Incident(
        id=f"s-{code}-{spans}",
        site="hoai-nhon",
        code=code,
        component="link",
        severity=Severity.CRITICAL,
        state=IncidentState.OPEN,
        began_at=gone[0].began_at,
        opened_at=gone[0].began_at,
        spans=gone,
        place=place,
    )


def judged(stretches: Sequence[Stretch] = (), happened: Sequence[Incident] = ()) -> LineMonth:
    return line("hoai-nhon", "VNPT", stretches, happened, (BEGIN, END))


def test_a_month_begins_and_ends_by_vietnams_calendar() -> None:
    assert (datetime(2026, 10, 31, 17, tzinfo=UTC), datetime(2026, 11, 30, 17, tzinfo=UTC)) == (BEGIN, END)
    assert Month(2026, 12).ends_at == Month(2027, 1).begins_at


@pytest.mark.parametrize(
    ("text", "month"),
    [("2026-11", NOVEMBER), ("2026-13", None), ("2026-00", None), ("1999-01", None), ("2026-1", None), ("٢٠٢٦-11", None), ("", None)],
)
def test_only_a_month_names_a_month(text: str, month: Month | None) -> None:
    assert month_of(text) == month


def test_figures_of_a_month_are_those_to_the_center() -> None:
    made = judged(
        [
            minute(0, rollup("link.rtt_ms", 8, 12), rollup("link.loss_percent", 0, 0), rollup("link.rtt_ms", 900, 900, "mcu")),
            minute(1, rollup("link.rtt_ms", 10, 40), rollup("link.jitter_ms", 1, 3), rollup("link.loss_percent", 0, 2)),
            minute(2, rollup("host.cpu_percent", 99, 99)),
            minute(3, rollup("link.port_in_p95_percent", 71, 71, "sw Gi0/24"), rollup("link.port_out_p95_percent", 93, 93, "sw Gi0/24")),
        ]
    )
    assert (made.rtt_p50_ms, made.rtt_p95_ms, made.jitter_p95_ms, made.loss_p95_percent, made.port_p95_percent) == (8, 40, 3, 2, 93)
    assert made.measured_h == round(2 / 60, 2), "a minute without a figure of the line is no evidence"


def test_nothing_measured_is_nothing_and_not_a_perfect_line() -> None:
    made = judged()
    assert (made.measured_h, made.available_percent, made.rtt_p50_ms, made.loss_p95_percent) == (0, None, None, None)


def test_outages_count_once_where_two_ends_are_lost_at_once_and_never_for_the_sites_own_cable() -> None:
    hours = [Stretch(BEGIN + timedelta(hours=n), BEGIN + timedelta(hours=n + 1), (rollup("link.rtt_ms", 8, 9),)) for n in range(100)]
    happened = [
        outage((1, 1.5), (5, 5.25)),
        outage((1.25, 1.75), code="link.mcu_unreachable"),
        outage((10, 20), place=Place.SITE_LAN),
        outage((30, 40), code="link.loss"),
    ]
    made = judged(hours, happened)
    assert (made.outages, made.down_s, made.longest_s) == (3, 3600, 1800)
    assert made.available_percent == 99


def test_an_outage_over_the_months_edge_counts_for_its_part_of_the_month() -> None:
    made = judged((), [outage((-5, 1)), outage((719, None))])
    assert (made.outages, made.down_s) == (2, 7200)
    assert made.available_percent == 0, "all that is known of the month is that the line was gone"


@given(st.lists(st.tuples(st.floats(-10, 800), st.floats(0, 100)), max_size=20))
def test_the_time_lost_is_that_of_the_union_of_all_spans(spans: list[tuple[float, float]]) -> None:
    made = judged((), [outage((begin, begin + lasts)) for begin, lasts in spans])
    edges = sorted({0.0, 720.0, *(min(max(edge, 0.0), 720.0) for begin, lasts in spans for edge in (begin, begin + lasts))})
    lost_h = sum(b - a for a, b in pairwise(edges) if any(begin <= (a + b) / 2 < begin + lasts for begin, lasts in spans))
    assert made.down_s == pytest.approx(lost_h * 3600, abs=0.2)
