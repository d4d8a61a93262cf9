"""How soon a cut link is seen: in the page of a real browser, over many cuts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench.agent import meet, one_site, start_up_s
from bench.table import Figure
from demo.browser import BoardWatcher, executable
from demo.play import ALARMED, LINK_CODES
from demo.stage import MAIN

SUSPICION_GOAL_S = 0.6
ALARM_GOAL_S = 1.5
PAUSE_S = 33.0
"""Longer than the center's flap window of 30 s: a sooner cut is the same incident, counted once more, and not shown anew."""
CUT_S = 5.0


def figures(folder: Path, cuts: int) -> list[Figure]:
    """Delay from the cut to the suspicion and to the alarm in the page, and how many were missed."""
    if executable() is None:
        return [Figure("alerts: no Chromium here, not measured", 0, "")]
    suspicions: list[float] = []
    alarms: list[float] = []
    with one_site(folder) as (center, site):
        start_up_s(site)
        meet(center, cuts * (CUT_S + PAUSE_S + 10) + 30)
        watcher = BoardWatcher(center.url)
        watcher.open()
        try:
            time.sleep(15)
            for _ in range(cuts):
                suspicion, alarm = _one_cut(watcher, site.relay.cut(), site.relay.restore)
                suspicions += [suspicion] if suspicion is not None else []
                alarms += [alarm] if alarm is not None else []
                watcher.page.wait_for_timeout(PAUSE_S * 1000)
        finally:
            watcher.close()
    rows = [Figure(f"cuts without an alarm, of {cuts}", cuts - len(alarms), "", 0)]
    for what, delays, goal in (("suspicion", suspicions, SUSPICION_GOAL_S), ("alarm", alarms, ALARM_GOAL_S)):
        if delays:
            ordered = sorted(delays)
            rows.append(Figure(f"cut → {what} in the page, median of {len(ordered)}", ordered[len(ordered) // 2], "s"))
            rows.append(Figure(f"cut → {what} in the page, longest of {len(ordered)}", ordered[-1], "s", goal))
    return rows


def _one_cut(watcher: BoardWatcher, cut_at: float, restore: Callable[[], float]) -> tuple[float | None, float | None]:
    alarm = watcher.wait_for(MAIN.id, LINK_CODES, ALARMED, cut_at, timeout_s=CUT_S)
    suspicion = watcher.wait_for(MAIN.id, LINK_CODES, ("suspected",), cut_at, timeout_s=0.2)
    restore()
    return (None if suspicion is None else suspicion.at - cut_at, None if alarm is None else alarm.at - cut_at)
