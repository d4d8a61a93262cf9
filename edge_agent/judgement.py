"""What holds at the site now: looks come in, events go into the journal, verdicts go to whoever shows them.

No task and no device here; the daemon's loop calls it, so it needs no lock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from contract.catalog import METRICS
from contract.findings import Component, Finding, Verdict
from contract.meetings import Phase
from contract.messages import CheckDone, CheckReason, Cleared, ComponentState, Device, Event, Onset, ProbeReport, Rollup
from contract.readings import Failure, Reading
from contract.topics import Kind
from contract.verdicts import verdict_of
from edge_agent import keep
from edge_agent.debounce import AT_ONCE, Debouncer, Key, Policy
from edge_agent.ports import Journal, Teller
from edge_agent.rollups import Gatherer

log = logging.getLogger(__name__)

KEPT_FILE = "open.json"
"""Faults that were told and are not over, in the state directory."""


REPUBLISH_S = 2.0
"""A state whose verdict has not changed is told at most this often, with its new figures."""


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """Phase, meeting and limits that hold now."""

    phase: Phase = Phase.IDLE
    meeting: str = ""
    limits_version: str = ""


class Judgement:
    """The site's memory of what was measured and what was told.

    Args:
        journal: Where events go.
        teller: Where states go.
        directory: State directory.
        now: When it begins, for the first span of figures.
        policy: Patience of the debouncing of rounds.
    """

    def __init__(self, journal: Journal, teller: Teller, directory: Path, now: datetime, policy: Policy | None = None) -> None:
        self.teller = teller
        self.circumstances = Circumstances()
        self.states: dict[str, ComponentState] = {}
        """What was said last, by component."""
        self.changes = 0
        """How often a verdict has changed."""
        self.figures = Gatherer(now)
        self._journal = journal
        self._debouncer = Debouncer(policy)
        self._readings: dict[str, dict[str, tuple[Reading, ...]]] = {}
        self._valid_for_s: dict[str, float] = {}
        self._devices: dict[str, tuple[Device, ...]] = {}
        """What each probe has seen last that was there."""
        self._published_at: dict[str, datetime] = {}
        self._kept = directory / KEPT_FILE
        self._restore()

    def take(self, report: ProbeReport, at: datetime, valid_for_s: float) -> None:
        """Take what one run of a probe says; `at` is now."""
        measured, failed = measured_in(report.readings)
        self.figures.add(report.readings)
        if report.devices:
            self._devices[report.probe] = report.devices
        self.put(report.probe, report.probe, report.readings, valid_for_s)
        # A fault is as old as the look that saw it, not as the report that told it.
        looked_at = min(report.began_at, at)
        self._look(report.probe, report.findings, looked_at, measured=measured, unmeasured_targets=failed)
        self.tell(report.probe, at)

    def put(self, component: str, source: str, readings: Iterable[Reading], valid_for_s: float) -> None:
        """Keep the latest readings of one source of a component; none takes the source away."""
        kept = tuple(readings)
        sources = self._readings.setdefault(component, {})
        if kept:
            sources[source] = kept
        else:
            sources.pop(source, None)
        self._valid_for_s[component] = valid_for_s

    def watched(
        self, component: str, source: str, findings: Iterable[Finding], at: datetime, *, measured: bool = True, policy: Policy = AT_ONCE
    ) -> None:
        """Take all that a watch sees now; it has made sure by itself, so it is told at once."""
        self._look(source, findings, at, measured=measured, policy=policy)
        self.tell(component, at)

    def began(self, component: str, source: str, found: Finding, at: datetime) -> None:
        """A watch says that one fault has begun."""
        self._look(source, [found], at, measured=True, policy=AT_ONCE, alone=True)
        self.tell(component, at)

    def ended(self, component: str, key: Key, ended_at: datetime, at: datetime, policy: Policy | None = None) -> None:
        """A watch says that one fault is over, and since when."""
        circumstances = self.circumstances
        events = self._debouncer.retract(key, ended_at, phase=circumstances.phase, meeting=circumstances.meeting, policy=policy)
        self._write(events, at)
        self.tell(component, at)

    def hand_over(self, old_source: str, new_source: str) -> None:
        """A watch has stopped: its open faults are ended by whoever looks on."""
        self._debouncer.adopt(old_source, new_source)

    def note(self, event: Event, at: datetime) -> None:
        """Write an event into the journal; a journal that refuses is told in the log and stops nothing."""
        try:
            self._journal.append(Kind.EVENT, event, at)
        except (OSError, ValueError):
            log.exception("an event could not be written: %s", type(event).__name__)

    def close_figures(self, at: datetime, others: Iterable[Rollup] = ()) -> None:
        """Write the figures since the last time, and those that a watch has rolled up itself."""
        figures = self.figures.take(at, phase=self.circumstances.phase, meeting=self.circumstances.meeting, others=others)
        if figures is not None:
            try:
                self._journal.append(Kind.FIGURES, figures, at)
            except (OSError, ValueError):
                log.exception("figures could not be written")

    def verdict(self, component: str, at: datetime) -> Verdict:
        """Verdict of one component: what stands, and what was measured."""
        return verdict_of(Component(component), self.readings(component), self._debouncer.standing(component), at)

    def readings(self, component: str) -> tuple[Reading, ...]:
        """Latest reading of each metric and target."""
        latest: dict[tuple[str, str], Reading] = {}
        for source in self._readings.get(component, {}).values():
            for reading in source:
                held = latest.get((reading.metric, reading.target))
                if held is None or reading.at >= held.at:
                    latest[reading.metric, reading.target] = reading
        return tuple(latest.values())

    def check_done(
        self,
        probes: Iterable[str],
        circumstances: Circumstances,
        *,
        check: str,
        reason: CheckReason,
        began_at: datetime,
        ended_at: datetime,
    ) -> CheckDone:
        """What a check of the site has to say: proof that it ran, and what holds now.

        Args:
            probes: What was checked.
            circumstances: Those in which it began.
            check: Its id.
            reason: Why it ran.
            began_at: When it began.
            ended_at: When it ended.
        """
        names = tuple(probes)
        return CheckDone(
            check=check,
            phase=circumstances.phase,
            reason=reason,
            began_at=began_at,
            ended_at=ended_at,
            verdicts=tuple(self.verdict(name, ended_at) for name in names),
            readings=tuple(reading for name in names for reading in self.readings(name)),
            meeting=circumstances.meeting,
            limits_version=circumstances.limits_version,
            devices=tuple(device for name in names for device in self._devices.get(name, ())),
        )

    def undecided(self, source: str) -> bool:
        """Whether the next look of `source` should come soon."""
        return self._debouncer.undecided(source)

    def standing(self) -> tuple[Finding, ...]:
        """All faults that are told and not over."""
        return self._debouncer.standing()

    def tell(self, component: str, at: datetime) -> None:
        """Say what holds for a component now, and for the agent if its probe failed."""
        self._tell_one(component, at)
        if component != Component.AGENT:
            agent = self.states.get(Component.AGENT)
            if agent is not None and agent.verdict.findings != self.verdict(Component.AGENT, at).findings:
                self._tell_one(Component.AGENT, at)

    def _tell_one(self, component: str, at: datetime) -> None:
        state = ComponentState(
            verdict=self.verdict(component, at),
            readings=self.readings(component),
            phase=self.circumstances.phase,
            valid_for_s=self._valid_for_s.get(component, 90.0),
            limits_version=self.circumstances.limits_version,
        )
        before = self.states.get(component)
        if before is None or before.verdict.state is not state.verdict.state:
            log.info("%s: %s", component, state.verdict.state)
        self.states[component] = state
        # A watch speaks every second: what has not changed need not travel that often.
        unchanged = before is not None and _gist(before) == _gist(state)
        if unchanged and (at - self._published_at.get(component, at)).total_seconds() < REPUBLISH_S and component in self._published_at:
            return
        self.changes += not unchanged
        self._published_at[component] = at
        self.teller.publish_state(component, state)

    def _look(
        self,
        source: str,
        findings: Iterable[Finding],
        at: datetime,
        *,
        measured: bool,
        unmeasured_targets: Iterable[str] = (),
        policy: Policy | None = None,
        alone: bool = False,
    ) -> None:
        events = self._debouncer.look(
            source,
            findings,
            at,
            measured=measured,
            unmeasured_targets=frozenset(unmeasured_targets),
            phase=self.circumstances.phase,
            meeting=self.circumstances.meeting,
            policy=policy,
            alone=alone,
        )
        self._write(events, at)

    def _write(self, events: list[Onset | Cleared], at: datetime) -> None:
        if events:
            # First the memory, then the journal: after a crash between the two the center hears an end without a
            # begin, which says all; the other way round it would wait for an end for ever.
            keep.write(self._kept, self._debouncer.keep())
        for event in events:
            _log_event(event)
            self.note(event, at)

    def _restore(self) -> None:
        try:
            self._debouncer.restore(self._kept.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.warning("%s is left unread: %s", self._kept, error)


def _gist(state: ComponentState) -> tuple[object, ...]:
    """What of a state matters at once; its figures may wait a little."""
    return (state.verdict.state, state.verdict.why_unknown, state.phase, *((found.key, found.severity) for found in state.verdict.findings))


def measured_in(readings: Iterable[Reading]) -> tuple[bool, frozenset[str]]:
    """Whether a look measured anything essential, and the targets of which it did not."""
    essential = _essential(readings)
    failed = frozenset(reading.target for reading in essential if _is_gap(reading))
    return not failed or any(reading.value is not None for reading in essential), failed


def _essential(readings: Iterable[Reading]) -> list[Reading]:
    return [reading for reading in readings if reading.metric in METRICS and METRICS[reading.metric].essential]


def _is_gap(reading: Reading) -> bool:
    return reading.failure is not None and reading.failure is not Failure.NOT_FITTED


def _log_event(event: Onset | Cleared) -> None:
    if isinstance(event, Onset):
        log.warning("onset %s %s since %s", event.finding.code, event.finding.target, event.finding.since)
    else:
        log.info("cleared %s %s, lasted %s to %s", event.code, event.target, event.began_at, event.ended_at)
