"""Pure: figures over time as SVG, drawn here, with the same in words. No script, no picture file, no colour that says anything alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from contract.catalog import METRICS, told
from contract.messages import Rollup
from control_center.meetings.working_days import VIETNAM
from control_center.store.figures import Stretch

WIDTH, HEIGHT = 720, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 10, 24
_MOST_POINTS = 240
_LINES = 4
"""Targets that one chart can tell apart by the dashes of their lines."""
SHOWN = ("link.rtt_ms", "link.loss_percent", "link.jitter_ms", "microphone.level_dbfs")
TARGETS = {"gateway": "cổng mạng", "mcu": "MCU", "center": "trung tâm"}
WINDOWS = {1: "1 giờ", 6: "6 giờ", 24: "24 giờ", 168: "7 ngày", 720: "30 ngày"}
"""Hours that a chart can cover, in words."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One stretch of one metric and target: what was typical and what was worst in it."""

    begins_at: datetime
    ends_at: datetime
    typical: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ChartView:
    """One chart: the drawing, and the same in words.

    Attributes:
        rows: Of the table beside it: target, lowest, typical, highest, how much of the time was measured.
    """

    metric: str
    title: str
    svg: str
    rows: tuple[tuple[str, str, str, str, str], ...]


def charts(stretches: Iterable[Stretch], begins_at: datetime, ends_at: datetime) -> tuple[ChartView, ...]:
    """The charts of a site's page; one without any figure is left out."""
    series: dict[str, dict[str, list[Point]]] = {}
    for stretch in stretches:
        for rollup in stretch.rollups:
            point = _point(stretch, rollup)
            if rollup.metric in SHOWN and point is not None:
                series.setdefault(rollup.metric, {}).setdefault(rollup.target, []).append(point)
    return tuple(_chart(metric, series[metric], begins_at, ends_at) for metric in SHOWN if metric in series)


def _point(stretch: Stretch, rollup: Rollup) -> Point | None:
    figures = (rollup.p50, rollup.minimum, rollup.maximum)
    if any(figure is None or not math.isfinite(figure) for figure in figures):
        return None
    typical, low, high = (float(figure) for figure in figures if figure is not None)
    return Point(begins_at=stretch.begins_at, ends_at=stretch.ends_at, typical=typical, low=low, high=high)


def thinned(points: Sequence[Point], begins_at: datetime, ends_at: datetime) -> list[Point]:
    """At most `_MOST_POINTS` points: neighbours become one, whose extremes are theirs, so that no peak is lost."""
    step = (ends_at - begins_at) / _MOST_POINTS
    groups: dict[int, list[Point]] = {}
    for point in points:
        groups.setdefault(int((point.begins_at - begins_at) / step), []).append(point)
    return [
        Point(
            begins_at=group[0].begins_at,
            ends_at=max(point.ends_at for point in group),
            typical=sorted(point.typical for point in group)[len(group) // 2],
            low=min(point.low for point in group),
            high=max(point.high for point in group),
        )
        for _, group in sorted(groups.items())
    ]


def runs(points: Sequence[Point]) -> list[list[Point]]:
    """Points that follow each other without a gap; where nothing was measured the line is broken, never drawn through."""
    found: list[list[Point]] = []
    for point in points:
        longest = timedelta(seconds=30) + (point.ends_at - point.begins_at)
        if found and point.begins_at - found[-1][-1].ends_at <= longest:
            found[-1].append(point)
        else:
            found.append([point])
    return found


def _chart(metric: str, by_target: dict[str, list[Point]], begins_at: datetime, ends_at: datetime) -> ChartView:
    spec = METRICS.get(metric)
    title, unit = (metric, "") if spec is None else (spec.vi, spec.unit)
    shown = {target: thinned(points, begins_at, ends_at) for target, points in sorted(by_target.items())[:_LINES]}
    frame = _Frame(begins_at, ends_at, [figure for points in shown.values() for point in points for figure in (point.low, point.high)])
    body = [frame.grid(metric, unit)]
    rows = []
    for number, (target, points) in enumerate(shown.items(), 1):
        for run in runs(points):
            body += [frame.band(run, number), frame.line(run, number)]
        rows.append(_row(metric, unit, target, by_target[target], ends_at - begins_at))
    label = escape(f"{title}: " + "; ".join(f"{row[0]} từ {row[1]} đến {row[3]}, trung vị {row[2]}" for row in rows), quote=True)
    svg = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(body)}</svg>'
    return ChartView(metric=metric, title=title, svg=svg, rows=tuple(rows))


def _row(metric: str, unit: str, target: str, points: Sequence[Point], span: timedelta) -> tuple[str, str, str, str, str]:
    measured = sum(((point.ends_at - point.begins_at) for point in points), timedelta())
    return (
        TARGETS.get(target, target) or "–",
        told(metric, min(point.low for point in points), unit),
        told(metric, sorted(point.typical for point in points)[len(points) // 2], unit),
        told(metric, max(point.high for point in points), unit),
        f"{min(100.0, 100 * measured / span):.0f} %",
    )


class _Frame:
    """Where times and figures lie in the drawing."""

    def __init__(self, begins_at: datetime, ends_at: datetime, figures: Sequence[float]) -> None:
        self._begins_at, self._ends_at = begins_at, ends_at
        low, high = min(figures), max(figures)
        low = min(low, 0.0) if low >= 0 else low  # what cannot be negative begins at nothing
        self._step = _nice((high - low or abs(high) or 1.0) / 4)
        self._low = math.floor(low / self._step) * self._step
        self._high = max(math.ceil(high / self._step) * self._step, self._low + self._step)

    def x(self, moment: datetime) -> float:
        share = (moment - self._begins_at) / (self._ends_at - self._begins_at)
        return round(_LEFT + max(0.0, min(1.0, share)) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, figure: float) -> float:
        return round(HEIGHT - _BOTTOM - (figure - self._low) / (self._high - self._low) * (HEIGHT - _TOP - _BOTTOM), 1)

    def line(self, run: Sequence[Point], number: int) -> str:
        """What was typical."""
        if len(run) == 1:
            return f'<circle class="c{number}" cx="{self.x(run[0].begins_at)}" cy="{self.y(run[0].typical)}" r="2"/>'
        places = " ".join(f"{self.x(point.begins_at)},{self.y(point.typical)}" for point in run)
        return f'<polyline class="c{number}" points="{places}"/>'

    def band(self, run: Sequence[Point], number: int) -> str:
        """From the lowest to the highest."""
        there = [f"{self.x(point.begins_at)},{self.y(point.high)}" for point in run]
        back = [f"{self.x(point.begins_at)},{self.y(point.low)}" for point in reversed(run)]
        return f'<polygon class="c{number}" points="{" ".join(there + back)}"/>'

    def grid(self, metric: str, unit: str) -> str:
        """Lines and words of both axes."""
        pieces = []
        count = round((self._high - self._low) / self._step)
        for number in range(count + 1):
            figure = round(self._low + number * self._step, 9)
            y = self.y(figure)
            words = escape(told(metric, figure, unit))
            pieces.append(
                f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/><text x="{_LEFT - 6}" y="{y + 4}" class="y">{words}</text>'
            )
        days = self._ends_at - self._begins_at > timedelta(days=2)
        for number in range(7):
            moment = self._begins_at + (self._ends_at - self._begins_at) * number / 6
            local = moment.astimezone(VIETNAM)
            words = f"{local:%d/%m}" if days else f"{local:%H:%M}"
            place = "first" if number == 0 else "last" if number == 6 else "mid"
            pieces.append(f'<text x="{self.x(moment)}" y="{HEIGHT - 6}" class="{place}">{words}</text>')
        return f'<g class="grid">{"".join(pieces)}</g>'


def _nice(step: float) -> float:
    """The next step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next((factor * power for factor in (1.0, 2.0, 5.0) if factor * power >= step * 0.999), 10.0 * power)
