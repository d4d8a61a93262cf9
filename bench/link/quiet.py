"""Nothing is cut: loss, bursts, a stopped agent, a stopped center. Whoever alarms then is wrong."""

from __future__ import annotations

import os
import signal
import time

from bench.link.network import Network
from bench.link.rig import Rig, meeting
from bench.table import Figure

STOPPED_S = 2.0


def figures(network: Network, minutes: float, sites: int) -> list[Figure]:
    """False alarms by trial."""
    real = len(network.sites)
    with meeting(network, sites) as rig:
        rows = []
        for what, minutes_each in (("5 % loss each way", minutes), ("bursts, mean 100 ms, 2 % of the time", minutes)):
            since = time.time()
            for number in range(real):
                if "loss" in what:
                    network.put(number, "lossy", present=True)
                else:
                    rig.rain(number, 1000 + number)
            time.sleep(minutes_each * 60)
            for number in range(real if "loss" in what else 0):
                network.put(number, "lossy", present=False)
            rig.clear_up()
            time.sleep(3)
            rows.append(_alarms(rig, f"{what}, {real} sites × {minutes_each:g} min", since))
        rows += [_agents_stopped(rig), _center_stopped(rig)]
    return rows


def _alarms(rig: Rig, what: str, since: float) -> Figure:
    told = [one for watch in rig.watches for one in watch.heard("Confirmed", since, time.time())]
    told += rig.center.heard("confirmed", since, time.time())
    short = sum(not gap.get("confirmed") for gap in _gaps(rig, since))
    return Figure(f"{what}: false alarms", len(told), "", 0, f"{short} short interruptions recorded")


def _gaps(rig: Rig, since: float) -> list[dict[str, bool]]:
    returns = [one["said"]["interruption"] for watch in rig.watches for one in watch.heard("Returned", since, time.time())]
    return [gap for gap in returns if gap is not None]


def _agents_stopped(rig: Rig) -> Figure:
    """The center may say that the agent is stale: silent, while the site's kernel answers."""
    since = time.time()
    for watch in rig.watches:
        os.kill(watch.process.pid, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    for watch in rig.watches:
        os.kill(watch.process.pid, signal.SIGCONT)
    time.sleep(4)
    by_sites = sum(len(watch.heard("Confirmed", since, time.time())) for watch in rig.watches)
    told = rig.center.heard("confirmed", since, time.time())
    stale = sum(one["said"]["witness"] == "answered" for one in told)
    wrong = by_sites + len(told) - stale
    return Figure(
        f"agents stopped for {STOPPED_S:g} s: told as a lost link", wrong, "", 0, f"{stale} of {len(rig.watches)} told as agent.stale"
    )


def _center_stopped(rig: Rig) -> Figure:
    """For a site the center is gone for two seconds, which is true; the center itself must accuse nobody."""
    since = time.time()
    os.kill(rig.center.process.pid, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    os.kill(rig.center.process.pid, signal.SIGCONT)
    time.sleep(4)
    told = len(rig.center.heard("confirmed", since, time.time()))
    codes = sorted(
        {
            found["code"]
            for watch in rig.watches
            for one in watch.heard("Confirmed", since, time.time())
            for found in one["said"]["findings"]
        }
    )
    return Figure(
        f"center stopped for {STOPPED_S:g} s: sites that it accuses", told, "", 0, f"the sites say: {', '.join(codes) or 'nothing'}"
    )
