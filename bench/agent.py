"""The agent's own cost: start-up, idle, in a meeting; all processes of `edge-agent run`."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.peers import PEERS, measure
from bench.processes import Footprint, watch
from bench.table import Figure
from demo import sound
from demo.stage import BRANCH_1, LOOPBACK, MAIN, SITES, Center, Microphone, Site

IDLE_GOAL_MB = 32.0
MEETING_GOAL_MB = 100.0


@contextmanager
def one_site(folder: Path) -> Iterator[tuple[Center, Site]]:
    """A center and one agent with a camera, a microphone and a link, set up as in the demo but with default periods."""
    center = Center(folder / "center")
    center.register(SITES)
    center.start()
    clips = folder / "clips"
    clips.mkdir()
    talk = sound.write(clips / "speech.wav", sound.speech(clips, 150, 40))
    server = sound.SoundServer(folder / "pulse", ["benchroom"]) if sound.SoundServer.is_possible() else None
    microphone = Microphone(str(talk), {})
    if server is not None:
        server.play("benchroom", talk, again=True)
        microphone = Microphone(server.give_microphone(folder / MAIN.id, "benchroom"), server.environment)
    site = Site(MAIN, folder / MAIN.id, center, microphone, seed=1, ssid=center.numbers()[MAIN.id])
    try:
        yield center, site
    finally:
        site.stop()
        center.stop()
        if server is not None:
            server.close()


def start_up_s(site: Site) -> float:
    """From starting the agent until its local page answers."""
    began = time.monotonic()
    site.start()
    assert site.program is not None
    while time.monotonic() - began < 30:
        site.program.check()
        try:
            urllib.request.urlopen(f"http://{LOOPBACK}:{site.page_port}/", timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return time.monotonic() - began
    raise TimeoutError("the agent's page did not answer within 30 s")


def figures(folder: Path, seconds: float) -> list[Figure]:
    """Start-up, idle and meeting; the public peers beside them."""
    with one_site(folder) as (center, site):
        begun_s = start_up_s(site)
        assert site.program is not None
        time.sleep(20)  # its first round of everything is start-up, not idling
        idle = watch(site.program.process.pid, seconds)
        meet(center, seconds)
        time.sleep(10)  # the first seconds of the meeting are the change of phase
        meeting = watch(site.program.process.pid, seconds)
    rows = [
        Figure("edge-agent: start until its page answers", begun_s, "s"),
        *_rows("edge-agent idle", idle, IDLE_GOAL_MB),
        *_rows("edge-agent in a meeting", meeting, MEETING_GOAL_MB),
    ]
    for peer in PEERS:
        measured = measure(peer, min(seconds, 60))
        rows += [Figure(f"{peer.package}: {measured}", 0, "")] if isinstance(measured, str) else _rows(peer.package, measured, None)
    return rows


def meet(center: Center, seconds: float) -> None:
    """Register a meeting that is live for as long as the measurement takes."""
    opening = datetime.now(UTC) + timedelta(seconds=4)
    closing = opening + timedelta(seconds=seconds + 60)
    center.command(
        *("meeting", "add", "--title", "Đo", "--organizer", MAIN.name, "--main", MAIN.id, "--branch", BRANCH_1.id),
        *("--begins", opening.isoformat(), "--ends", closing.isoformat()),
        *("--rehearsal-lead", "3s", "--rehearsal-length", "1s", "--precheck-lead", "2s", "--wrap-up", "5s"),
    )


def _rows(what: str, footprint: Footprint, goal_mb: float | None) -> list[Figure]:
    return [
        Figure(f"{what}: memory, mean PSS of all processes", footprint.mean_mb, "MB", goal_mb, f"peak {footprint.max_mb:.1f} MB"),
        Figure(f"{what}: processor, of one core", footprint.cpu_percent, "%"),
    ]
