"""Minutes become hours, nothing is counted twice, and the disk stays bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from contract.messages import Figures, Rollup
from control_center.store import figures
from control_center.store.figures import HourRow, merged
from control_center.store.journal import FiguresRow

T = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rollup(figure: float, count: int = 60, metric: str = "link.rtt_ms", target: str = "mcu", missing: int = 0) -> Rollup:
    return Rollup(
        metric=metric,
        unit="ms",
        count=count,
        target=target,
        minimum=figure,
        p50=figure,
        p95=figure,
        p99=figure,
        maximum=figure,
        missing=missing,
    )


def put(engine: Engine, site: str, begins_at: datetime, *rollups: Rollup, boot: str = "b") -> None:
    told = Figures(begins_at=begins_at, ends_at=begins_at + MINUTE, rollups=rollups)
    with Session(engine) as session, session.begin():
        seq = (session.scalar(select(func.max(FiguresRow.seq))) or 0) + 1
        row = FiguresRow(site=site, boot=boot, seq=seq, time=begins_at, begins_at=begins_at, ends_at=told.ends_at, received_at=begins_at)
        row.data = msgspec.json.encode(told).decode()
        session.add(row)


def count(engine: Engine, table: type[FiguresRow | HourRow]) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def tidy(engine: Engine, until: datetime) -> figures.Tidied:
    return figures.tidy(engine, minutes_before=until, hours_before=T - timedelta(days=1000))


def test_whole_hours_that_are_over_become_one_row_each_and_the_rest_stays(engine: Engine) -> None:
    for number in range(150):
        put(engine, "a", T + number * MINUTE, rollup(float(number)))
    put(engine, "b", T, rollup(7.0))
    done = tidy(engine, T + timedelta(hours=2, minutes=15))
    assert done == figures.Tidied(minutes=121, hours=3, forgotten=0)
    assert (count(engine, FiguresRow), count(engine, HourRow)) == (30, 3)
    hours = list(figures.between(engine, "a", T, T + timedelta(hours=2)))
    assert [(hour.begins_at, hour.ends_at) for hour in hours] == [
        (T, T + timedelta(hours=1)),
        (T + timedelta(hours=1), T + timedelta(hours=2)),
    ]
    first = hours[0].rollups[0]
    assert (first.count, first.minimum, first.p50, first.p95, first.maximum) == (3600, 0.0, 29.0, 56.0, 59.0)
    assert [one.begins_at for one in figures.between(engine, "a", T, T + timedelta(hours=5))][2:4] == [
        T + 120 * MINUTE,
        T + 121 * MINUTE,
    ]


def test_tidying_again_changes_nothing_and_what_comes_late_is_added(engine: Engine) -> None:
    put(engine, "a", T, rollup(1.0))
    tidy(engine, T + timedelta(hours=1))
    assert tidy(engine, T + timedelta(hours=1)) == figures.Tidied()
    put(engine, "a", T + 5 * MINUTE, rollup(3.0), rollup(9.0, metric="link.jitter_ms"), boot="c")
    assert tidy(engine, T + timedelta(hours=1)) == figures.Tidied(minutes=1, hours=1, forgotten=0)
    (hour,) = figures.between(engine, "a", T, T + timedelta(hours=1))
    assert [(one.metric, one.count, one.minimum, one.maximum) for one in hour.rollups] == [
        ("link.jitter_ms", 60, 9.0, 9.0),
        ("link.rtt_ms", 120, 1.0, 3.0),
    ]


def test_hours_that_are_too_old_are_forgotten_and_only_they(engine: Engine) -> None:
    for day in range(3):
        put(engine, "a", T + timedelta(days=day), rollup(1.0))
    end = T + timedelta(days=4)
    done = figures.tidy(engine, minutes_before=end, hours_before=T + timedelta(days=1))
    assert done == figures.Tidied(minutes=3, hours=3, forgotten=1)
    assert [one.begins_at for one in figures.between(engine, "a", T, end)] == [T + timedelta(days=1), T + timedelta(days=2)]


def test_tidying_stops_between_two_hours_and_goes_on_the_next_time(engine: Engine) -> None:
    for hour in range(3):
        put(engine, "a", T + timedelta(hours=hour), rollup(1.0))
    asked = iter([False, True, True, True])
    stopped = figures.tidy(engine, minutes_before=T + timedelta(hours=3), hours_before=T, stop=lambda: next(asked))
    assert stopped.hours == 1
    assert tidy(engine, T + timedelta(hours=3)).hours == 2


def test_a_metric_that_had_no_figure_stays_without_one() -> None:
    (one,) = merged([Rollup(metric="m", unit="", count=0, missing=6), Rollup(metric="m", unit="", count=0, missing=5)])
    assert (one.count, one.missing, one.minimum, one.p50, one.p95, one.maximum) == (0, 11, None, None, None, None)


PARTS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 100), st.sampled_from(["gateway", "mcu"])), min_size=1, max_size=30)


@settings(deadline=None)
@given(PARTS)
def test_nothing_is_lost_or_made_up_by_rolling_up(parts: list[tuple[float, int, str]]) -> None:
    rolled = merged(rollup(figure, weight, target=target, missing=1) for figure, weight, target in parts)
    assert sum(one.count for one in rolled) == sum(weight for _, weight, _ in parts)
    assert sum(one.missing for one in rolled) == len(parts)
    for one in rolled:
        mine = [figure for figure, _, target in parts if target == one.target]
        assert (one.minimum, one.maximum) == (min(mine), max(mine))
        assert {one.p50, one.p95, one.p99} <= set(mine)
        assert one.minimum <= one.p50 <= one.p95 <= one.p99 <= one.maximum  # type: ignore[operator]


@settings(deadline=None)
@given(PARTS, st.integers(0, 30))
def test_counts_and_extremes_do_not_depend_on_the_order_in_which_parts_come(parts: list[tuple[float, int, str]], cut: int) -> None:
    made = [rollup(figure, weight, target=target) for figure, weight, target in parts]
    at_once, in_two = merged(made), merged((*merged(made[cut:]), *made[:cut]))
    assert [(one.target, one.count, one.minimum, one.maximum) for one in at_once] == [
        (one.target, one.count, one.minimum, one.maximum) for one in in_two
    ]
