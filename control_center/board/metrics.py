"""What a Prometheus server reads (``GET /metrics``): the live state and the latest figures, beside what the process says of itself.

Names keep the unit that the figure has everywhere else in this project (``_ms``, ``_percent``): one word in configuration, message, page
and dashboard is worth more than base units. It is read on the center's own machine without a session, from elsewhere with one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from contract.catalog import METRICS
from contract.findings import Severity, State
from contract.meetings import Phase
from control_center.board.desk import Desk
from control_center.live import LinkLight, SiteLive

PREFIX = "diemcau"


class LiveCollector:
    """Draws the metrics anew for each reading.

    Args:
        desk: The live state, and the center's clock.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families, as the client library wants them."""
        live, now = self._desk.live, self._desk.clock()
        sites = sorted(live.sites.values(), key=lambda site: site.site)
        yield from _sites(sites, now)
        yield from _components(sites, now)
        yield from _figures(sites)
        incidents = GaugeMetricFamily(f"{PREFIX}_incidents_open", "Incidents that last, alarmed ones only", labels=["severity"])
        lasting = [incident for incident in live.incidents.values() if incident.opened_at is not None]
        for severity in Severity:
            incidents.add_metric([severity.value], sum(incident.severity is severity for incident in lasting))
        yield incidents
        phase = GaugeMetricFamily(f"{PREFIX}_meeting_phase", "1 for the phase of the meeting that the board is about", labels=["phase"])
        for each in Phase:
            phase.add_metric([each.value], live.phase is each)
        yield phase


def _sites(sites: list[SiteLive], now: datetime) -> Iterator[GaugeMetricFamily]:
    info = GaugeMetricFamily(f"{PREFIX}_site_info", "1; what the site is called", labels=["site", "name"])
    link = GaugeMetricFamily(f"{PREFIX}_site_link", "1 for the state of the site's link", labels=["site", "state"])
    heard = GaugeMetricFamily(f"{PREFIX}_site_heard_seconds", "Since the site was last heard", labels=["site"])
    for site in sites:
        info.add_metric([site.site, site.name], 1)
        for light in LinkLight:
            link.add_metric([site.site, light.value], site.link is light)
        if site.heard_at is not None:
            heard.add_metric([site.site], max(0.0, (now - site.heard_at).total_seconds()))
    yield from (info, link, heard)


def _components(sites: list[SiteLive], now: datetime) -> Iterator[GaugeMetricFamily]:
    state = GaugeMetricFamily(f"{PREFIX}_component_state", "1 for the component's last verdict", labels=["site", "component", "state"])
    age = GaugeMetricFamily(f"{PREFIX}_component_age_seconds", "Age of that verdict", labels=["site", "component"])
    for site in sites:
        for name, component in sorted(site.components.items()):
            for each in State:
                state.add_metric([site.site, name, each.value], component.verdict.state is each)
            age.add_metric([site.site, name], max(0.0, (now - component.verdict.at).total_seconds()))
    yield from (state, age)


def _figures(sites: list[SiteLive]) -> Iterator[GaugeMetricFamily]:
    """The median of the last minute of each figure; one that was not measured is not there."""
    families: dict[str, GaugeMetricFamily] = {}
    for site in sites:
        for rollup in site.latest.values():
            if rollup.metric in METRICS and rollup.p50 is not None:
                spec = METRICS[rollup.metric]
                name = f"{PREFIX}_{rollup.metric.replace('.', '_')}"
                family = families.setdefault(
                    name, GaugeMetricFamily(name, f"{spec.en} ({spec.unit or 'plain'})", labels=["site", "target"])
                )
                family.add_metric([site.site, rollup.target], rollup.p50)
    yield from (families[name] for name in sorted(families))


def endpoint(desk: Desk) -> Callable[[Request], Response]:
    """The handler; a registry of its own, so that nothing of a test or a library joins in."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(LiveCollector(desk))

    def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics
