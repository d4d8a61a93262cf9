"""``make bench-center``: the center beside its broker and a generator of sites on this machine; 1 when a goal is missed.

Real are the center (`control-center run`, SQLite), Mosquitto, MQTT, the board's event streams over HTTP; simulated are the sites: some
connections speak for all of them, so the broker's cost of many connections is not in it. A meeting of 200 sites is in rehearsal, its wall
is open in 50 pages. One verdict a site each 10 s, a tenth of the sites send figures instead, which must be stored.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.center.load import MARKER
from bench.processes import cpu_s, pss_mb
from bench.table import Figure, show
from contract.meetings import Plan, Role, Window
from control_center.store import registry
from control_center.store.database import open_store, upgrade
from control_center.store.journal import FiguresRow
from control_center.store.registry import MeetingRecord, MeetingSite, Site
from demo.stage import LOOPBACK, Center, Program, free_port, fresh_folder

GOAL_SITES, GOAL_DELAY_S = 5000, 1.0
SETTLE_S = 5.0
"""What was sent must be stored so soon after the last message."""
_IN_MEETING, _PAGES = 200, 50


class Run(NamedTuple):
    """What one number of sites brought."""

    sites: int
    sent: int
    heard_bare: int
    stored: int
    stored_of: int
    delays_s: list[float]
    marks: int
    center_cpu_percent: float
    broker_cpu_percent: float
    center_mb: float
    generator_late_s: float

    @property
    def kept_up(self) -> bool:
        """Whether everything was stored in time and shown soon."""
        return self.stored >= self.stored_of and len(self.delays_s) >= 0.9 * self.marks and self.p99_s <= GOAL_DELAY_S

    @property
    def p99_s(self) -> float:
        """99th percentile of the delay to the board; for ever if nothing was shown."""
        ordered = sorted(self.delays_s)
        return ordered[int(0.99 * (len(ordered) - 1))] if ordered else float("inf")

    @property
    def p50_s(self) -> float:
        """Median of it."""
        ordered = sorted(self.delays_s)
        return ordered[len(ordered) // 2] if ordered else float("inf")


def main() -> int:
    """Measure each number of sites, print, judge the goal."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.center", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, nargs="+", default=[200, 2000, 5000, 10000, 20000])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pages", type=int, default=_PAGES)
    options = parser.parse_args()
    console, folder = Console(), fresh_folder(Path("var/bench/center").resolve())
    knee = 0
    missed = False
    for sites in options.sites:
        console.print(f"{sites} sites, {options.seconds:g} s …")
        run = measure(folder / str(sites), sites, options.seconds, options.pages)
        show(console, f"{sites} sites, {sites / 10:g} messages/s", list(rows(run)))
        knee = sites if run.kept_up else knee
        missed |= sites == GOAL_SITES and not run.kept_up
    console.print(f"kept up with: {knee} sites at one message per 10 s each")
    return 1 if missed else 0


def rows(run: Run) -> Iterator[Figure]:
    """One row a figure; the goal holds for the goal's number of sites."""
    goal = GOAL_DELAY_S if run.sites == GOAL_SITES else None
    yield Figure("messages sent", run.sent, "", note=f"generator late by {run.generator_late_s:.1f} s")
    yield Figure("heard by a bare subscriber", run.heard_bare, "")
    yield Figure("figures not stored 5 s after the end", run.stored_of - run.stored, "", 0 if goal else None, f"of {run.stored_of}")
    yield Figure("changes of the marker that the board did not show", run.marks - len(run.delays_s), "", note=f"of {run.marks}")
    yield Figure("delay to the board, median", run.p50_s, "s")
    yield Figure("delay to the board, 99th percentile", run.p99_s, "s", goal)
    yield Figure("center: processor, of one core", run.center_cpu_percent, "%", note=f"{run.center_mb:.0f} MB")
    yield Figure("broker: processor, of one core", run.broker_cpu_percent, "%")


def measure(folder: Path, sites: int, seconds: float, pages: int) -> Run:
    """One run with a center, a broker and a database of its own."""
    with _broker(folder) as (broker, port), _center(folder, port, sites) as center:
        engine = open_store(folder / "center" / "state")
        watching = _start("bench.center.pages", "--url", center.url, "--pages", pages, "--seconds", seconds + 8)
        bare = _start("bench.center.bare", "--port", port, "--seconds", seconds + 8)
        time.sleep(4)
        assert center.program is not None
        pids, began_s = (center.program.process.pid, broker.process.pid), time.monotonic()
        before = [cpu_s(pid) for pid in pids]
        load = _start("bench.center.load", "--port", port, "--sites", sites, "--seconds", seconds)
        marks, said = load.communicate(timeout=seconds + 120)
        lasted_s = time.monotonic() - began_s
        cpu = [100 * (cpu_s(pid) - then) / lasted_s for pid, then in zip(pids, before, strict=True)]
        memory_mb = pss_mb(center.program.process.pid)
        time.sleep(SETTLE_S)
        with Session(engine) as session:
            stored = session.scalar(select(func.count()).select_from(FiguresRow)) or 0
        engine.dispose()
        shown, _ = watching.communicate(timeout=60)
        heard, _ = bare.communicate(timeout=60)
    _, sent, _, figures, _, late_s = said.split()[-6:]
    return Run(
        sites=sites,
        sent=int(sent),
        heard_bare=int(heard or 0),
        stored=stored,
        stored_of=int(figures),
        delays_s=_delays(marks, shown),
        marks=len(marks.splitlines()),
        center_cpu_percent=cpu[0],
        broker_cpu_percent=cpu[1],
        center_mb=memory_mb,
        generator_late_s=float(late_s),
    )


def _delays(marks: str, shown: str) -> list[float]:
    """Each change of the marker with the first time that the page showed its tone after it, and before the next change."""
    tones = {"fault": "bad", "warning": "warn"}
    told = [(tones[state], float(at)) for _, state, at in (line.split() for line in marks.splitlines())]
    seen = [(tone, float(at)) for tone, at in (line.split() for line in shown.splitlines())]
    found = []
    for tone, at in told:
        first = next((when for shown_tone, when in seen if shown_tone == tone and when >= at), None)
        if first is not None:
            found.append(first - at)
    return found


@contextmanager
def _broker(folder: Path) -> Iterator[tuple[Program, int]]:
    folder.mkdir(parents=True)
    port = free_port()
    file = folder / "mosquitto.conf"
    settings = ("allow_anonymous true", "persistence false", "max_inflight_messages 1000", "max_queued_messages 100000", "user root")
    file.write_text("\n".join([f"listener {port} {LOOPBACK}", *settings, ""]))
    broker = Program("mosquitto", ["mosquitto", "-c", str(file)], folder / "mosquitto.log", {})
    try:
        time.sleep(0.5)
        yield broker, port
    finally:
        broker.stop()


@contextmanager
def _center(folder: Path, port: int, sites: int) -> Iterator[Center]:
    center = Center(folder / "center")
    text = (
        center.file.read_text(encoding="utf-8")
        .replace("managed = true", "managed = false")
        .replace(f"port = {center.mqtt_port}", f"port = {port}")
    )
    center.file.write_text(text, encoding="utf-8")
    state = folder / "center" / "state"
    state.mkdir(parents=True, exist_ok=True)
    engine, now = open_store(state), datetime.now(UTC)
    upgrade(engine, state / "backups", now)
    registry.save_sites(engine, [Site(id=f"site-{number}", name=f"Điểm cầu {number}", ssid=number + 1) for number in range(sites)])
    plan = Plan(
        rehearsal=Window(begins_at=now - timedelta(minutes=1), ends_at=now + timedelta(hours=1)),
        precheck=Window(begins_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2)),
        live=Window(begins_at=now + timedelta(hours=2), ends_at=now + timedelta(hours=3)),
        wrap_up=Window(begins_at=now + timedelta(hours=3), ends_at=now + timedelta(hours=4)),
    )
    parts = tuple(
        MeetingSite(site=f"site-{number}", role=Role.BRANCH if number else Role.MAIN) for number in range(min(sites, _IN_MEETING))
    )
    assert parts[0].site == MARKER
    record = MeetingRecord(id="do", title="Đo", organizer="Đo", plan=plan, sites=parts, registered_at=now)
    registry.save_meeting(engine, record)
    engine.dispose()
    center.start()
    try:
        yield center
    finally:
        center.stop()


def _start(module: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


if __name__ == "__main__":
    sys.exit(main())
