"""Figures of a minute: counts add up, quantiles are values that were measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contract.meetings import Phase
from contract.readings import Failure, Reading
from edge_agent.rollups import Gatherer

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
T1 = T0 + timedelta(minutes=1)
_VALUES = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=200)


def reading(value: float | None, failure: Failure = Failure.TIMEOUT) -> Reading:
    return Reading(metric="link.rtt_ms", unit="ms", target="mcu", at=T0, value=value, failure=failure if value is None else None)


@given(_VALUES)
def test_counts_add_up_and_quantiles_are_measured_values_in_order(values: list[float | None]) -> None:
    gatherer = Gatherer(T0)
    gatherer.add(reading(value) for value in values)
    figures = gatherer.take(T1, phase=Phase.LIVE, meeting="m")
    assert figures is not None
    (line,) = figures.rollups
    measured = [value for value in values if value is not None]
    assert line.count + line.missing == len(values)
    assert line.count == len(measured)
    if measured:
        quantiles = [line.minimum, line.p50, line.p95, line.p99, line.maximum]
        assert all(each in measured for each in quantiles)
        assert quantiles == sorted(quantiles)  # type: ignore[type-var]
        assert (line.minimum, line.maximum) == (min(measured), max(measured))
    else:
        assert line.p50 is None


def test_spans_touch_and_a_span_without_readings_is_not_told() -> None:
    gatherer = Gatherer(T0)
    gatherer.add([reading(1.0)])
    first = gatherer.take(T1, phase=Phase.IDLE, meeting="")
    assert gatherer.take(T1 + timedelta(minutes=1), phase=Phase.IDLE, meeting="") is None
    gatherer.add([reading(2.0)])
    third = gatherer.take(T1 + timedelta(minutes=2), phase=Phase.IDLE, meeting="")
    assert first is not None
    assert third is not None
    assert (first.begins_at, first.ends_at, third.begins_at) == (T0, T1, T1 + timedelta(minutes=1))


def test_what_is_not_fitted_is_no_missing_figure() -> None:
    gatherer = Gatherer(T0)
    gatherer.add([reading(None, Failure.NOT_FITTED)])
    assert gatherer.take(T1, phase=Phase.IDLE, meeting="") is None
