"""Rounds: never beside themselves, sooner when undecided, at once when hurried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from contract.messages import ProbeReport
from edge_agent.rounds import LOOKS_PER_CHECK, Round
from probes.host.limits import HostLimits, HostSettings
from probes.interface import Look


class Probe:
    """Counts its runs and how many were under way at once."""

    def __init__(self, lasts_s: float = 0.0) -> None:
        self.runs = self.at_once = self.most_at_once = 0
        self._lasts_s = lasts_s

    async def __call__(self, name: str, *_: Any) -> ProbeReport:
        self.runs += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self._lasts_s)
        self.at_once -= 1
        return ProbeReport(probe=name, began_at=datetime.now(UTC), duration_s=0)


def round_of(probe: Probe, *, period_s: float = 3600, undecided: Callable[[], bool] = lambda: False) -> Round:
    return Round(
        "host",
        period_s=lambda: period_s,
        circumstances=lambda: (HostSettings(), HostLimits(), Look()),
        take=lambda *_: None,
        undecided=undecided,
        run=probe,
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 — there is no event for it
            await asyncio.sleep(0.01)


def test_looks_asked_for_at_the_same_time_wait_for_each_other() -> None:
    probe = Probe(0.02)

    async def body() -> None:
        rounds = round_of(probe)
        await asyncio.gather(*(rounds.look() for _ in range(5)))

    asyncio.run(body())
    assert (probe.runs, probe.most_at_once) == (5, 1)


def test_a_hurried_round_looks_again_without_waiting_for_its_period() -> None:
    probe = Probe()

    async def body() -> None:
        rounds = round_of(probe)
        task = asyncio.create_task(rounds.go_on())
        await until(lambda: probe.runs == 1)
        await asyncio.sleep(0)
        rounds.hurry()
        await until(lambda: probe.runs == 2)
        task.cancel()

    asyncio.run(body())


def test_what_is_undecided_is_looked_at_again_soon() -> None:
    probe = Probe()

    async def body() -> None:
        task = asyncio.create_task(round_of(probe, undecided=lambda: probe.runs < 2).go_on())
        await until(lambda: probe.runs == 2)
        await asyncio.sleep(1.2)
        task.cancel()

    asyncio.run(body())
    assert probe.runs == 2


def test_a_paused_round_does_not_look() -> None:
    probe = Probe()

    async def body() -> None:
        rounds = round_of(probe, period_s=0.05)
        rounds.paused = True
        task = asyncio.create_task(rounds.go_on())
        await asyncio.sleep(0.3)
        assert (probe.runs, rounds.overdue) == (0, False)
        rounds.paused = False
        await until(lambda: probe.runs >= 2)
        task.cancel()

    asyncio.run(body())


def test_a_check_looks_until_all_is_decided_but_not_for_ever() -> None:
    decided, never = Probe(), Probe()
    asyncio.run(round_of(decided, undecided=lambda: decided.runs < 2).check())
    asyncio.run(round_of(never, undecided=lambda: True).check())
    assert (decided.runs, never.runs) == (2, LOOKS_PER_CHECK)


def test_a_round_slower_than_its_period_is_counted() -> None:
    rounds = round_of(Probe(0.1), period_s=0.01)
    asyncio.run(rounds.look())
    assert rounds.slow == 1


def test_a_round_that_is_stuck_for_long_is_overdue() -> None:
    rounds = round_of(Probe(), period_s=1)
    assert not rounds.overdue
    rounds.finished_s -= 1000
    assert rounds.overdue
