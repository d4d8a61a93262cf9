"""A switch's own LLDP and CDP by a real lldpd at the other end of a cable, in namespaces of their own; the watch runs as in the agent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.cables.neighbour import FILE, Neighbour
from probes.seldom import recall

PATIENCE_S = 40.0
WATCH = """
import asyncio, sys
from pathlib import Path
from edge_agent.neighbour_watch import NeighbourWatch
asyncio.run(NeighbourWatch(Path(sys.argv[1]), "eth0").go_on())
"""

pytestmark = [pytest.mark.root, pytest.mark.req("R31")]


def run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True)


class Cable:
    """A site and a switch at its cable."""

    def __init__(self, folder: Path) -> None:
        tag = os.getpid() % 100000
        self.site, self.switch = f"dc-nb-site-{tag}", f"dc-nb-switch-{tag}"
        self.folder, self.programs = folder, list[subprocess.Popen[bytes]]()
        self.control = f"/run/lldpd/{tag}.socket"  # a socket's path must be short
        for name in (self.site, self.switch):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", "eth0", "netns", self.site, "type", "veth", "peer", "name", "port12", "netns", self.switch)
        run("ip", "-n", self.site, "link", "set", "eth0", "up")
        run("ip", "-n", self.switch, "link", "set", "port12", "up")

    def begin(self, namespace: str, *command: str) -> None:
        full = ["ip", "netns", "exec", namespace, *command]
        self.programs.append(subprocess.Popen(full, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def speak(self, name: str, *protocols: str) -> None:
        """The switch tells of itself each second from now on, under this name."""
        Path("/run/lldpd").mkdir(exist_ok=True)  # where lldpd locks itself up
        self.begin(self.switch, "lldpd", "-d", "-u", self.control, *protocols, "-I", "port12")
        ends_s = time.monotonic() + PATIENCE_S
        while subprocess.run(["lldpcli", "-u", self.control, "show", "chassis"], capture_output=True, check=False).returncode:
            assert time.monotonic() < ends_s, "lldpd does not come up"
            time.sleep(0.2)
        for words in (["system", "hostname", name], ["lldp", "tx-interval", "1"], ["lldp", "portidsubtype", "ifname"]):
            run("lldpcli", "-u", self.control, "configure", *words)

    def known(self, wanted: str) -> Neighbour:
        ends_s = time.monotonic() + PATIENCE_S
        while (known := recall(self.folder / FILE, Neighbour)) is None or known.system != wanted:
            assert time.monotonic() < ends_s, f"heard {known}"
            time.sleep(0.2)
        return known

    def close(self) -> None:
        for program in self.programs:
            program.terminate()
        for program in self.programs:
            program.wait(10)
        for name in (self.site, self.switch):
            run("ip", "netns", "del", name, check=False)


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("protocols", [(), ("-ll", "-ccc")], ids=["LLDP", "CDP"])
def test_the_switch_and_its_port_are_known_and_its_new_name_too(cable: Cable, protocols: tuple[str, ...]) -> None:
    cable.begin(cable.site, sys.executable, "-c", WATCH, str(cable.folder))
    cable.speak("SW-TANG2", *protocols)
    assert cable.known("SW-TANG2").port == "port12"
    run("lldpcli", "-u", cable.control, "configure", "system", "hostname", "SW-TANG3")
    cable.known("SW-TANG3")
