"""What tools say a round trip took, minus what passed the network card: ours, fping and irtt at once, idle and under load."""

from __future__ import annotations

import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.link.network import CENTER, MCU, Network, Program
from bench.peers import fetched
from bench.table import Figure, Raw

MEDIAN_GOAL_US, P99_GOAL_US = 10.0, 50.0
INTERVAL_MS = 10
BURNERS = 4
_FPING = re.compile(r"\[(\d+)\], \d+ bytes, ([\d.]+) ms")
Trips = Mapping[int, float]
"""Round trip in ms by number."""


def figures(network: Network, count: int, raw: Raw) -> list[Figure]:
    """Bias idle and with burners on every core; what was measured one by one goes into `raw`."""
    rows = _rows("idle", network, count, raw)
    with _burning():
        rows += _rows(f"{BURNERS} CPU burners", network, count, raw)
    return rows


def _rows(when: str, network: Network, count: int, raw: Raw) -> list[Figure]:
    rows: list[Figure] = []
    for tool, biases_us in _measured(network, count).items():
        raw[f"bias, {when}: {tool}"] = biases_us
        ours = tool.startswith("diemcau")
        if not biases_us:
            rows.append(Figure(f"{when}: {tool}: not measured, it is not here", 0, ""))
            continue
        median_us = statistics.median(biases_us)
        ordered = sorted(abs(one) for one in biases_us)
        p99_us = ordered[math.ceil(0.99 * len(ordered)) - 1]
        note = f"signed median {median_us:+.1f} µs, {len(biases_us)} probes"
        rows.append(Figure(f"{when}: {tool}: |median bias|", abs(median_us), "µs", MEDIAN_GOAL_US if ours else None, note))
        rows.append(Figure(f"{when}: {tool}: |bias|, 99th percentile", p99_us, "µs", P99_GOAL_US if ours else None))
    return rows


def _measured(network: Network, count: int) -> dict[str, list[float]]:
    """Biases in µs by tool, all run side by side."""
    site, world = network.sites[0], network.world
    inside = ["ip", "netns", "exec", site]
    capture = Program(site, "bench.link.capture")
    center = Program(world, "bench.link.center", "{}")
    capture.wait("started")
    center.wait("started")
    with tempfile.TemporaryDirectory() as folder, _irtt_server(world) as irtt:
        peers: list[subprocess.Popen[str]] = []
        root = fetched("fping")
        if isinstance(root, Path):
            command = [*inside, str(root / "usr/bin/fping"), "-c", str(count), "-p", str(INTERVAL_MS), "-t", "500", MCU]
            peers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        said = Path(folder) / "irtt.json"
        if irtt is not None:
            options = ["-i", f"{INTERVAL_MS}ms", "-d", f"{count * INTERVAL_MS}ms", "--stats=none", "--tstamp=none", "-Q", "-o", str(said)]
            peers.append(subprocess.Popen([*inside, irtt, "client", *options, CENTER], stdout=subprocess.DEVNULL, text=True))
        ours = Program(site, "bench.link.prober", str(count), str(INTERVAL_MS))
        trips = {kind: _numbered(one) for kind, one in ours.wait("trips", 120)["said"].items()}
        series = ours.wait("series")["said"]
        outputs = [peer.communicate(timeout=60)[0] or "" for peer in peers]
        irtt_trips = _read_irtt(said)
    capture.tell("")
    wire = {name: _numbered(one) for name, one in capture.wait("trips")["said"].items()}
    for program in (ours, capture, center):
        program.close()
    fping = {int(seq): float(ms) for seq, ms in _FPING.findall("".join(outputs))}
    others = [name for name in wire if name.startswith("icmp") and name != series["icmp"]]
    return {
        "diemcau ICMP": _biases(trips["icmp"], wire.get(series["icmp"], {})),
        "diemcau STAMP": _biases(trips["stamp"], wire.get("stamp", {})),
        "fping": _biases(fping, wire.get(others[0], {}) if others else {}),
        "irtt": _biases(irtt_trips, wire.get("irtt", {})),
    }


def _numbered(said: Mapping[str, float]) -> dict[int, float]:
    return {int(seq): float(one) for seq, one in said.items()}


def _biases(told_ms: Trips, wire_ns: Trips) -> list[float]:
    """In µs, of what both have seen."""
    return [told_ms[seq] * 1e3 - wire_ns[seq] / 1e3 for seq in told_ms if seq in wire_ns]


def _read_irtt(said: Path) -> dict[int, float]:
    if not said.exists():
        return {}
    trips = json.loads(said.read_text(encoding="utf-8"))["round_trips"]
    return {one["seqno"]: one["delay"]["rtt"] / 1e6 for one in trips if "rtt" in one.get("delay", {})}


@contextmanager
def _irtt_server(world: str) -> Iterator[str | None]:
    root = fetched("irtt")
    if isinstance(root, str):
        yield None
        return
    program = str(root / "usr/bin/irtt")
    server = subprocess.Popen(["ip", "netns", "exec", world, program, "server", "-b", f"{CENTER}:2112"], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield program
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _burning() -> Iterator[None]:
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BURNERS)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
