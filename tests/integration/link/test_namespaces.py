from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

CENTER, MCU, GATEWAY, SITE, PORT = "10.78.0.1", "10.79.0.1", "10.77.0.1", "10.77.0.2", 8620
TARGETS = {"ssid": 7, "targets": [f"gateway={GATEWAY}", f"mcu={MCU}", f"center=stamp:{CENTER}:{PORT}"]}
PATIENCE_S = 40.0

pytestmark = [pytest.mark.root, pytest.mark.req("R36", "R31")]
Launch = Callable[..., Any]


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def start(launch: Launch, host: str = SITE, ahead_s: int = 0) -> tuple[Any, Any]:
    """Center and site, which hear each other, in a meeting; the site's clock may be ahead."""
    center = launch("center", str(PORT), json.dumps({"a": {"ssid": 7, "host": host}}))
    site = launch("site", json.dumps(TARGETS), str(ahead_s))
    ends_s = time.monotonic() + PATIENCE_S
    while {end["light"] for end in site.ask("light", "light")} != {"up"}:
        assert time.monotonic() < ends_s
        time.sleep(0.05)
    center.tell("a")
    center.wait("expecting")
    return center, site


def test_a_dead_path_is_told_by_both_ends_and_backfilled_exactly(network: Any, launch: Launch) -> None:
    center, site = start(launch)
    cut_at = network.cut(CENTER, MCU)
    confirmed, seen = site.wait("Confirmed"), center.wait("confirmed")
    healed_at = network.heal()
    returned, back = site.wait("Returned"), center.wait("returned")
    assert [found["code"] for found in confirmed["said"]["findings"]] == ["link.down"]
    assert (confirmed["said"]["targets"], confirmed["said"]["answered"]) == (["center", "mcu"], ["gateway"])
    assert confirmed["said"]["place"] == "tslcd"
    gap = returned["said"]["interruption"]
    # The rule is in force some milliseconds before or after nft comes back, and a machine under load sends late.
    assert seconds(gap["began_at"]) == pytest.approx(cut_at, abs=0.25)
    assert seconds(gap["ended_at"]) == pytest.approx(healed_at, abs=0.25 + gap.get("blind_s", 0.0))
    assert seconds(seen["said"]["silent_since"]) == pytest.approx(cut_at, abs=0.25)
    assert seen["said"]["witness"] == "answered", "the path from the site's gateway to its own address is whole"
    assert seconds(back["said"]["returned_at"]) == pytest.approx(healed_at, abs=0.5)


@pytest.mark.req("R48")
@pytest.mark.parametrize("ahead_s", [60, -60])
def test_a_site_whose_clock_is_a_minute_off_says_by_how_much_and_its_outage_is_right_by_the_centers(
    network: Any, launch: Launch, ahead_s: int
) -> None:
    _, site = start(launch, ahead_s=ahead_s)
    offset = site.ask("clock", "clock")
    assert offset["offset_ms"] == pytest.approx(1000 * ahead_s, abs=5)
    assert abs(offset["offset_ms"] - 1000 * ahead_s) <= offset["error_ms"]
    cut_at = network.cut(CENTER, MCU)
    site.wait("Confirmed")
    healed_at = network.heal()
    gap = site.wait("Returned")["said"]["interruption"]
    ahead = offset["offset_ms"] / 1000
    assert seconds(gap["began_at"]) - ahead == pytest.approx(cut_at, abs=0.25)
    assert seconds(gap["ended_at"]) - ahead == pytest.approx(healed_at, abs=0.25 + gap.get("blind_s", 0.0))


def test_a_pulled_cable_lies_at_the_gateway_and_the_witness_is_silent(network: Any, launch: Launch) -> None:
    center, site = start(launch)
    network.cable("down")
    confirmed, seen = site.wait("Confirmed"), center.wait("confirmed")
    network.cable("up")
    assert [found["code"] for found in confirmed["said"]["findings"]] == ["link.gateway_unreachable"]
    assert confirmed["said"]["targets"] == ["center", "gateway", "mcu"]
    assert seen["said"]["witness"] == "silent"
    assert site.wait("Returned")["said"]["interruption"]["confirmed"] is True
    center.wait("returned")


def test_only_the_mcu_gone_leaves_the_center_quiet(network: Any, launch: Launch) -> None:
    center, site = start(launch)
    network.cut(MCU)
    confirmed = site.wait("Confirmed")
    assert [found["code"] for found in confirmed["said"]["findings"]] == ["link.mcu_unreachable"]
    network.heal()
    site.wait("Returned")
    assert [said["what"] for said in center.said if said["what"] in ("suspected", "confirmed")] == []


def test_five_per_cent_loss_each_way_alarms_nobody_and_is_measured(network: Any, launch: Launch) -> None:
    center, site = start(launch)
    network.lose(5)
    time.sleep(8)
    figures = {(line["metric"], line.get("target")): line for line in site.ask("figures", "figures")}
    assert 2 < figures["link.loss_percent", "center"]["p50"] < 25
    assert [said["what"] for said in site.said if said["what"] in ("Confirmed", "Suspected")] == []
    assert [said["what"] for said in center.said if said["what"] in ("suspected", "confirmed")] == []


def test_an_agent_that_is_stopped_is_stale_and_sees_no_loss_itself(network: Any, launch: Launch) -> None:
    center, site = start(launch)
    os.kill(site.process.pid, signal.SIGSTOP)
    try:
        seen = center.wait("confirmed")
    finally:
        os.kill(site.process.pid, signal.SIGCONT)
    assert seen["said"]["witness"] == "answered"
    center.wait("returned")
    assert [said["what"] for said in site.said if said["what"] in ("Confirmed", "Suspected")] == []


def test_a_center_that_stood_still_accuses_nobody(network: Any, launch: Launch) -> None:
    center, site = start(launch)
    os.kill(center.process.pid, signal.SIGSTOP)
    try:
        site.wait("Confirmed")  # for the site the center is gone indeed
    finally:
        os.kill(center.process.pid, signal.SIGCONT)
    site.wait("Returned")
    assert [said["what"] for said in center.said if said["what"] in ("suspected", "confirmed")] == []


def test_the_probe_places_the_fault_and_its_exit_status_says_that_there_is_one(network: Any) -> None:
    network.cut(MCU)
    command = ["ip", "netns", "exec", network.site, sys.executable, "-m", "edge_agent.cli", "probe", "link", "--json", "--phase", "live"]
    answered = subprocess.run(
        [*command, "--target", f"gateway={GATEWAY}", "--target", f"mcu={MCU}", "--target", f"center={CENTER}"],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(answered.stdout)
    assert [found["code"] for found in report["findings"]] == ["link.mcu_unreachable"]
    assert {reading["target"]: reading["value"] for reading in report["readings"] if reading["metric"] == "link.loss_percent"} == {
        "gateway": 0,
        "mcu": 100,
        "center": 0,
    }
    assert answered.returncode == 1


def test_no_network_at_all_is_a_finding_and_no_crash(network: Any) -> None:
    subprocess.run(["ip", "-n", network.site, "link", "set", "eth0", "down"], check=True)
    program = (
        "import sys, msgspec; from probes.link.probe import run; from probes.link.limits import *; from probes.interface import Look;"
        "report = run(msgspec.json.decode(sys.argv[1], type=LinkSettings), LinkLimits(probes=5, probe_wait_ms=50), Look());"
        "print(msgspec.json.encode(report).decode())"
    )
    answered = subprocess.run(
        ["ip", "netns", "exec", network.site, sys.executable, "-c", program, json.dumps(TARGETS)],
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(answered.stdout)
    assert [found["code"] for found in report["findings"]] == ["link.gateway_unreachable"]
