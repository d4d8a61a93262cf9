"""A device behind a dead cable of ours is not dead: what is missing on this side is named, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes import reach
from probes.camera.limits import CameraLimits, CameraSettings
from probes.camera.probe import run as look_through_camera
from probes.codec.limits import CodecLimits, CodecSettings
from probes.codec.probe import run as ask_codec
from probes.interface import Look
from probes.route import Way

ARP = "IP address       HW type     Flags       HW address            Mask     Device\n"
GATEWAY = "10.1.1.1"


class Machine:
    """What the kernel says of interfaces, neighbours and routes."""

    def __init__(self, folder: Path) -> None:
        self.net, self.arp = folder / "net", folder / "arp"
        self.interface("eth0", carrier="1")
        self.entries()

    def interface(self, name: str, *, carrier: str | None, state: str = "up") -> None:
        folder = self.net / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "operstate").write_text(state)
        (folder / "carrier").unlink(missing_ok=True)
        if carrier is not None:
            (folder / "carrier").write_text(carrier + "\n")

    def entries(self, **flags: str) -> None:
        rows = [f"{address}  0x1  {flag}  02:00:00:00:00:01  *  eth0\n" for address, flag in flags.items()]
        self.arp.write_text(ARP + "".join(rows))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(reach, "way_to", lambda address: Way(interface="eth0", gateway="" if address.startswith("10.1.1.") else GATEWAY))
    return Machine(tmp_path)


def why(machine: Machine, host: str) -> str:
    return reach.out_of_reach(host, machine.net, machine.arp)


def test_a_device_on_a_living_cable_is_judged(machine: Machine) -> None:
    assert why(machine, "10.1.1.9") == ""
    machine.entries(**{GATEWAY: "0x2"})
    assert why(machine, "10.2.2.9") == ""


def test_our_own_dead_cable_is_named(machine: Machine) -> None:
    machine.interface("eth0", carrier="0", state="down")
    assert why(machine, "10.1.1.9") == "eth0 has no carrier"
    machine.interface("eth0", carrier=None, state="down")
    assert why(machine, "10.1.1.9") == "eth0 has no carrier", "an interface that is switched off does not tell of its carrier"


def test_a_router_on_the_way_that_nobody_hears_is_named_and_one_that_is_not_on_the_way_does_not_matter(machine: Machine) -> None:
    machine.entries(**{GATEWAY: "0x0"})
    assert why(machine, "10.2.2.9") == f"the router {GATEWAY} on the way is gone"
    assert why(machine, "10.1.1.9") == ""


def test_what_the_kernel_does_not_tell_of_excuses_nobody(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.interface("tun0", carrier=None, state="unknown")
    monkeypatch.setattr(reach, "way_to", lambda _: Way(interface="tun0"))
    assert why(machine, "10.2.2.9") == ""
    monkeypatch.setattr(reach, "way_to", lambda _: None)
    assert why(machine, "10.2.2.9") == "no route"


def test_a_name_that_is_not_found_excuses_the_device_only_without_any_cable(machine: Machine) -> None:
    assert why(machine, "no-such-host.invalid") == ""
    machine.interface("eth0", carrier="0", state="down")
    assert why(machine, "no-such-host.invalid") == "no cable has a carrier"


@pytest.mark.req("R8", "R30")
def test_a_codec_and_a_network_camera_that_cannot_be_reached_from_here_are_not_checked_and_not_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codec = CodecSettings(host="127.0.0.1", sip_port=1, h323_port=1, web_port=0)
    camera = CameraSettings(source="rtsp://127.0.0.1:1/live")
    limits = CodecLimits(answer_ms=300)
    assert [found.code for found in ask_codec(codec, limits, Look()).findings] == ["codec.unreachable"]
    assert look_through_camera(camera, CameraLimits(), Look(deadline_s=5)).findings
    monkeypatch.setattr("probes.codec.probe.out_of_reach", lambda _: "eth0 has no carrier")
    monkeypatch.setattr("probes.camera.probe.out_of_reach", lambda _: "eth0 has no carrier")
    for report in (ask_codec(codec, limits, Look()), look_through_camera(camera, CameraLimits(), Look(deadline_s=5))):
        assert report.findings == ()
        assert [reading.failure for reading in report.readings] == ["unreachable"]
