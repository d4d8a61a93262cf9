"""Pure: live state in, what the board shows out. No clock, no I/O; the templates only lay it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contract.findings import Component, Severity, State
from contract.meetings import Meeting, Phase, Role
from contract.messages import ComponentState
from control_center.board import wording
from control_center.board.alerts import IncidentView, incident_view, remark
from control_center.board.wording import Word
from control_center.incidents.model import Incident, IncidentState
from control_center.live import LinkLight, SiteLive

_ALWAYS = (Component.LINK, Component.CAMERA, Component.MICROPHONE, Component.CODEC, Component.CABLES)
"""A tile shows these even when nothing has been heard of them: "not checked" must be seen."""
_SILENT = frozenset({LinkLight.DOWN, LinkLight.STALE})
_MOST_SITES_AT_EASE = 6
_MOST_SITES_IN_FULL = 15


@dataclass(frozen=True, kw_only=True)
class FindingView:
    """One finding of a component."""

    sentence: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class ComponentView:
    """One component of a tile.

    Attributes:
        measured_at: When its verdict was given; None if it never was.
        valid_for_s: After this age the page itself says "CŨ".
        why: Why it was not checked; empty if it was.
        found: What was found, worst first.
    """

    name: str
    label: str
    word: Word
    measured_at: datetime | None
    valid_for_s: float
    why: str
    found: tuple[FindingView, ...]


@dataclass(frozen=True, kw_only=True)
class TileView:
    """One site on the wall; `rank` and `sort` put the worst first."""

    site: str
    name: str
    role: str
    link: Word
    link_state: str
    link_since: datetime | None
    heard_at: datetime | None
    standby: bool
    components: tuple[ComponentView, ...]
    badges: tuple[IncidentView, ...]
    well: int
    """How many of the `fitted` components are normal."""
    fitted: int
    worst: str
    """Sentence of the worst finding; empty when all is well."""
    tone: str
    rank: int
    sort: str


@dataclass(frozen=True, kw_only=True)
class MeetingView:
    """Head of the wall: which meeting, which phase, until when."""

    id: str
    title: str
    organizer: str
    emergency: bool
    phase: str
    phase_text: str
    ends_at: datetime | None
    ends_word: str
    span: str


def _why(state: ComponentState) -> str:
    verdict = state.verdict
    return "" if verdict.state is not State.UNKNOWN or verdict.why_unknown is None else wording.FAILURE[verdict.why_unknown]


def component_view(name: str, state: ComponentState | None) -> ComponentView:
    """What the board says of one component; None stands for one that was never heard of."""
    label = wording.component(name)
    if state is None:
        return ComponentView(
            name=name, label=label, word=wording.STATE[State.UNKNOWN], measured_at=None, valid_for_s=0.0, why="chưa có số đo", found=()
        )
    worst_first = sorted(state.verdict.findings, key=lambda found: -found.severity.rank)
    return ComponentView(
        name=name,
        label=label,
        word=wording.STATE[state.verdict.state],
        measured_at=state.verdict.at,
        valid_for_s=state.valid_for_s,
        why=_why(state),
        found=tuple(FindingView(sentence=remark(one), since=one.since) for one in worst_first),
    )


def components_of(site: SiteLive) -> tuple[ComponentView, ...]:
    """Components in the board's order, then those that only a newer peer knows; of a silent site all are old at once."""
    known = [name for name in wording.COMPONENT if name in _ALWAYS or name in site.components]
    unknown = sorted(name for name in site.components if name not in wording.COMPONENT)
    views = (component_view(name, site.components.get(name)) for name in [*known, *unknown])
    return tuple(_of_silent_site(view, site) if site.link in _SILENT else view for view in views)


def _of_silent_site(view: ComponentView, site: SiteLive) -> ComponentView:
    """What the site last said holds no longer; and of a link that is down the center knows better than the site could say."""
    if view.name == Component.LINK and site.link is LinkLight.DOWN:
        return replace(view, word=wording.STATE[State.FAULT], measured_at=site.link_since, why="")
    return replace(view, valid_for_s=0.0)


_LINK_RANK = {
    LinkLight.DOWN: 0,
    LinkLight.STALE: 1,
    LinkLight.SUSPECT: 3,
    LinkLight.UNKNOWN: 5,
    LinkLight.STOPPED: 6,
    LinkLight.UP: 7,
}
_STATE_RANK = {State.FAULT: 1, State.WARNING: 2, State.UNKNOWN: 5, State.OK: 7, State.NOT_FITTED: 7}
_TONE_OF_RANK = ("bad", "bad", "warn", "quiet", "quiet", "none", "none", "ok")


def _rank(site: SiteLive, incidents: Iterable[Incident]) -> int:
    """How bad a site is, 0 worst: what is lost, then faults, warnings, suspicions, what is not known, what is well."""
    ranks = [_LINK_RANK[site.link]]
    if site.link is not LinkLight.STOPPED:
        ranks += [_STATE_RANK[state.verdict.state] for state in site.components.values()]
    for incident in incidents:
        if incident.state in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED):
            ranks.append({Severity.CRITICAL: 0, Severity.WARNING: 2, Severity.INFO: 7}[incident.severity])
        elif incident.state is IncidentState.SUSPECTED:
            ranks.append(3)
    return min(ranks)


def _worst(site: SiteLive, incidents: Sequence[Incident]) -> str:
    """Sentence of the worst that is known of a site: its incidents first, then what its components say."""
    told = [incident for incident in incidents if incident.state in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)]
    found = [incident.as_finding() for incident in told] + [one for state in site.components.values() for one in state.verdict.findings]
    if not found:
        return ""
    return remark(max(found, key=lambda one: one.severity.rank))


def tile_view(site: SiteLive, incidents: Sequence[Incident], meeting: Meeting | None) -> TileView:
    """One site's tile.

    Args:
        site: Its live state.
        incidents: Its incidents that are not closed.
        meeting: The meeting the board is about, for the site's role.
    """
    role = None if meeting is None else meeting.role_of(site.site)
    rank = _rank(site, incidents)
    components = components_of(site)
    fitted = [one for one in components if one.word is not wording.STATE[State.NOT_FITTED]]
    suspected = [incident for incident in incidents if incident.state is IncidentState.SUSPECTED]
    return TileView(
        site=site.site,
        name=site.name,
        role="" if role is None else wording.ROLE[role],
        link=wording.LINK[site.link],
        link_state=site.link.value,
        link_since=site.link_since,
        heard_at=site.heard_at,
        standby=site.status is not None and site.status.uplink == "standby",
        components=components,
        badges=tuple(incident_view(incident, site.name) for incident in suspected),
        well=sum(one.word is wording.STATE[State.OK] for one in fitted),
        fitted=len(fitted),
        worst=_worst(site, incidents),
        tone=_TONE_OF_RANK[rank],
        rank=rank,
        sort=f"{rank}{'0' if role is Role.MAIN else '1'}{site.site}",
    )


def on_wall(sites: Mapping[str, SiteLive], meeting: Meeting | None) -> list[SiteLive]:
    """Sites that the wall shows: those of the meeting, or all when there is none.

    A site that the meeting names and nobody has heard of is shown too, by its id.
    """
    if meeting is None:
        return list(sites.values())
    return [sites.get(part.site, SiteLive(site=part.site, name=part.site)) for part in meeting.participations]


def one_on_wall(site: str, sites: Mapping[str, SiteLive], meeting: Meeting | None) -> SiteLive | None:
    """The site if the wall shows it; what `on_wall` says of it, without a look at all the others."""
    if meeting is not None and meeting.role_of(site) is None:
        return None
    return sites.get(site, SiteLive(site=site, name=site) if meeting is not None else None)


def density(count: int) -> str:
    """How much room a tile may take on a wall of `count` sites."""
    if count <= _MOST_SITES_AT_EASE:
        return "ease"
    return "full" if count <= _MOST_SITES_IN_FULL else "dense"


def meeting_view(meeting: Meeting, phase: Phase) -> MeetingView:
    """Head of the wall during a meeting."""
    plan = meeting.plan
    windows = {Phase.REHEARSAL: plan.rehearsal, Phase.PRECHECK: plan.precheck, Phase.LIVE: plan.live, Phase.WRAP_UP: plan.wrap_up}
    window = windows.get(phase)
    opens_next = phase is Phase.PRECHECK
    ends_at = plan.live.begins_at if opens_next else None if window is None else window.ends_at
    return MeetingView(
        id=meeting.id,
        title=meeting.title,
        organizer=meeting.organizer,
        emergency=meeting.emergency,
        phase=phase.value,
        phase_text=wording.PHASE[phase],
        ends_at=ends_at,
        ends_word="khai mạc sau" if opens_next else "còn",
        span=wording.span(plan.live.begins_at, plan.live.ends_at),
    )
