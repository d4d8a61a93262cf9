"""A site and the rest of the world in network namespaces of their own; the watch and the reflector run inside as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

PATIENCE_S = 40.0
GATEWAY, CENTER, MCU, SITE = "10.77.0.1", "10.78.0.1", "10.79.0.1", "10.77.0.2"
PORT = 8620

SITE_PROGRAM = """
import json, sys, time
import msgspec
from bench.link.another_clock import put_ahead
from contract.meetings import Phase
from edge_agent.link_watch import LinkWatch
from probes.link.limits import LinkLimits, LinkSettings
def say(what, content):
    print(json.dumps({"what": what, "at": time.time(), "said": json.loads(msgspec.json.encode(content))}), flush=True)
settings = msgspec.json.decode(sys.argv[1], type=LinkSettings)
put_ahead(float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
watch = LinkWatch(settings, LinkLimits(), lambda event: say(type(event).__name__, event))
watch.set_phase(Phase.LIVE, "m1")
watch.start()
say("started", {})
for line in sys.stdin:
    if line.strip() == "light":
        say("light", watch.light())
    elif line.strip() == "figures":
        say("figures", watch.rollups())
    elif line.strip() == "clock":
        say("clock", watch.clock_offset())
watch.stop()
"""

CENTER_PROGRAM = """
import json, sys, time
import msgspec
from control_center.liveness import Liveness, SiteAddress
def say(what, content):
    print(json.dumps({"what": what, "at": time.time(), "said": json.loads(msgspec.json.encode(content))}), flush=True)
sites = msgspec.json.decode(sys.argv[2], type=dict[str, SiteAddress])
liveness = Liveness("0.0.0.0", int(sys.argv[1]), sites, lambda signal: say(signal.kind, signal))
liveness.start()
say("started", {})
for line in sys.stdin:
    liveness.expect(line.split())
    say("expecting", line.split())
liveness.stop()
"""


def run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True)


class Program:
    """A process in a namespace that says lines of JSON."""

    def __init__(self, namespace: str, program: str, *arguments: str) -> None:
        command = ["ip", "netns", "exec", namespace, sys.executable, "-c", program, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait("started")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.said.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, what: str, after: float = 0.0) -> dict[str, Any]:
        """The first thing of this kind that was said after a Unix time."""
        with self._changed:
            found: list[dict[str, Any]] = []

            def has() -> bool:
                found[:] = [said for said in self.said if said["what"] == what and said["at"] >= after]
                return bool(found) or self._ended

            assert self._changed.wait_for(has, PATIENCE_S), f"no {what}: {self.said[-5:]}"
            assert found, f"ended without {what}: {self.said[-5:]}"
            return found[0]

    def ask(self, line: str, what: str) -> Any:
        after = datetime.now(UTC).timestamp()
        self.tell(line)
        return self.wait(what, after)["said"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self._reader.join(5)


class Network:
    """The site's namespace behind one cable, and everything else behind it."""

    def __init__(self) -> None:
        tag = f"{os.getpid() % 100000}"
        self.site, self.world = f"dc-site-{tag}", f"dc-world-{tag}"
        self._cable = f"dcw{tag}"
        for name in (self.site, self.world):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", self._cable, "netns", self.world, "type", "veth", "peer", "name", "eth0", "netns", self.site)
        run("ip", "-n", self.site, "addr", "add", f"{SITE}/24", "dev", "eth0")
        run("ip", "-n", self.world, "addr", "add", f"{GATEWAY}/24", "dev", self._cable)
        for address in (CENTER, MCU):
            run("ip", "-n", self.world, "addr", "add", f"{address}/32", "dev", "lo")
        run("ip", "-n", self.site, "link", "set", "eth0", "up")
        run("ip", "-n", self.world, "link", "set", self._cable, "up")
        run("ip", "-n", self.site, "route", "add", "default", "via", GATEWAY)
        self._nft(
            "add table ip t",
            "add chain ip t i { type filter hook input priority 0; }",
            "add chain ip t o { type filter hook output priority 0; }",
        )

    def _nft(self, *rules: str) -> None:
        run("ip", "netns", "exec", self.world, "nft", "; ".join(rules))

    def cut(self, *addresses: str) -> float:
        """These addresses take and say nothing any more; returns when."""
        wanted = "{ " + ", ".join(addresses) + " }"
        self._nft(f"add rule ip t i ip daddr {wanted} drop", f"add rule ip t o ip saddr {wanted} drop")
        return datetime.now(UTC).timestamp()

    def lose(self, percent: int) -> None:
        """Packets are lost at random, each way."""
        self._nft(f"add rule ip t i numgen random mod 100 < {percent} drop", f"add rule ip t o numgen random mod 100 < {percent} drop")

    def heal(self) -> float:
        """All rules away; returns when."""
        self._nft("flush chain ip t i", "flush chain ip t o")
        return datetime.now(UTC).timestamp()

    def cable(self, state: str) -> float:
        """Pull the world's end of the cable (``down``) or plug it (``up``)."""
        run("ip", "-n", self.world, "link", "set", self._cable, state)
        return datetime.now(UTC).timestamp()

    def close(self) -> None:
        for name in (self.site, self.world):
            run("ip", "netns", "del", name, check=False)


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    yield made
    made.close()


@pytest.fixture
def launch(network: Network) -> Iterator[Callable[..., Program]]:
    made: list[Program] = []

    def begin(what: str, *arguments: str) -> Program:
        program = SITE_PROGRAM if what == "site" else CENTER_PROGRAM
        made.append(Program(network.site if what == "site" else network.world, program, *arguments))
        return made[-1]

    yield begin
    for program in reversed(made):
        program.close()
