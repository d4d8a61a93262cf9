"""The link as a component of the site: what the link watch says becomes onset, end, interruption and figures.

The watch speaks in a thread of its own; here everything happens in the daemon's loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from contract.catalog import figure
from contract.findings import Component
from contract.meetings import Phase
from contract.messages import ProbeReport, Rollup
from edge_agent.clock_offset import Offset
from edge_agent.debounce import Key, Policy
from edge_agent.judgement import Judgement
from edge_agent.link_watch import Confirmed, LinkWatch, Returned, Suspected, WatchEvent
from probes.link.limits import LinkLimits, LinkSettings

log = logging.getLogger(__name__)

LINK = Component.LINK.value
SOURCE = "link-watch"
WATCHED_CODES = frozenset({"link.down", "link.gateway_unreachable", "link.mcu_unreachable", "link.center_unreachable"})
"""Faults that are the watch's to tell, not the rounds'."""
EXACT = Policy(sightings=1, window=1, clean=1, flaps=1_000_000)
"""The watch has made sure, and each drop counts by itself: its true begin and end go into the form."""
HOLDS_S = 30.0


class LinkState:
    """Runs the link watch and tells the judgement what it sees.

    Args:
        judgement: Hears it.
        settings: Whom to ask.
        limits: Rates and the drop rule.
        into_loop: Makes of a function one that may be called from any thread and runs in the loop.
        on_return: Called when answers come again: a look at the link is due.
    """

    def __init__(
        self,
        judgement: Judgement,
        settings: LinkSettings,
        limits: LinkLimits,
        into_loop: Callable[[Callable[[WatchEvent], None]], Callable[[WatchEvent], None]],
        on_return: Callable[[], None],
    ) -> None:
        self.watching = settings.fitted and bool(settings.targets)
        self._judgement = judgement
        self._on_return = on_return
        self._told: dict[datetime, set[Key]] = {}
        """Keys that were told of each outage, by its begin."""
        self._watch = LinkWatch(settings, limits, into_loop(self.take))

    def start(self) -> None:
        """Watch from now on. What the run before left open is ended by the rounds, unless the watch sees it again."""
        self._judgement.hand_over(SOURCE, LINK)
        self._watch.start()

    def stop(self) -> None:
        """Stop; waits for the thread, so it is not to be called in the loop."""
        self._watch.stop()

    def set_phase(self, phase: Phase, meeting: str) -> None:
        """Watch as closely as the phase wants it."""
        self._watch.set_phase(phase, meeting)

    def set_limits(self, limits: LinkLimits) -> None:
        """Judge by these limits from now on."""
        self._watch.set_limits(limits)

    def take(self, event: WatchEvent) -> None:
        """Take one event of the watch."""
        now = datetime.now(UTC)
        if isinstance(event, Suspected):
            log.info("link: %s silent since %s", ", ".join(event.targets), event.since)
        elif isinstance(event, Confirmed):
            self._confirmed(event, now)
        else:
            self._returned(event, now)

    def _confirmed(self, event: Confirmed, now: datetime) -> None:
        holds = {found.key for found in event.findings}
        for key in self._told.get(event.since, set()) - holds:
            self._judgement.ended(LINK, key, now, now, policy=EXACT)
        for found in event.findings:
            self._judgement.began(LINK, SOURCE, found, now)
        self._told[event.since] = holds

    def _returned(self, event: Returned, now: datetime) -> None:
        ended_at = event.interruption.ended_at if event.interruption is not None else now
        keys = {found.key for found in event.findings}
        for key in keys:
            self._judgement.ended(LINK, key, min(ended_at, now), now, policy=EXACT)
        self._told = {since: left for since, held in self._told.items() if (left := held - keys)}
        if event.interruption is not None:
            log.info("link: %s silent for %.2f s", ", ".join(event.targets), event.interruption.duration_s)
            self._judgement.note(event.interruption, now)
        self._on_return()

    def clock_offset(self) -> Offset | None:
        """Our clock minus the center's; None while it is not known."""
        return self._watch.clock_offset() if self.watching else None

    def rounds_say(self, report: ProbeReport) -> ProbeReport:
        """A round's report without what is the watch's to tell."""
        if not self.watching:
            return report
        return msgspec.structs.replace(report, findings=tuple(found for found in report.findings if found.code not in WATCHED_CODES))

    def tell_figures(self, now: datetime) -> None:
        """Show the last round trip to each end, and its loss, without waiting for a round."""
        readings = [
            figure(metric, measured, at=end.answered_at, target=end.name)
            for end in self._watch.light()
            for metric, measured in (("link.rtt_ms", end.rtt_ms), ("link.loss_percent", end.loss_percent))
            if measured is not None and end.answered_at is not None
        ]
        if readings:
            self._judgement.put(LINK, SOURCE, readings, HOLDS_S)
            self._judgement.tell(LINK, now)

    def rollups(self) -> list[Rollup]:
        """Figures since the last call."""
        return self._watch.rollups() if self.watching else []
