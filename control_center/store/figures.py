"""Figures over time: minutes as the sites sent them, hours that they are rolled up to, and nothing for ever.

Minutes are kept for some days, hours for some years; incidents, checks and forms are not touched. SQLite gives the room of
what was deleted to what comes next: the file stops growing, it does not shrink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine, Index, String, Text, delete, func, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.messages import Figures, Rollup
from control_center.store.base import Base, UtcDateTime
from control_center.store.journal import FiguresRow

HOUR = timedelta(hours=1)


class HourRow(Base):
    """All figures of one site in one hour."""

    __tablename__ = "figure_hours"
    __table_args__ = (Index("figure_hours_by_begin", "begins_at"),)

    site: Mapped[str] = mapped_column(String(40), primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    data: Mapped[str] = mapped_column(Text)


class Stretch(NamedTuple):
    """Figures of one span."""

    begins_at: datetime
    ends_at: datetime
    rollups: tuple[Rollup, ...]


class Tidied(NamedTuple):
    """What `tidy` did."""

    minutes: int = 0
    """Rows of minutes that became part of an hour."""
    hours: int = 0
    """Hours that were written."""
    forgotten: int = 0
    """Hours that were too old."""


_HOUR = msgspec.json.Decoder(tuple[Rollup, ...])
_MINUTE = msgspec.json.Decoder(Figures)


def merged(parts: Iterable[Rollup]) -> tuple[Rollup, ...]:
    """One rollup per metric and target over all parts. Pure.

    Counts are summed, extremes are exact. The percentiles of a longer span cannot be had from those of shorter ones: `p50` is
    the median of the parts' medians, `p95` and `p99` the 95th and 99th percentile of the parts' own, each part weighing as
    much as it counted. So an hour's p95 says: in all but one twentieth of it, the minutes were at most this bad.
    """
    lines: dict[tuple[str, str], list[Rollup]] = {}
    for part in parts:
        lines.setdefault((part.metric, part.target), []).append(part)
    return tuple(_one(line) for _, line in sorted(lines.items()))


def _one(line: Sequence[Rollup]) -> Rollup:
    lows = [part.minimum for part in line if part.minimum is not None]
    highs = [part.maximum for part in line if part.maximum is not None]
    return Rollup(
        metric=line[0].metric,
        unit=line[-1].unit,
        target=line[0].target,
        count=sum(part.count for part in line),
        minimum=min(lows, default=None),
        p50=_weighted(((part.p50, part.count) for part in line), 0.5),
        p95=_weighted(((part.p95, part.count) for part in line), 0.95),
        p99=_weighted(((part.p99, part.count) for part in line), 0.99),
        maximum=max(highs, default=None),
        missing=sum(part.missing for part in line),
    )


def _weighted(parts: Iterable[tuple[float | None, int]], share: float) -> float | None:
    """Smallest figure that so large a share of the weight does not exceed."""
    known = sorted((figure, max(count, 1)) for figure, count in parts if figure is not None)
    left = share * sum(weight for _, weight in known)
    for figure, weight in known:
        left -= weight
        if left <= 1e-9:
            return figure
    return None


def between(engine: Engine, site: str, begins_at: datetime, ends_at: datetime) -> Iterator[Stretch]:
    """Figures of a site that begin within a span, in order; minutes where there are any, hours before."""
    with Session(engine) as session:
        inside = (HourRow.site == site) & (HourRow.begins_at >= begins_at) & (HourRow.begins_at < ends_at)
        for hour in session.scalars(select(HourRow).where(inside).order_by(HourRow.begins_at)):
            yield Stretch(hour.begins_at, hour.begins_at + HOUR, _HOUR.decode(hour.data))
        within = (FiguresRow.site == site) & (FiguresRow.begins_at >= begins_at) & (FiguresRow.begins_at < ends_at)
        query = select(FiguresRow.begins_at, FiguresRow.ends_at, FiguresRow.data).where(within).order_by(FiguresRow.begins_at)
        for begin, end, told in session.execute(query.execution_options(yield_per=500)):
            yield Stretch(begin, end, _MINUTE.decode(told).rollups)


def tidy(engine: Engine, *, minutes_before: datetime, hours_before: datetime, stop: Callable[[], bool] = lambda: False) -> Tidied:
    """Roll minutes up to hours, and forget hours; each hour of a site is one short transaction.

    Args:
        engine: The store, which may be in use.
        minutes_before: Whole hours (UTC) that are over by then are rolled up; what comes late for such an hour is added to it.
        hours_before: Hours that begin before are forgotten.
        stop: Asked between two transactions whether to leave the rest for the next time.
    """
    minutes = hours = 0
    until = _hour_of(minutes_before)
    with Session(engine) as session:
        sites = list(session.scalars(select(FiguresRow.site).where(FiguresRow.begins_at < until).distinct().order_by(FiguresRow.site)))
    for site in sites:
        while not stop():
            rolled = _roll_oldest(engine, site, until)
            if not rolled:
                break
            minutes, hours = minutes + rolled, hours + 1
    forgotten = 0
    if not stop():
        with Session(engine) as session, session.begin():
            old = HourRow.begins_at < hours_before
            forgotten = session.scalar(select(func.count()).select_from(HourRow).where(old)) or 0
            session.execute(delete(HourRow).where(old))
    return Tidied(minutes, hours, forgotten)


def _roll_oldest(engine: Engine, site: str, until: datetime) -> int:
    """Roll up the oldest hour of a site that has minutes; how many rows they were."""
    with Session(engine) as session, session.begin():
        oldest = session.scalar(select(func.min(FiguresRow.begins_at)).where(FiguresRow.site == site, FiguresRow.begins_at < until))
        if oldest is None:
            return 0
        begins_at = _hour_of(oldest)
        inside = (FiguresRow.site == site) & (FiguresRow.begins_at >= begins_at) & (FiguresRow.begins_at < begins_at + HOUR)
        rows = session.execute(select(FiguresRow.boot, FiguresRow.seq, FiguresRow.data).where(inside)).all()
        parts = [part for row in rows for part in _MINUTE.decode(row.data).rollups]
        hour = session.get(HourRow, (site, begins_at)) or HourRow(site=site, begins_at=begins_at, data="[]")
        hour.data = msgspec.json.encode(merged((*_HOUR.decode(hour.data), *parts))).decode()
        session.add(hour)
        # By name, not by time: a row that came since the look is left for the next one.
        names = [(row.boot, row.seq) for row in rows]
        session.execute(delete(FiguresRow).where(FiguresRow.site == site, tuple_(FiguresRow.boot, FiguresRow.seq).in_(names)))
        return len(rows)


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
