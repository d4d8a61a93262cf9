"""Hours of loss in virtual time: the very rules of site and center, fed with generated losses. No socket, no clock.

It judges the rules, not the programs around them; `bench.link.quiet` does that, in real time.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bench.link.rig import BURST_MEAN_S, BURST_SHARE
from bench.table import Figure
from contract.meetings import Phase
from contract.placing import CENTER, GATEWAY, MCU
from control_center.liveness.silence import Kind, SilenceRule
from edge_agent.drop_rule import Confirmed, DropRule
from edge_agent.drop_rule import Returned as Back
from probes.link.limits import LinkLimits

RTT_S = 0.02
T0 = datetime(2026, 3, 2, tzinfo=UTC)
Ways = Callable[[float], tuple[bool, bool]]
"""Whether a packet sent at an instant arrives, and whether its answer does."""


def independent(ratio: float, seed: int) -> Ways:
    """Each packet is lost by itself, each way."""
    chance = random.Random(seed)
    return lambda _at_s: (chance.random() >= ratio, chance.random() >= ratio)


def bursts(seed: int, mean_s: float = BURST_MEAN_S, share: float = BURST_SHARE) -> Ways:
    """Gilbert–Elliott, total loss in the bad state, the same for both ways and all ends."""
    chance = random.Random(seed)
    bad = [0.0, 0.0]

    def ways(at_s: float) -> tuple[bool, bool]:
        while bad[1] <= at_s:
            begins_s = bad[1] + chance.expovariate(share / (mean_s * (1 - share)))
            bad[:] = [begins_s, begins_s + chance.expovariate(1 / mean_s)]
        through = at_s < bad[0]
        return through, through

    return ways


class Replay:
    """One site with its three ends, and the center that hears it."""

    def __init__(self, ways: Ways) -> None:
        self.limits = LinkLimits()
        self.site_alarms = self.center_alarms = self.short = 0
        self._ways = ways
        self._rule = DropRule((GATEWAY, MCU, CENTER), self.limits, lambda at_s: T0 + timedelta(seconds=at_s))
        self._rule.phase = Phase.LIVE
        self._center = SilenceRule()
        self._center.expect(["site"], 0.0)
        self._coming: deque[tuple[float, str, float]] = deque()

    def run(self, until_s: float) -> None:
        """Live through it in steps of the fast pace, 10 ms."""
        due = {GATEWAY: 0, MCU: 0, CENTER: 0}
        slow = {name: round((self.limits.live_interval_ms if name == CENTER else self.limits.others_interval_ms) / 10) for name in due}
        hurry = round(self.limits.burst_interval_ms / 10)
        for step in range(round(until_s * 100)):
            now_s = step / 100
            self._hear(now_s)
            self._look(now_s)
            if step % 3 == 0:  # every 30 ms, the center's tick is 25
                self.center_alarms += sum(said.kind is Kind.CONFIRMED for said in self._center.look(now_s))
            hurried = self._rule.hurried
            for name, due_at in due.items():
                interval = min(slow[name], hurry) if hurried else slow[name]
                due[name] = min(due_at, step + interval)
                if step >= due[name]:
                    self._send(name, now_s)
                    due[name] = step + interval

    def _hear(self, now_s: float) -> None:
        while self._coming and self._coming[0][0] <= now_s:
            came_s, name, sent_s = self._coming.popleft()
            self._rule.answered(name, sent_s, came_s)

    def _look(self, now_s: float) -> None:
        for event in self._rule.look(now_s):
            self.site_alarms += isinstance(event, Confirmed)
            self.short += isinstance(event, Back) and event.interruption is not None and not event.interruption.confirmed

    def _send(self, name: str, now_s: float) -> None:
        self._rule.ends[name].sent(now_s)
        there, back = self._ways(now_s)
        if there and name == CENTER:
            self._center.heard("site", now_s + RTT_S / 2, round(self.limits.live_interval_ms))
        if there and back:
            self._coming.append((now_s + RTT_S, name, now_s))


def figures(hours: float) -> list[Figure]:
    """False alarms of the rules."""
    rows = []
    for what, ways in (("5 % loss each way", independent(0.05, 1)), ("bursts, mean 100 ms, 2 % of the time", bursts(2))):
        replay = Replay(ways)
        replay.run(hours * 3600)
        note = f"{replay.short} short interruptions"
        rows.append(Figure(f"{what}: alarms of the site's rule in {hours:g} h", replay.site_alarms, "", round(0.2 * hours), note))
        rows.append(Figure(f"{what}: alarms of the center's rule in {hours:g} h", replay.center_alarms, "", round(0.2 * hours)))
    return rows
