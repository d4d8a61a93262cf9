"""What a line carries, by a real iperf3 over a cable that lets so much through (tc tbf), in namespaces of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SITE, CENTER = "10.87.0.2", "10.87.0.1"

pytestmark = [
    pytest.mark.root,
    pytest.mark.req("R29", "R31"),
]


def run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True)


class Line:
    """A cable between a site and a center; iperf3 serves at the center."""

    def __init__(self, folder: Path) -> None:
        tag = os.getpid() % 100000
        self.site, self.center = f"dc-tp-site-{tag}", f"dc-tp-center-{tag}"
        for name in (self.site, self.center):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", "eth0", "netns", self.site, "type", "veth", "peer", "name", "eth0", "netns", self.center)
        for name, address in ((self.site, SITE), (self.center, CENTER)):
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
        self.server = subprocess.Popen(
            ["ip", "netns", "exec", self.center, "iperf3", "--server", "--bind", CENTER], stdout=subprocess.DEVNULL
        )
        self.file = folder / "agent.toml"
        self.file.write_text(
            f'[site]\nid = "thu"\nname = "Thử"\n[state]\ndirectory = "{folder}"\n'
            f'[link]\ntargets = ["center=stamp:{CENTER}:862"]\ncapacity_mbps = 4\n'
        )
        time.sleep(0.5)

    def carry(self, name: str, mbit: float) -> None:
        run("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", f"{mbit}mbit", "burst", "8kb", "latency", "30ms")

    def measure(self, *options: str) -> tuple[int, Any]:
        command = [
            "ip",
            "netns",
            "exec",
            self.site,
            str(Path(sys.executable).with_name("edge-agent")),
            "throughput",
            "--config",
            str(self.file),
        ]
        said = subprocess.run([*command, "--time", "2", "--json", *options], capture_output=True, text=True, timeout=60, check=False)
        return said.returncode, json.loads(said.stdout) if said.stdout else said.stderr

    def close(self) -> None:
        self.server.kill()
        self.server.wait(10)
        for name in (self.site, self.center):
            run("ip", "netns", "del", name, check=False)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.close()


def figures(report: Any) -> dict[str, float]:
    return {reading["metric"]: reading.get("value") for reading in report["readings"]}


def test_a_line_that_carries_what_was_agreed_is_well(line: Line) -> None:
    status, report = line.measure()
    assert (status, report.get("findings", [])) == (0, [])
    assert figures(report)["link.throughput_to_mbps"] == pytest.approx(4, rel=0.1)
    assert figures(report)["link.throughput_back_mbps"] == pytest.approx(4, rel=0.1)


def test_a_line_that_carries_less_one_way_is_told_with_that_way(line: Line) -> None:
    line.carry(line.center, 2)
    status, report = line.measure()
    (found,) = report["findings"]
    assert (status, found["code"], found["details"]["way"]) == (1, "link.low_throughput", "↓")
    assert figures(report)["link.throughput_to_mbps"] == pytest.approx(4, rel=0.1)
    # The shaper counts frames, iperf3 what is in them.
    assert figures(report)["link.throughput_back_mbps"] == pytest.approx(2, rel=0.15)
    assert found["limit"] == pytest.approx(3.6)


def test_a_center_that_does_not_serve_is_not_measured_and_no_fault(line: Line) -> None:
    status, report = line.measure("--port", "5999")
    assert status == 2
    assert {reading["failure"] for reading in report["readings"]} == {"refused"}


def test_a_wrong_rate_is_one_sentence(line: Line) -> None:
    assert line.measure("--rate", "-1") == (
        2,
        "edge-agent: throughput: --rate phải lớn hơn 0, --time từ 1 đến 60 giây, --port từ 1 đến 65535\n",
    )
