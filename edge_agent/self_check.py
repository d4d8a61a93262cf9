"""The agent as a component of the site: its outbox, its disk, its certificate, its clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from contract.catalog import figure, finding, missing
from contract.findings import Component, Finding
from contract.meetings import Phase
from contract.readings import Failure
from edge_agent.clock_offset import Offset
from edge_agent.debounce import Policy
from edge_agent.identity import STEADY, CertificateWatch
from edge_agent.judgement import Judgement
from edge_agent.outbox import Outbox
from probes.host.limits import HostLimits

HOLDS_S = 45.0
SELF = Policy(sightings=1, window=1, clean=3)
"""A disk that is full takes a row now and then: it is well when it took three looks' worth."""


class SelfCheck:
    """Looks at the agent itself, and tells the judgement.

    Args:
        judgement: Hears it.
        outbox: The journal.
        certificate: The site's.
        clock_offset: Our clock minus the center's, where it is known.
        slow_rounds: How many rounds ran late.
    """

    def __init__(
        self,
        judgement: Judgement,
        outbox: Outbox,
        certificate: CertificateWatch,
        *,
        clock_offset: Callable[[], Offset | None],
        slow_rounds: Callable[[], int],
    ) -> None:
        self._judgement, self._outbox, self._certificate = judgement, outbox, certificate
        self._clock_offset, self._slow_rounds = clock_offset, slow_rounds

    def clock_offset_ms(self) -> float | None:
        """What every message says of the clock that its times are of."""
        offset = self._clock_offset()
        return None if offset is None else offset.offset_ms

    def look(self, now: datetime, phase: Phase, limits: HostLimits) -> None:
        """Look once; it takes no time."""
        self._look_at_outbox(now, phase)
        self._look_at_certificate(now)
        self._look_at_clock(now, phase, limits)

    def _look_at_outbox(self, now: datetime, phase: Phase) -> None:
        outbox = self._outbox
        readings = (
            figure("agent.outbox_rows", outbox.rows, at=now),
            figure("agent.slow_rounds", self._slow_rounds(), at=now),
        )
        found: list[Finding] = []
        if outbox.rows >= outbox.max_rows:
            found.append(finding("agent.outbox_full", phase, figure=outbox.rows, limit=outbox.max_rows))
        if outbox.error:
            details: dict[str, float | str] = {"error": outbox.error}
            found.append(finding("agent.disk_unwritable", phase, figure=outbox.rows, details=details))
        self._judgement.put(Component.AGENT, "self", readings, HOLDS_S)
        self._judgement.watched(Component.AGENT, "self", found, now, policy=SELF)

    def _look_at_certificate(self, now: datetime) -> None:
        found = self._certificate.look(now, time.monotonic())
        if found is not None and any(one.key == found.key and one.severity is not found.severity for one in self._judgement.standing()):
            self._judgement.ended(Component.AGENT, found.key, now, now)  # its last days have come: told anew, more severe
        findings = [] if found is None else [found]
        self._judgement.watched(Component.AGENT, "certificate", findings, now, measured=self._certificate.judges, policy=STEADY)

    def _look_at_clock(self, now: datetime, phase: Phase, limits: HostLimits) -> None:
        """The clock against the center's, by the link watch's exchanges (R48); told where it is surely off, whatever the error."""
        offset = self._clock_offset()
        if offset is None:
            readings = [missing("agent.clock_offset_ms", Failure.SKIPPED, at=now)]
            off_s = 0.0
        else:
            readings = [figure("agent.clock_offset_ms", offset.offset_ms, at=now), figure("agent.clock_error_ms", offset.error_ms, at=now)]
            off_s = max(0.0, abs(offset.offset_ms) - offset.error_ms) / 1000
        self._judgement.put(Component.AGENT, "clock", readings, HOLDS_S)
        wrong = off_s > limits.clock_offset_s
        found = [finding("host.clock", phase, figure=round(off_s, 1), limit=limits.clock_offset_s, unit="s")] if wrong else []
        self._judgement.watched(Component.HOST, "clock", found, now, measured=offset is not None, policy=STEADY)
