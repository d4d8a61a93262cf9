"""What a month says of each site's line: the evidence with which the province goes to its provider (R45, article 17.1).

Figures are those to the center, over the whole of the dedicated network; minutes where they are still kept, else hours. Outages are the
alarmed incidents in which the connection was lost, but for those that lay within the site itself (its own cable, its own switch's port).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine

from contract.messages import Rollup
from contract.placing import CENTER
from control_center.incidents.model import Incident, Place
from control_center.incidents.rules import CONNECTIVITY
from control_center.meetings.working_days import VIETNAM
from control_center.store import figures, registry
from control_center.store import incidents as incident_store
from control_center.store.figures import Stretch
from control_center.store.registry import ContactRole

OWN_PLACES = frozenset({Place.SITE_LAN, Place.AGENT})
"""Outages of these are not the provider's."""
WHOLE_LINE = ("link.rtt_ms", "link.jitter_ms", "link.loss_percent")
PORT = ("link.port_in_p95_percent", "link.port_out_p95_percent")


class Month(NamedTuple):
    """A month of Vietnam's calendar."""

    year: int
    number: int

    @property
    def begins_at(self) -> datetime:
        """First moment, UTC."""
        return datetime(self.year, self.number, 1, tzinfo=VIETNAM).astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        """First moment of the next one, UTC."""
        return Month(self.year + self.number // 12, self.number % 12 + 1).begins_at

    @property
    def text(self) -> str:
        """As in addresses and file names: ``2026-11``."""
        return f"{self.year}-{self.number:02d}"


def month_of(text: str) -> Month | None:
    """The month that ``2026-11`` names; None if it names none between 2000 and 2100."""
    year, _, number = text.partition("-")
    if not (len(year) == 4 and len(number) == 2 and f"{year}{number}".isascii() and f"{year}{number}".isdigit()):
        return None
    return Month(int(year), int(number)) if 2000 <= int(year) <= 2100 and 1 <= int(number) <= 12 else None


class LineMonth(msgspec.Struct, frozen=True, kw_only=True):
    """One site's line in one month; None where nothing was measured.

    Attributes:
        site: Id of the site.
        provider: Whom its contacts name; empty: nobody.
        measured_h: Hours for which there are figures.
        outages: How often the connection was lost.
        down_s: How long altogether, within the month.
        longest_s: The longest of them.
        rtt_p50_ms, rtt_p95_ms: Round trip to the center.
        jitter_p95_ms: RFC 3550 over round trips.
        loss_p50_percent, loss_p95_percent: Lost there and back; half, and 95 %, of the time it was at most this.
        port_p95_percent: How full the line's port was at the end of the month, the fuller way.
    """

    site: str
    provider: str = ""
    measured_h: float = 0.0
    outages: int = 0
    down_s: float = 0.0
    longest_s: float = 0.0
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    jitter_p95_ms: float | None = None
    loss_p50_percent: float | None = None
    loss_p95_percent: float | None = None
    port_p95_percent: float | None = None

    @property
    def available_percent(self) -> float | None:
        """Share of the time for which there is evidence, in which the line was there; None without any."""
        seconds = max(self.measured_h * 3600, self.down_s)
        return round(100 * (1 - self.down_s / seconds), 3) if seconds else None


def of_month(engine: Engine, month: Month, now: datetime) -> list[LineMonth]:
    """All sites, in the order of the register; what lasts counts up to `now`."""
    happened = incident_store.between(engine, month.begins_at, month.ends_at)
    return [
        line(
            site.id,
            _provider(registry.contacts(engine, site.id)),
            figures.between(engine, site.id, month.begins_at, month.ends_at),
            [incident for incident in happened if incident.site == site.id],
            (month.begins_at, min(month.ends_at, now)),
        )
        for site in registry.sites(engine)
    ]


def line(
    site: str, provider: str, stretches: Iterable[Stretch], happened: Sequence[Incident], span: tuple[datetime, datetime]
) -> LineMonth:
    """One site's month. Pure.

    Args:
        site: Its id.
        provider: Of its line.
        stretches: Its figures of the month, in order.
        happened: Its alarmed incidents.
        span: Begin and end of the time that is judged, UTC.
    """
    measured, parts, port = timedelta(), [], dict[str, float]()
    for stretch in stretches:
        wanted = [one for one in stretch.rollups if one.metric in WHOLE_LINE and one.target == CENTER and one.count]
        measured += stretch.ends_at - stretch.begins_at if wanted else timedelta()
        parts += wanted
        port |= {one.metric: one.p50 for one in stretch.rollups if one.metric in PORT and one.p50 is not None}
    merged = {one.metric: one for one in figures.merged(parts)}
    gaps = list(_gaps(happened, *span))
    rtt, jitter, loss = (merged.get(metric, Rollup(metric=metric, unit="", count=0)) for metric in WHOLE_LINE)
    return LineMonth(
        site=site,
        provider=provider,
        measured_h=round(measured / timedelta(hours=1), 2),
        outages=len(gaps),
        down_s=round(sum(gaps, 0.0), 1),
        longest_s=round(max(gaps, default=0.0), 1),
        rtt_p50_ms=rtt.p50,
        rtt_p95_ms=rtt.p95,
        jitter_p95_ms=jitter.p95,
        loss_p50_percent=loss.p50,
        loss_p95_percent=loss.p95,
        port_p95_percent=max(port.values(), default=None),
    )


def _gaps(happened: Iterable[Incident], begins_at: datetime, ends_at: datetime) -> Iterator[float]:
    """Seconds of each outage within a time."""
    spans = sorted(
        (max(span.began_at, begins_at), min(span.ended_at or ends_at, ends_at))
        for incident in happened
        if incident.code in CONNECTIVITY and incident.place not in OWN_PLACES
        for span in incident.spans
    )
    until = begins_at
    for began_at, ended_at in spans:
        # Two ends of the line (MCU and center) may be lost at once: one outage, counted once.
        if ended_at <= max(began_at, until):
            continue
        yield (ended_at - max(began_at, until)).total_seconds()
        until = ended_at


def _provider(contacts: Iterable[registry.Contact]) -> str:
    return next((contact.unit or contact.name for contact in contacts if contact.role is ContactRole.PROVIDER), "")
