"""Whether the center hears a site's agent now: what ``GET /api/site/<id>`` answers, and how it is judged.

All instants are by the center's clock: when an agent was born follows from its last heartbeat and the uptime in it, so
that neither a wrong clock at the site nor a restart of the center makes an old agent look new.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from contract.messages import Presence
from control_center.live import SiteLive

LOST_HEARTBEATS = 3
"""A heartbeat travels at QoS 0: only when so many promised ones are missing is the agent silent."""
LEAST_PATIENCE_S = 5.0


class ComponentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Last word on one component.

    Attributes:
        state: Its verdict.
        age_s: How old, by the site's clock against the center's.
        valid_for_s: How old it may be.
        faults: Codes of what was found.
    """

    state: str
    age_s: float
    valid_for_s: float
    faults: tuple[str, ...] = ()


class SiteHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What the center knows of one site's agent.

    Attributes:
        site, name: Which site.
        at: When this was said.
        state: What the agent last said of itself (init, ready, disconnected) or the broker of it (lost); empty: nothing.
        version: Of the agent.
        boot: Id of its present start.
        heartbeat_boot: Id of the start that the last heartbeat is of.
        heartbeat_age_s: How old that is; None: none was heard since the center started.
        heartbeat_patience_s: How old it may be, by what the agent promised.
        born_at: When the agent was started.
        components: By name.
    """

    site: str
    name: str
    at: datetime
    state: str = ""
    version: str = ""
    boot: str = ""
    heartbeat_boot: str = ""
    heartbeat_age_s: float | None = None
    heartbeat_patience_s: float = LEAST_PATIENCE_S
    born_at: datetime | None = None
    components: dict[str, ComponentHealth] = {}


def health(site: SiteLive, now: datetime) -> SiteHealth:
    """What is known of a site at `now`."""
    status, heartbeat, heard_at = site.status, site.heartbeat, site.heartbeat_at
    components = {
        name: ComponentHealth(
            state=one.verdict.state,
            age_s=round((now - one.verdict.at).total_seconds(), 1),
            valid_for_s=one.valid_for_s,
            faults=tuple(found.code for found in one.verdict.findings),
        )
        for name, one in sorted(site.components.items())
    }
    said = SiteHealth(site=site.site, name=site.name, at=now, components=components)
    if status is not None:
        said = msgspec.structs.replace(said, state=status.state, version=status.version, boot=status.boot)
    if heartbeat is not None and heard_at is not None:
        said = msgspec.structs.replace(
            said,
            heartbeat_boot=heartbeat.boot,
            heartbeat_age_s=round((now - heard_at).total_seconds(), 1),
            heartbeat_patience_s=max(LEAST_PATIENCE_S, LOST_HEARTBEATS * heartbeat.period_s),
            born_at=heard_at - timedelta(seconds=heartbeat.uptime_s),
        )
    return said


def shortcoming(said: SiteHealth, *, version: str = "", since: datetime | None = None) -> str:
    """Why an agent is not healthy, in one sentence; empty when it is.

    Args:
        said: What the center knows.
        version: Which version it must be of; empty: any.
        since: It must have been started after this; None: whenever.
    """
    if said.state != Presence.READY:
        return _absent(said)
    if version and said.version != version:
        return f"its agent is of version {said.version or 'unknown'}, wanted is {version}"
    if said.heartbeat_age_s is None or said.heartbeat_boot != said.boot or said.born_at is None:
        return "its agent is connected but no heartbeat of this start was heard yet"
    if said.heartbeat_age_s > said.heartbeat_patience_s:
        return f"its last heartbeat is {said.heartbeat_age_s:.0f} s old, {said.heartbeat_patience_s:.0f} s at most are well"
    if since is not None and said.born_at < since:
        return f"its agent was started at {said.born_at:%Y-%m-%dT%H:%M:%SZ} and not restarted since {since.isoformat()}"
    return ""


def _absent(said: SiteHealth) -> str:
    match said.state:
        case "":
            return "its agent has not connected to the broker: see `journalctl -u diemcau-agent` on the site PC"
        case Presence.INIT:
            return "its agent has connected but is not ready yet"
        case Presence.DISCONNECTED:
            return "its agent has been stopped"
        case _:
            return "its agent has lost its connection to the broker: see `journalctl -u diemcau-agent` on the site PC"
