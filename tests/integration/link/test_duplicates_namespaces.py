"""Hosts on one cable (a bridge in a namespace of its own), two of them with one address; real ARP, real kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import msgspec
import pytest

from contract.readings import Failure
from probes.link.duplicates import DuplicatesAnswer

OWN, CODEC, GATEWAY = "10.86.0.5", "10.86.0.9", "10.86.0.1"
SEGMENT = "10.86.0"

pytestmark = [pytest.mark.root, pytest.mark.req("R31")]


def run(*command: str, check: bool = True) -> str:
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout


class Segment:
    """A bridge and the namespaces at it."""

    def __init__(self) -> None:
        self.tag = os.getpid() % 100000
        self.names: list[str] = []
        self.switch = self._namespace("switch")
        run("ip", "-n", self.switch, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "bridge", "up")

    def _namespace(self, name: str) -> str:
        full = f"dc-arp-{name}-{self.tag}"
        run("ip", "netns", "add", full)
        self.names.append(full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def host(self, name: str, *addresses: str) -> str:
        """A host with one cable for each address; its namespace."""
        space = self._namespace(name)
        for number, address in enumerate(addresses):
            port = f"{name}{number}"
            run("ip", "link", "add", f"eth{number}", "netns", space, "type", "veth", "peer", "name", port, "netns", self.switch)
            run("ip", "-n", self.switch, "link", "set", port, "master", "bridge", "up")
            run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", f"eth{number}", "nodad")
            run("ip", "-n", space, "link", "set", f"eth{number}", "up")
        return space

    def mac(self, space: str, device: str = "eth0") -> str:
        return run("ip", "netns", "exec", space, "cat", f"/sys/class/net/{device}/address").strip()

    def ask(self, space: str, *without: str, **request: object) -> DuplicatesAnswer:
        asked = msgspec.json.encode({"interface": "eth0", "own": OWN, "others": [CODEC, GATEWAY], **request})
        command = ["ip", "netns", "exec", space, *without, sys.executable, "-m", "probes.link.duplicates"]
        said = subprocess.run(command, input=asked, capture_output=True, check=True, timeout=60)
        return msgspec.json.decode(said.stdout, type=DuplicatesAnswer)

    def close(self) -> None:
        for name in self.names:
            run("ip", "netns", "del", name, check=False)


@pytest.fixture
def segment() -> Iterator[Segment]:
    made = Segment()
    yield made
    made.close()


def test_everybody_has_an_address_of_his_own(segment: Segment) -> None:
    site, codec = segment.host("site", OWN), segment.host("codec", CODEC)
    assert segment.ask(site).owners == {OWN: (), CODEC: (segment.mac(codec),), GATEWAY: ()}


def test_a_second_interface_of_this_machine_on_the_same_cable_is_no_stranger(segment: Segment) -> None:
    site = segment.host("site", OWN, f"{SEGMENT}.6")
    assert segment.ask(site).owners[OWN] == ()


def test_a_stranger_with_this_machines_address_and_two_codecs_with_one_are_named(segment: Segment) -> None:
    site = segment.host("site", OWN)
    stranger = segment.host("stranger", OWN)
    codecs = segment.host("codec", CODEC), segment.host("spare", CODEC)
    said = segment.ask(site)
    assert said.owners[OWN] == (segment.mac(stranger),)
    assert said.owners[CODEC] == tuple(sorted(segment.mac(one) for one in codecs))


def test_without_the_capability_it_is_no_permission(segment: Segment) -> None:
    site = segment.host("site", OWN)
    assert segment.ask(site, "setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw").failure is Failure.PERMISSION


def test_an_interface_that_is_not_there_is_absent(segment: Segment) -> None:
    assert segment.ask(segment.host("site", OWN), interface="nowhere").failure is Failure.ABSENT
