"""From the cut to what the site and the center say, over many cuts, with light senders in the same meeting; cost of a watch."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from bench.link.network import Network, Program
from bench.link.rig import Rig, meeting
from bench.processes import cpu_s
from bench.table import Figure, Raw

KINDS = ("blackhole", "blackhole, 5 % loss", "blackhole, bursts", "link down")
SUSPICION_GOAL_S, BOARD_GOAL_S, ALARM_GOAL_S, BACKFILL_GOAL_S = 0.5, 0.6, 1.5, 0.1
CPU_GOAL_PERCENT = 1.0
DARK_S, ROUND_S = 2.2, 6.0


class Cut(NamedTuple):
    """One cut of one site; Unix times."""

    site: int
    kind: str
    began: float
    ended: float
    next: float


def figures(network: Network, cuts: int, sites: int, raw: Raw) -> list[Figure]:
    """All cuts, kind after kind; what was measured one by one goes into `raw`."""
    made: list[Cut] = []
    with meeting(network, sites) as rig:
        rows = [_cost(rig)]
        rounds = max(1, math.ceil(cuts / len(network.sites) / len(KINDS)))
        for kind in KINDS:
            _weather(rig, kind, present=True)
            for number in range(rounds):
                made += _round(rig, kind, random.Random(f"{kind}{number}"))
            _weather(rig, kind, present=False)
        time.sleep(1)
        for kind in KINDS:
            rows += _judged(rig, kind, [one for one in made if one.kind == kind], {})
        rows += _judged(rig, "all", made, raw)
        rows += _light_sites(rig)
    return rows


def _cost(rig: Rig) -> Figure:
    pid, span_s = rig.watches[0].process.pid, 20.0
    before_s = cpu_s(pid)
    time.sleep(span_s)
    return Figure("watch at 30 probes/s: processor, of one core", (cpu_s(pid) - before_s) / span_s * 100, "%", CPU_GOAL_PERCENT)


def _weather(rig: Rig, kind: str, *, present: bool) -> None:
    for number in range(len(rig.watches)):
        if "loss" in kind:
            rig.network.put(number, "lossy", present=present)
        elif "bursts" in kind and present:
            rig.rain(number, number)
    if "bursts" in kind and not present:
        rig.clear_up()


def _round(rig: Rig, kind: str, chance: random.Random) -> list[Cut]:
    """Every real site is cut once, each at a moment of its own."""
    network, begins_s = rig.network, time.monotonic()
    begins = time.time()
    steps: list[tuple[float, int, bool]] = []
    for number in range(len(rig.watches)):
        at_s = chance.uniform(0, 1)
        steps += [(at_s, number, True), (at_s + DARK_S, number, False)]
    times: dict[tuple[int, bool], float] = {}
    for at_s, number, dark in sorted(steps):
        time.sleep(max(0.0, begins_s + at_s - time.monotonic()))
        act: Callable[[], float] = lambda number=number, dark=dark: (  # type: ignore[misc]  # noqa: E731
            network.cable(number, plugged=not dark) if kind == "link down" else network.put(number, "cut", present=dark)
        )
        times[number, dark] = act()
    time.sleep(max(0.0, begins_s + ROUND_S - time.monotonic()))
    return [Cut(number, kind, times[number, True], times[number, False], begins + ROUND_S) for number in range(len(rig.watches))]


def _judged(rig: Rig, kind: str, made: Sequence[Cut], raw: Raw) -> list[Figure]:
    delays: dict[str, list[float]] = {"site suspects": [], "center suspects": [], "center confirms": [], "site confirms": []}
    errors: list[float] = []
    for cut in made:
        watch, name = rig.watches[cut.site], rig.names[cut.site]
        for what, program, word in (
            ("site suspects", watch, "Suspected"),
            ("site confirms", watch, "Confirmed"),
            ("center suspects", rig.center, "suspected"),
            ("center confirms", rig.center, "confirmed"),
        ):
            told = _first(program, word, cut, None if program is watch else name)
            delays[what] += [] if told is None else [told["at"] - cut.began]
        errors += _backfill_errors(watch, cut)
    raw.update({f"cut: {what}": each for what, each in delays.items()}, **{"cut: error of the recorded times": errors})
    missed = sum(len(made) - len(delays[what]) for what in ("site confirms", "center confirms"))
    rows = [Figure(f"{kind}: cuts not confirmed by site or center, of {len(made)}", missed, "", 0)]
    goals = {"site suspects": (90, SUSPICION_GOAL_S), "center suspects": (99, BOARD_GOAL_S)}
    for what, each in delays.items():
        percent, goal_s = goals.get(what, (99, ALARM_GOAL_S))
        if each:
            note = f"median {statistics.median(each):.3f}, longest {max(each):.3f} s"
            rows.append(Figure(f"{kind}: cut → {what}, p{percent}", _percentile(each, percent), "s", goal_s, note))
    if errors:
        note = f"median {statistics.median(errors):.3f}, longest {max(errors):.3f} s"
        what = "begin" if kind == "link down" else "begin and end"
        rows.append(Figure(f"{kind}: recorded {what} beside the truth, p99", _percentile(errors, 99), "s", BACKFILL_GOAL_S, note))
    return rows


def _first(program: Program, word: str, cut: Cut, site: str | None) -> dict[str, Any] | None:
    """In bursts a suspicion may stand already when the cut comes; a burst's own is no answer to the cut before it is confirmed."""
    said = program.heard(word, cut.began, cut.next)
    return next((one for one in said if site is None or one["said"]["site"] == site), None)


def _backfill_errors(watch: Program, cut: Cut) -> list[float]:
    """Of the recorded times, corrected by what the site says of its clock, as the center does it."""
    for said in watch.heard("Returned", cut.ended, cut.next + 1):
        gap = said["said"]["interruption"]
        if gap is not None and gap.get("confirmed"):
            # A plugged cable carries packets when the kernel has noticed (one carrier event a second): the end has no truth to be held to.
            began, ended = (_unix(gap[key]) - said["ahead_s"] for key in ("began_at", "ended_at"))
            return [abs(began - cut.began), *([] if cut.kind == "link down" else [abs(ended - cut.ended)])]
    return []


def _unix(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _percentile(figures: Sequence[float], percent: float) -> float:
    return sorted(figures)[math.ceil(percent / 100 * len(figures)) - 1]


def _light_sites(rig: Rig) -> list[Figure]:
    """Those that were never cut: nobody may have been accused."""
    rig.flock.tell("totals")
    totals = rig.flock.wait("totals")["said"]
    light = set(rig.names[len(rig.watches) :])
    said = [one for one in rig.center.heard("suspected", 0, math.inf) if one["said"]["site"] in light]
    accused = [one for one in said if not any(begins - 0.5 <= one["at"] <= ends + 0.5 for begins, ends in totals["stalls"])]
    back = 100 * totals["back"] / max(1, totals["sent"])
    counted = f"{len(light)} light sites, {totals['sent']} packets, {back:.2f} % reflected"
    note = f"{counted}; {len(said) - len(accused)} silent while their own program stood still"
    return [Figure("sites that were not cut and were suspected", len(accused), "", 0, note)]
