"""Two routers between a site and its center, in namespaces of their own: site – first – second (or standby) – center."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.messages import ProbeReport
from contract.readings import Failure
from probes.link.path_protocol import PathAnswer

CENTER = "10.84.0.2"
FIRST, SECOND, STANDBY = "10.81.0.1", "10.82.0.2", "10.83.0.2"
PATIENCE_S = 60

pytestmark = [pytest.mark.root, pytest.mark.req("R31")]


def run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True)


class Chain:
    """The namespaces and what is done to them."""

    def __init__(self) -> None:
        tag = os.getpid() % 100000
        self.names = {name: f"dc-path-{name}-{tag}" for name in ("site", "first", "second", "standby", "center")}
        for name in self.names.values():
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            self.inside(
                name, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"
            )
        self._cable("site", "10.81.0.2", "first", FIRST)
        self._cable("first", "10.82.0.1", "second", SECOND)
        self._cable("first", "10.83.0.1", "standby", STANDBY)
        self._cable("second", "10.84.0.1", "center", CENTER)
        self._cable("standby", "10.85.0.1", "center", "10.85.0.2")
        self.route("site", "default", FIRST)
        self.route("first", "10.84.0.0/24", SECOND)
        self.route("second", "10.81.0.0/24", "10.82.0.1")
        self.route("standby", "10.81.0.0/24", "10.83.0.1")
        self.route("standby", "10.84.0.0/24", "10.85.0.2")
        self.route("center", "default", "10.84.0.1")

    def _cable(self, left: str, left_address: str, right: str, right_address: str) -> None:
        ends = ["ip", "link", "add", f"to-{right}", "netns", self.names[left], "type", "veth"]
        run(*ends, "peer", "name", f"to-{left}", "netns", self.names[right])
        for name, device, address in ((left, f"to-{right}", left_address), (right, f"to-{left}", right_address)):
            run("ip", "-n", self.names[name], "addr", "add", f"{address}/24", "dev", device)
            run("ip", "-n", self.names[name], "link", "set", device, "up")

    @staticmethod
    def inside(namespace: str, *command: str) -> None:
        run("ip", "netns", "exec", namespace, *command)

    def route(self, name: str, destination: str, via: str) -> None:
        run("ip", "-n", self.names[name], "route", "replace", destination, "via", via)

    def nft(self, name: str, hook: str, rule: str) -> None:
        chain = f"add table ip t; add chain ip t c {{ type filter hook {hook} priority -150; }}; add rule ip t c {rule}"
        self.inside(self.names[name], "nft", chain)

    def ask(self, *without: str, **request: Any) -> PathAnswer:
        command = ["ip", "netns", "exec", self.names["site"], *without, sys.executable, "-m", "probes.link.path"]
        asked = msgspec.json.encode({"host": CENTER, "dscp": 34, "wait_ms": 3000, **request})
        said = subprocess.run(command, input=asked, capture_output=True, check=True, timeout=PATIENCE_S)
        return msgspec.json.decode(said.stdout, type=PathAnswer)

    def probe(self, directory: Path, phase: str = "idle") -> ProbeReport:
        program = (
            "import sys, msgspec; from probes.link.probe import run; from probes.link.limits import *; from probes.interface import Look;"
            "look = msgspec.json.decode(sys.argv[1], type=Look);"
            "limits = LinkLimits(probes=5, probe_wait_ms=500, path_wait_ms=2500);"
            f"report = run(LinkSettings(targets=('center={CENTER}',), dscp=34), limits, look);"
            "sys.stdout.buffer.write(msgspec.json.encode(report))"
        )
        look = json.dumps({"state_directory": str(directory), "phase": phase, "deadline_s": 20})
        command = ["ip", "netns", "exec", self.names["site"], sys.executable, "-c", program, look]
        said = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S)
        return msgspec.json.decode(said.stdout, type=ProbeReport)

    def close(self) -> None:
        for name in self.names.values():
            run("ip", "netns", "del", name, check=False)


@pytest.fixture
def chain() -> Iterator[Chain]:
    made = Chain()
    yield made
    made.close()


def test_every_hop_is_seen_with_the_mark_that_came_there(chain: Chain) -> None:
    said = chain.ask()
    assert [(hop.ttl, hop.address, hop.dscp) for hop in said.hops] == [(1, FIRST, 34), (2, SECOND, 34), (3, CENTER, 34)]
    assert said.reached
    assert all(hop.rtt_ms is not None and hop.rtt_ms >= 0 and hop.also == () for hop in said.hops)


@pytest.mark.parametrize(("hook", "seen", "hop"), [("prerouting", (34, 0, 0), SECOND), ("postrouting", (34, 34, 0), CENTER)])
def test_a_mark_that_the_second_router_takes_away_is_located(
    chain: Chain, tmp_path: Path, hook: str, seen: tuple[int, ...], hop: str
) -> None:
    chain.nft("second", hook, f"ip daddr {CENTER} ip dscp set cs0")
    assert tuple(each.dscp for each in chain.ask().hops) == seen
    (found,) = chain.probe(tmp_path).findings
    assert (found.code, found.figure, found.limit, found.details["address"]) == ("link.dscp_changed", 0, 34, hop)


def test_a_silent_router_is_an_empty_hop_and_no_change(chain: Chain, tmp_path: Path) -> None:
    chain.probe(tmp_path, "idle")
    chain.nft("second", "output", "icmp type time-exceeded drop")
    assert [hop.address for hop in chain.ask().hops] == [FIRST, None, CENTER]
    for phase in ("rehearsal", "precheck"):
        report = chain.probe(tmp_path, phase)
        assert report.findings == ()
        assert {reading.metric: reading.value for reading in report.readings}["link.hops"] == 3


def test_a_route_that_was_switched_is_told_after_a_second_look(chain: Chain, tmp_path: Path) -> None:
    assert chain.probe(tmp_path).findings == ()
    chain.route("first", "10.84.0.0/24", STANDBY)
    assert chain.probe(tmp_path, "rehearsal").findings == ()
    (found,) = chain.probe(tmp_path, "rehearsal").findings
    assert (found.code, found.details["hop"], found.details["before"], found.details["now"]) == ("link.path_changed", 2, SECOND, STANDBY)
    chain.route("first", "10.84.0.0/24", SECOND)
    assert chain.probe(tmp_path, "precheck").findings == ()


def test_a_center_that_is_cut_off_behind_the_routers_is_not_reached_and_changes_no_path(chain: Chain, tmp_path: Path) -> None:
    chain.probe(tmp_path)
    run("ip", "-n", chain.names["center"], "link", "set", "to-second", "down")
    said = chain.ask()
    assert not said.reached
    assert [hop.address for hop in said.hops][:1] == [FIRST]
    for phase in ("rehearsal", "precheck"):
        assert "link.path_changed" not in [found.code for found in chain.probe(tmp_path, phase).findings]


def test_without_the_capability_it_is_no_permission(chain: Chain) -> None:
    said = chain.ask("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    assert (said.failure, said.hops) == (Failure.PERMISSION, ())


def test_an_interface_that_is_not_there_is_absent(chain: Chain) -> None:
    assert chain.ask(interface="to-nowhere").failure is Failure.ABSENT


@pytest.mark.parametrize("carries", [1500, 1438, 1400, 577])
@pytest.mark.parametrize("silent", [False, True], ids=["told", "black hole"])
def test_the_largest_whole_packet_is_found_to_the_octet(chain: Chain, carries: int, *, silent: bool) -> None:
    if silent:
        chain.nft("second", "output", "icmp type destination-unreachable icmp code frag-needed drop")
    run("ip", "-n", chain.names["second"], "link", "set", "to-center", "mtu", str(carries))
    said = chain.ask()
    assert said.mtu == carries
    assert said.mtu_told_by == ("" if silent or carries == 1500 else SECOND)
    assert [hop.address for hop in said.hops] == [FIRST, SECOND, CENTER], "and the path is what it was"


def test_a_path_that_has_become_better_is_seen_at_once_whatever_the_kernel_remembers(chain: Chain) -> None:
    run("ip", "-n", chain.names["second"], "link", "set", "to-center", "mtu", "1400")
    run("ip", "netns", "exec", chain.names["site"], "ping", "-c", "2", "-W", "1", "-M", "do", "-s", "1472", CENTER, check=False)
    assert chain.ask().mtu == 1400
    run("ip", "-n", chain.names["second"], "link", "set", "to-center", "mtu", "1500")
    assert chain.ask().mtu == 1500


def test_packets_that_must_be_smaller_than_before_are_told_after_a_second_look_with_who_says_so(chain: Chain, tmp_path: Path) -> None:
    assert chain.probe(tmp_path).findings == ()
    run("ip", "-n", chain.names["second"], "link", "set", "to-center", "mtu", "1400")
    assert chain.probe(tmp_path, "rehearsal").findings == ()
    (found,) = chain.probe(tmp_path, "rehearsal").findings
    assert (found.code, found.figure, found.limit, found.details["address"]) == ("link.mtu_reduced", 1400, 1500, SECOND)
    run("ip", "-n", chain.names["second"], "link", "set", "to-center", "mtu", "1500")
    assert chain.probe(tmp_path, "precheck").findings == ()
