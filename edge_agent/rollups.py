"""Pure: readings over a minute → one line per metric and target."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from contract.meetings import Phase
from contract.messages import Figures, Rollup
from contract.readings import Failure, Reading

KEPT_VALUES = 5000
"""Of one metric in one span; later ones only count. A minute of looks has some dozens."""


class _Line(msgspec.Struct):
    unit: str
    values: list[float]
    count: int = 0
    missing: int = 0


class Gatherer:
    """Readings since the last `take`."""

    def __init__(self, begins_at: datetime) -> None:
        self._begins_at = begins_at
        self._lines: dict[tuple[str, str], _Line] = {}

    def add(self, readings: Iterable[Reading]) -> None:
        """Count readings in; what is not fitted is no missing figure."""
        for reading in readings:
            if reading.failure is Failure.NOT_FITTED:
                continue
            line = self._lines.setdefault((reading.metric, reading.target), _Line(reading.unit, []))
            if reading.value is None:
                line.missing += 1
            else:
                line.count += 1
                if len(line.values) < KEPT_VALUES:
                    line.values.append(reading.value)

    def take(self, ends_at: datetime, *, phase: Phase, meeting: str, others: Iterable[Rollup] = ()) -> Figures | None:
        """Close the span; None if there was nothing to tell.

        Args:
            ends_at: Its end; the next span begins there.
            phase: Phase in which it happened, told on.
            meeting: Meeting in which it happened, told on.
            others: Rollups that a watch has made itself; they stand for ours of the same metric and target.
        """
        made = tuple(others)
        told = {(rollup.metric, rollup.target) for rollup in made}
        rollups = tuple(_rollup(*key, line) for key, line in self._lines.items() if key not in told) + made
        begins_at, self._begins_at, self._lines = self._begins_at, ends_at, {}
        if not rollups:
            return None
        return Figures(begins_at=begins_at, ends_at=ends_at, rollups=rollups, meeting=meeting, phase=phase)


def _rollup(metric: str, target: str, line: _Line) -> Rollup:
    ordered = sorted(line.values)
    if not ordered:
        return Rollup(metric=metric, unit=line.unit, target=target, count=0, missing=line.missing)
    return Rollup(
        metric=metric,
        unit=line.unit,
        target=target,
        count=line.count,
        missing=line.missing,
        minimum=ordered[0],
        p50=quantile(ordered, 0.5),
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        maximum=ordered[-1],
    )


def quantile(ordered: list[float], part: float) -> float:
    """Nearest-rank quantile of ordered, non-empty values: always one that was measured."""
    rank = max(1, -int(-part * len(ordered) // 1))
    return ordered[rank - 1]
