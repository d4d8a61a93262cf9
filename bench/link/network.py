"""Sites, each in a network namespace behind its own cable, and the rest of the world in another; programs inside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CENTER, MCU = "10.91.0.1", "10.92.0.1"
PORT = 8620
_RULES = f"""
add table ip t
add set ip t cut {{ type ipv4_addr; }}
add set ip t lossy {{ type ipv4_addr; }}
add set ip t burst {{ type ipv4_addr; }}
add chain ip t i {{ type filter hook input priority 0; }}
add chain ip t o {{ type filter hook output priority 0; }}
add rule ip t i ip saddr @cut ip daddr {{ {CENTER}, {MCU} }} drop
add rule ip t o ip daddr @cut ip saddr {{ {CENTER}, {MCU} }} drop
add rule ip t i ip saddr @lossy numgen random mod 100 < 5 drop
add rule ip t o ip daddr @lossy numgen random mod 100 < 5 drop
add rule ip t i ip saddr @burst drop
add rule ip t o ip daddr @burst drop
"""


def run(*command: str, check: bool = True, text: str | None = None) -> str:
    """Run a command; what it said."""
    return subprocess.run(command, check=check, capture_output=True, text=True, input=text).stdout


class Program:
    """A module of ours in a namespace that says lines of JSON."""

    def __init__(self, namespace: str, module: str, *arguments: str) -> None:
        command = ["ip", "netns", "exec", namespace, sys.executable, "-m", module, *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._module = module
        self.said: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.said.append(json.loads(line))
                self._changed.notify_all()

    def tell(self, line: str) -> None:
        """One line on its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, what: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """The latest thing of this kind that it said, once there is one.

        Raises:
            TimeoutError: it did not say it.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: any(one["what"] == what for one in self.said), timeout_s):
                raise TimeoutError(f"{self._module}: no {what}")
            return next(one for one in reversed(self.said) if one["what"] == what)

    def heard(self, what: str, since: float, until: float) -> list[dict[str, Any]]:
        """What it said of this kind between two Unix times."""
        with self._changed:
            return [one for one in self.said if one["what"] == what and since <= one["at"] < until]

    def close(self) -> None:
        """End it by ending its input."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)


class _Typed:
    """A tool that carries out a line as soon as it is typed, so that a cut has a moment and not the start of a program."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self._lock = threading.Lock()

    def type(self, line: str) -> float:
        """Have it done; the Unix time just before."""
        assert self._process.stdin is not None
        with self._lock:
            at = time.time()
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            return at

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class Network:
    """The namespaces; needs root.

    Args:
        sites: How many.
    """

    def __init__(self, sites: int) -> None:
        tag = f"{os.getpid() % 100000}"
        self.world = f"dcb-world-{tag}"
        self.sites = [f"dcb-{number}-{tag}" for number in range(sites)]
        self.addresses = [f"10.90.{number}.2" for number in range(sites)]
        self.gateways = [f"10.90.{number}.1" for number in range(sites)]
        for name in (self.world, *self.sites):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for address in (CENTER, MCU):
            run("ip", "-n", self.world, "addr", "add", f"{address}/32", "dev", "lo")
        for number, name in enumerate(self.sites):
            self._cable(number, name)
        run("ip", "netns", "exec", self.world, "nft", "-f", "-", text=_RULES)
        self._nft = _Typed("ip", "netns", "exec", self.world, "nft", "-i")
        self._ip = _Typed("ip", "-n", self.world, "-force", "-batch", "-")

    def _cable(self, number: int, name: str) -> None:
        run("ip", "link", "add", f"c{number}", "netns", self.world, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "-n", name, "addr", "add", f"{self.addresses[number]}/24", "dev", "eth0")
        run("ip", "-n", self.world, "addr", "add", f"{self.gateways[number]}/24", "dev", f"c{number}")
        run("ip", "-n", self.world, "link", "set", f"c{number}", "up")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        run("ip", "-n", name, "route", "add", "default", "via", self.gateways[number])

    def put(self, number: int, condition: str, *, present: bool) -> float:
        """Cut a site off the center and the MCU (``cut``), lose 5 % each way (``lossy``) or all (``burst``); when, Unix time."""
        return self._nft.type(f"{'add' if present else 'delete'} element ip t {condition} {{ {self.addresses[number]} }}")

    def cable(self, number: int, *, plugged: bool) -> float:
        """Pull a site's cable at the far end, or plug it; when, Unix time."""
        return self._ip.type(f"link set c{number} {'up' if plugged else 'down'}")

    def close(self) -> None:
        """Take all down."""
        self._nft.close()
        self._ip.close()
        for name in (*self.sites, self.world):
            run("ip", "netns", "del", name, check=False)
