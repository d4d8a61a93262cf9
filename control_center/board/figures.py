"""Pure: the latest figures of a site as lines of a table."""

from __future__ import annotations

from dataclasses import dataclass

from contract.catalog import METRICS, told
from contract.findings import Component
from contract.messages import Rollup
from control_center.board import wording
from control_center.live import SiteLive


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """One figure, rolled up over the last minute or so, in words."""

    component: str
    label: str
    target: str
    typical: str
    """Median."""
    high: str
    """95th percentile."""
    low: str
    highest: str
    missing: int


def figure_views(site: SiteLive) -> tuple[FigureView, ...]:
    """Latest figures in the order of the components; an unknown metric keeps its raw name."""
    order = {name.value if isinstance(name, Component) else name: place for place, name in enumerate(wording.COMPONENT)}
    rollups = sorted(site.latest.values(), key=lambda one: (order.get(one.metric.partition(".")[0], len(order)), one.metric, one.target))
    return tuple(_view(rollup) for rollup in rollups)


def _view(rollup: Rollup) -> FigureView:
    spec = METRICS.get(rollup.metric)
    return FigureView(
        component=wording.component(rollup.metric.partition(".")[0]),
        label=rollup.metric if spec is None else spec.vi,
        target=rollup.target,
        typical=told(rollup.metric, rollup.p50, rollup.unit),
        high=told(rollup.metric, rollup.p95, rollup.unit),
        low=told(rollup.metric, rollup.minimum, rollup.unit),
        highest=told(rollup.metric, rollup.maximum, rollup.unit),
        missing=rollup.missing,
    )
